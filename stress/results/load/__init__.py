"""What runs, soaks and sweeps have left on the disk, read into one shape: for reports, and to be compared."""
