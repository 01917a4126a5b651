"""Judging: what an operation ended in and what a run proves. Reads RAM and numbers, starts nothing."""

from stress.judge import lookups, names

__all__ = ["lookups", "names"]
