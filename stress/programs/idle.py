"""A CPU with nothing to do: it passes safepoints, and takes what comes to it."""

from stress.machine.loop import UNJUDGED
from stress.machine.seam import Cpu, kernel


@kernel
def cpu_idle(cpu: Cpu) -> int:
    """One operation: nothing, before the next safepoint."""
    cpu.yield_core()
    return UNJUDGED
