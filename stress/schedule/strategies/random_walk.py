"""Random walk: any CPU that can go on, for a random number of accesses. The mean is drawn for each schedule.

Switching at every access never gets deep, and long runs miss narrow windows: lengths are mixed.
"""

from stress.machine.control.spins import grant
from stress.machine.control.words import state
from stress.machine.seam import Cpu, kernel
from stress.schedule.strategies.draws import any_ready, chance

MEAN = 8
LONGEST_POWER = 9
"""Means are powers of two, up to 2 to this power."""


@kernel
def begin(cpu: Cpu) -> None:
    """Draw the mean length of a run."""
    cpu.poke(state(cpu, MEAN), 1 << chance(cpu, LONGEST_POWER + 1))


@kernel
def choose(cpu: Cpu, why: int) -> int:
    """Any CPU, for 1 to twice the mean less 1 accesses."""
    grant(cpu, 1 + chance(cpu, 2 * cpu.peek(state(cpu, MEAN)) - 1))
    return any_ready(cpu)
