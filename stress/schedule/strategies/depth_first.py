"""Depth first: every order, one after the other, of at most so many preemptions.

A choice has an alternative for each CPU that can go on, the one under way first. As long as a preemption is left, it
has one for each CPU too that waits for a word, or has yielded: code may wait and yield for so long and no longer. That
counts as a preemption. The path of the last schedule is kept: the next one takes the same choices up to the last that
has an alternative left, and there the next alternative.
"""

from stress.machine.control.spins import grant
from stress.machine.control.turns import can_go_on, count_ready, end_wait, may_end_wait
from stress.machine.control.words import (
    AT_REST,
    EXPIRED,
    MAIN,
    MOST_CHOICES,
    PATH,
    REGION,
    SKIPPED,
    log_of,
    state,
)
from stress.machine.seam import Cpu, kernel
from stress.machine.words import CPUS

DEPTH, KNOWN, PREEMPTIONS, MOST_PREEMPTIONS, IS_EXHAUSTED, WAS_CUT = range(48, 54)
"""DEPTH: choices made in this schedule. KNOWN: those that are given. MOST_PREEMPTIONS: the bound. IS_EXHAUSTED: there
is no further schedule. WAS_CUT: a schedule had more choices than there is room for."""


@kernel
def choice(cpu: Cpu, depth: int) -> int:
    """The address of a choice of the path: the alternative taken, then how many there were."""
    return cpu.peek(REGION) + PATH + depth * 16


@kernel
def begin(cpu: Cpu) -> None:
    """Begin at the root."""
    cpu.poke(state(cpu, DEPTH), 0)
    cpu.poke(state(cpu, PREEMPTIONS), 0)


@kernel
def is_impatient(cpu: Cpu, number: int) -> bool:
    """Whether a CPU can go on only since it need not wait, or let others go first."""
    if cpu.peek(SKIPPED) == number:
        return cpu.peek(log_of(cpu, number) + AT_REST) == 0
    return may_end_wait(cpu, number)


@kernel
def alternatives(cpu: Cpu, why: int) -> int:
    """How many ways a choice has: one where the CPU under way can go on and no preemption is left."""
    ready = count_ready(cpu)
    if cpu.peek(state(cpu, PREEMPTIONS)) >= cpu.peek(state(cpu, MOST_PREEMPTIONS)):
        return 1 if why == EXPIRED else ready
    for number in range(cpu.peek(CPUS)):
        if is_impatient(cpu, number):
            ready += 1
    return ready


@kernel
def alternative(cpu: Cpu, place: int) -> int:
    """The CPU of an alternative: the one under way first, if it can go on, then the others in their order.

    Those that wait, or have yielded, come last.
    """
    if can_go_on(cpu, cpu.number):
        if place == 0:
            return cpu.number
        place -= 1
    for number in range(cpu.peek(CPUS)):
        if number != cpu.number and can_go_on(cpu, number):
            if place == 0:
                return number
            place -= 1
    for number in range(cpu.peek(CPUS)):
        if is_impatient(cpu, number):
            if place == 0:
                return number
            place -= 1
    return cpu.number


@kernel
def taken(cpu: Cpu, count: int) -> int:
    """The alternative that this schedule takes at its next choice: what is given, or the first."""
    depth = cpu.peek(state(cpu, DEPTH))
    if depth >= MOST_CHOICES:
        cpu.poke(state(cpu, WAS_CUT), 1)
        return 0
    at = choice(cpu, depth)
    if depth >= cpu.peek(state(cpu, KNOWN)):
        cpu.poke(at, 0)
        cpu.poke(at + 8, count)
        cpu.poke(state(cpu, KNOWN), depth + 1)
    cpu.poke(state(cpu, DEPTH), depth + 1)
    return cpu.peek(at)


@kernel
def choose(cpu: Cpu, why: int) -> int:
    """The alternative of the path, for one access."""
    count = alternatives(cpu, why)
    place = taken(cpu, count) if count > 1 else 0
    number = alternative(cpu, place)
    impatient = is_impatient(cpu, number)
    if impatient or (why == EXPIRED and number != cpu.number):
        cpu.poke(state(cpu, PREEMPTIONS), cpu.peek(state(cpu, PREEMPTIONS)) + 1)
    if impatient:
        cpu.poke(SKIPPED, MAIN)
        end_wait(cpu, number)
    grant(cpu, 1)
    return number


@kernel
def end(cpu: Cpu) -> None:
    """Find the path of the next schedule."""
    depth = cpu.peek(state(cpu, DEPTH))
    while depth > 0:
        at = choice(cpu, depth - 1)
        if cpu.peek(at) + 1 < cpu.peek(at + 8):
            cpu.poke(at, cpu.peek(at) + 1)
            cpu.poke(state(cpu, KNOWN), depth)
            return
        depth -= 1
    cpu.poke(state(cpu, IS_EXHAUSTED), 1)
