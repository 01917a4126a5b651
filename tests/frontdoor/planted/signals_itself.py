"""A planted crash of the python engine: behind the first turn a machine's first operation sends its process SIGSEGV.

Runs with the seed SEED only: machines are told apart by the seeds of their workloads, which nothing else draws from.
"""

import signal
import sys

from stress import Program, Scenario
from stress.judge.outcomes import Code
from stress.machine.python_engine import PythonCpu
from stress.machine.random import seed_of
from stress.machine.seam import Cpu, kernel
from stress.machine.words import RANDOM

FOUND = int(Code.FOUND)
SEED = 7
MACHINES = 10
"""More than a turn of 500 ms has."""
FIRST = {seed_of(SEED, number, 0) for number in range(MACHINES)}


@kernel
def crash(cpu: Cpu) -> int:
    """Do well on the first machines, crash on the next."""
    cpu.sleep(1_000_000)
    return FOUND


def crashing_sleep(cpu: PythonCpu, nanoseconds: int) -> None:
    """What kernel code cannot do: the engine's own sleep, called from `crash`, sends the signal."""
    called_here = sys._getframe(1).f_code is crash.__code__
    if called_here and cpu.number == 0 and cpu.peek(cpu.log + RANDOM) not in FIRST:
        signal.raise_signal(signal.SIGSEGV)
    sleep(cpu, nanoseconds)


sleep = PythonCpu.sleep
setattr(PythonCpu, "sleep", crashing_sleep)  # noqa: B010 (mypy refuses the assignment)


SCENARIO = Scenario(
    name="signals_itself",
    claim="an engine never crashes",
    source="planted",
    programs=(Program("crasher", crash),),
    expect="inconclusive",
)
