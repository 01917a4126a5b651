"""A planted crash of the native engine: the second machine's first operation reads far below RAM, unchecked.

Runs with the seed SEED only: machines are told apart by the seeds of their workloads, which nothing else draws from.
"""

from stress import Program, Scenario
from stress.judge.outcomes import Code
from stress.machine.random import seed_of
from stress.machine.seam import Cpu, kernel
from stress.machine.words import RANDOM

FOUND = int(Code.FOUND)
SEED = 7
FIRST = seed_of(SEED, 0, 0)


@kernel
def crash(cpu: Cpu) -> int:
    """Do well on the first machine, crash on the next."""
    if cpu.number == 0 and cpu.peek(cpu.log + RANDOM) != FIRST:
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
