"""What the CPUs of a scenario are told to do, one operation at a time: read symbols, load and unload modules."""

from stress import judge
from stress.programs import modprobe

__all__ = ["judge", "modprobe"]
