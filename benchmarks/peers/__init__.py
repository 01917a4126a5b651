"""What kstress is measured against: the same walk in C, the same race and the same stop in plain threads."""
