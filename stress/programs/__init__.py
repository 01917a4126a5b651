"""What the CPUs of a scenario are told to do, one operation at a time: read symbols, load and unload modules."""

from stress.judge import lookups
from stress.programs import modprobe

__all__ = ["lookups", "modprobe"]
