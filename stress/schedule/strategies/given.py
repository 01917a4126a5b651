"""A given schedule: its runs, one after the other. Where the code has changed, what cannot be done is left out.

Once the runs are used up, the CPU under way goes on for as long as it can, then the next one by number.
"""

from stress.machine.control.spins import grant
from stress.machine.control.turns import can_go_on, end_wait
from stress.machine.control.words import (
    EVENT,
    GIVEN,
    MAIN,
    REGION,
    RUN_BYTES,
    RUN_CPU,
    RUN_EVENT,
    RUN_STEPS,
    SKIPPED,
    STEPS,
    state,
)
from stress.machine.seam import Cpu, kernel
from stress.machine.words import CPUS

AT, DEPARTED = range(56, 58)
"""AT: the run that is next. DEPARTED: one more than the accesses that were made before the first run that could not be
followed, or 0."""
ENDLESS = 1 << 40


@kernel
def begin(cpu: Cpu) -> None:
    """Begin with the first run."""
    cpu.poke(state(cpu, AT), 0)
    cpu.poke(state(cpu, DEPARTED), 0)


@kernel
def depart(cpu: Cpu) -> None:
    """Note that the schedule cannot be followed, the first time."""
    if cpu.peek(state(cpu, DEPARTED)) == 0:
        cpu.poke(state(cpu, DEPARTED), 1 + cpu.peek(STEPS))


@kernel
def following(cpu: Cpu) -> int:
    """The CPU that goes on once all runs are used up."""
    for distance in range(cpu.peek(CPUS)):
        number = (cpu.number + distance) % cpu.peek(CPUS)
        if can_go_on(cpu, number):
            return number
    return cpu.number


@kernel
def choose(cpu: Cpu, why: int) -> int:
    """The CPU of the next run that can go on, for as many accesses as the run has.

    A CPU that has just yielded can, and so can one that waits for a word: the schedule may have let it go on.
    """
    skipped = cpu.peek(SKIPPED)
    cpu.poke(SKIPPED, MAIN)
    while cpu.peek(state(cpu, AT)) < cpu.peek(cpu.peek(REGION) + GIVEN):
        run = cpu.peek(REGION) + GIVEN + 8 + cpu.peek(state(cpu, AT)) * RUN_BYTES
        cpu.poke(state(cpu, AT), cpu.peek(state(cpu, AT)) + 1)
        end_wait(cpu, cpu.peek(run + RUN_CPU))
        if can_go_on(cpu, cpu.peek(run + RUN_CPU)) or cpu.peek(run + RUN_EVENT) != 0:
            steps = cpu.peek(run + RUN_STEPS)
            cpu.poke(EVENT, cpu.peek(run + RUN_EVENT))
            grant(cpu, steps if steps > 0 else ENDLESS)
            return cpu.peek(run + RUN_CPU)
        depart(cpu)
    cpu.poke(SKIPPED, skipped)
    grant(cpu, ENDLESS)
    return following(cpu)
