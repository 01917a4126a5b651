"""PCT: the CPU with the highest priority runs; at a few random accesses it gets the lowest (Burckhardt et al. 2010).

A bug that needs d things in a certain order is found with a probability of at least 1 / (n * k ** (d - 1)), for n CPUs
and k accesses. The number of changes is drawn for each schedule, since d is not known. A CPU that yields, or runs for
long, gets the lowest priority too: it may wait for another one.
"""

from stress.machine.control.spins import grant
from stress.machine.control.words import EXPIRED, SKIPPED, STEPS, YIELDS, state
from stress.machine.seam import Cpu, kernel
from stress.schedule.strategies.draws import LENGTH, chance
from stress.schedule.strategies.priorities import (
    draw_priorities,
    higher_waits,
    highest_ready,
    priority_of,
    set_priority,
)

LOWEST, CHANGES, IS_LONG = 8, 9, 10
POINTS = 16
MOST_CHANGES = 4
LONG = 4096
"""Accesses that a CPU makes on end before it counts as one that waits."""
NEVER = 1 << 40


@kernel
def begin(cpu: Cpu) -> None:
    """Draw priorities, and where they change."""
    draw_priorities(cpu)
    cpu.poke(state(cpu, LOWEST), 0)
    cpu.poke(state(cpu, IS_LONG), 0)
    cpu.poke(state(cpu, CHANGES), chance(cpu, MOST_CHANGES + 1))
    for number in range(cpu.peek(state(cpu, CHANGES))):
        cpu.poke(state(cpu, POINTS + number), 1 + chance(cpu, cpu.peek(state(cpu, LENGTH)) + 1))


@kernel
def lower(cpu: Cpu, number: int) -> None:
    """Give a CPU the lowest priority of all."""
    lowest = cpu.peek(state(cpu, LOWEST)) - 1
    cpu.poke(state(cpu, LOWEST), lowest)
    set_priority(cpu, number, lowest)


@kernel
def pass_changes(cpu: Cpu, steps: int) -> bool:
    """Forget the changes that are due; whether there was one."""
    due = False
    for number in range(cpu.peek(state(cpu, CHANGES))):
        if cpu.peek(state(cpu, POINTS + number)) <= steps:
            cpu.poke(state(cpu, POINTS + number), NEVER)
            due = True
    return due


@kernel
def next_change(cpu: Cpu) -> int:
    """The number of the access at which the next change is due."""
    first = NEVER
    for number in range(cpu.peek(state(cpu, CHANGES))):
        point = cpu.peek(state(cpu, POINTS + number))
        if point < first:
            first = point
    return first


@kernel
def choose(cpu: Cpu, why: int) -> int:
    """The CPU with the highest priority, up to the next change."""
    steps = cpu.peek(STEPS)
    yields = why == YIELDS and cpu.peek(SKIPPED) == cpu.number
    if pass_changes(cpu, steps) or yields or (why == EXPIRED and cpu.peek(state(cpu, IS_LONG)) != 0):
        lower(cpu, cpu.number)
    best = highest_ready(cpu)
    length = next_change(cpu) - steps
    cpu.poke(state(cpu, IS_LONG), 1 if length > LONG else 0)
    # A CPU with a higher priority that waits goes on as soon as it can.
    if higher_waits(cpu, priority_of(cpu, best)):
        cpu.poke(state(cpu, IS_LONG), 0)
        length = 1
    grant(cpu, length if length < LONG else LONG)
    return best
