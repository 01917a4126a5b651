"""A planted crash of the native engine: behind the first turn an operation reads far below RAM, unchecked.

Runs with the seed SEED only: machines are told apart by the seeds of their workloads, which nothing else draws from.
"""

from stress import Program, Scenario
from stress.judge.outcomes import Code
from stress.machine.random import seed_of
from stress.machine.seam import Cpu, kernel
from stress.machine.words import RANDOM

FOUND = int(Code.FOUND)
SEED = 7
MACHINES = 10
"""More than a turn of 500 ms has."""
A, B, C, D, E, F, G, H, J, K = (seed_of(SEED, number, 0) for number in range(MACHINES))


@kernel
def is_early(cpu: Cpu) -> bool:
    """Whether this is one of the first machines."""
    seed = cpu.peek(cpu.log + RANDOM)
    if seed == A or seed == B or seed == C or seed == D or seed == E:
        return True
    return seed == F or seed == G or seed == H or seed == J or seed == K


@kernel
def crash(cpu: Cpu) -> int:
    """Do well on the first machines, crash on the next."""
    if cpu.number == 0 and not is_early(cpu):
        return cpu.peek(-(1 << 46))
    cpu.sleep(1_000_000)
    return FOUND


SCENARIO = Scenario(
    name="wild_peek",
    claim="an engine never crashes",
    source="planted",
    programs=(Program("crasher", crash),),
    expect="inconclusive",
)
