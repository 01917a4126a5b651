"""Judging: what an operation ended in, what a run proves, how both are told. Reads RAM and numbers, starts nothing."""
