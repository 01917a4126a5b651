"""What the host gives: cores and their locks, the disk, streams, clocks, signals; and what it lacks."""
