"""Judging: what an operation ended in and what a run proves. Reads RAM and numbers, starts nothing."""
