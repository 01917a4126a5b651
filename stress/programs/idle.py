"""A CPU with no work: it passes safepoints and takes events."""

from stress.machine.loop import UNJUDGED
from stress.machine.seam import Cpu, kernel


@kernel
def cpu_idle(cpu: Cpu) -> int:
    """One operation: yield the core once."""
    cpu.yield_core()
    return UNJUDGED
