"""The host: cores and their locks, the disk, streams, clocks, signals, and which features the system lacks."""
