"""The rest of a writer between two operations: so that readers, of which there are more, get the cores."""

from collections.abc import Callable

from stress.machine.random import prandom
from stress.machine.seam import Cpu, kernel
from stress.machine.words import PACE

NAP_NANOSECONDS = 50_000
"""About the shortest sleep that Linux gives."""


@kernel
def rest_passing(cpu: Cpu, safepoint: Callable[[Cpu], None]) -> None:
    """Wait for 0.5 to 1.5 times the run's pace, in naps, and pass `safepoint` before each."""
    pace = cpu.peek(PACE)
    if pace == 0:
        return
    deadline = cpu.clock() + pace // 2 + pace // 1024 * prandom(cpu, 1024)
    while cpu.clock() < deadline:
        safepoint(cpu)
        cpu.sleep(NAP_NANOSECONDS)
