"""CPUs with no work: they pass safepoints and take events."""

from stress.machine.loop import UNJUDGED
from stress.machine.seam import Cpu, kernel


@kernel
def cpu_idle(cpu: Cpu) -> int:
    """One operation: yield the core once."""
    cpu.yield_core()
    return UNJUDGED


SPARE_NANOSECONDS = 100_000


@kernel
def cpu_spare(cpu: Cpu) -> int:
    """One operation of a CPU that the scenario has no use for: leave the core to others for a while."""
    cpu.sleep(SPARE_NANOSECONDS)
    return UNJUDGED
