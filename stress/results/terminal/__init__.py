"""What each command prints and writes: a file for each command, and what they share."""
