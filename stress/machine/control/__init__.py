"""One CPU at a time: who runs is chosen at accesses of the seam, and recorded. Both engines run this same code."""
