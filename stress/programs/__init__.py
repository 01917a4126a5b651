"""The programs that a scenario's CPUs run, one operation at a time: read symbols, load and unload modules."""

from stress.judge import lookups
from stress.programs import modprobe

__all__ = ["lookups", "modprobe"]
