"""SURW: a walk that is uniform over the orders of the accesses to one word (Zhao, Wolff, Mathur and Roychoudhury 2025).

The word is one that POS has seen several CPUs access, with how often each did. The CPU that shall access it next is
drawn by how many such accesses it has left; the others wait at theirs, and go on at random otherwise.
"""

from stress.machine.control.spins import grant
from stress.machine.control.turns import can_go_on
from stress.machine.control.words import (
    MOST_SEEN,
    PENDING,
    PENDING_ACCESS,
    REGION,
    SEEN,
    SEEN_BYTES,
    WEIGHT,
    log_of,
    state,
)
from stress.machine.seam import Cpu, kernel
from stress.machine.words import CPUS
from stress.schedule.strategies.draws import any_ready, chance

WORD, INTENDED = 40, 41
TRIES = 8


@kernel
def sharers(cpu: Cpu, entry: int) -> int:
    """How many CPUs were seen to access a word."""
    count = 0
    for number in range(cpu.peek(CPUS)):
        if cpu.peek(entry + 8 + number * 8) != 0:
            count += 1
    return count


@kernel
def seen_words(cpu: Cpu) -> int:
    """How many words were seen."""
    for place in range(MOST_SEEN):
        if cpu.peek(cpu.peek(REGION) + SEEN + place * SEEN_BYTES) == 0:
            return place
    return MOST_SEEN


@kernel
def draw_word(cpu: Cpu) -> int:
    """The entry of a word that several CPUs access, if one is found in some tries."""
    entry = 0
    seen = seen_words(cpu)
    for _ in range(TRIES):
        if seen > 0:
            entry = cpu.peek(REGION) + SEEN + chance(cpu, seen) * SEEN_BYTES
            if sharers(cpu, entry) > 1:
                return entry
    return entry


@kernel
def intend(cpu: Cpu) -> None:
    """Draw the CPU that shall access the word next, by what each has left."""
    total = 0
    for number in range(cpu.peek(CPUS)):
        total += cpu.peek(log_of(cpu, number) + WEIGHT)
    drawn = chance(cpu, total) if total > 0 else 0
    for number in range(cpu.peek(CPUS)):
        drawn -= cpu.peek(log_of(cpu, number) + WEIGHT)
        if drawn < 0:
            cpu.poke(state(cpu, INTENDED), number)
            return


@kernel
def begin(cpu: Cpu) -> None:
    """Draw a word, and who accesses it first."""
    entry = draw_word(cpu)
    cpu.poke(state(cpu, WORD), cpu.peek(entry) if entry != 0 else 0)
    for number in range(cpu.peek(CPUS)):
        cpu.poke(log_of(cpu, number) + WEIGHT, cpu.peek(entry + 8 + number * 8) if entry != 0 else 0)
    cpu.poke(state(cpu, INTENDED), 0)
    intend(cpu)


@kernel
def is_at_word(cpu: Cpu, number: int) -> bool:
    """Whether a CPU is about to access the word."""
    log = log_of(cpu, number)
    return cpu.peek(log + PENDING_ACCESS) != 0 and cpu.peek(log + PENDING) & -8 == cpu.peek(state(cpu, WORD))


@kernel
def may_run(cpu: Cpu, number: int) -> bool:
    """Whether a CPU can go on and is not to wait for the intended one."""
    if not can_go_on(cpu, number):
        return False
    return number == cpu.peek(state(cpu, INTENDED)) or not is_at_word(cpu, number)


@kernel
def count_may_run(cpu: Cpu) -> int:
    """How many CPUs may run."""
    count = 0
    for number in range(cpu.peek(CPUS)):
        if may_run(cpu, number):
            count += 1
    return count


@kernel
def any_that_may(cpu: Cpu, count: int) -> int:
    """One of the `count` CPUs that may run, each as likely."""
    place = chance(cpu, count)
    for number in range(cpu.peek(CPUS)):
        if may_run(cpu, number):
            if place == 0:
                return number
            place -= 1
    return 0


@kernel
def choose(cpu: Cpu, why: int) -> int:
    """A CPU that may run, for one access; any that can go on if all others wait for one that cannot."""
    count = count_may_run(cpu)
    chosen = any_that_may(cpu, count) if count > 0 else any_ready(cpu)
    if is_at_word(cpu, chosen):
        weight = log_of(cpu, chosen) + WEIGHT
        if cpu.peek(weight) > 0:
            cpu.poke(weight, cpu.peek(weight) - 1)
        intend(cpu)
    grant(cpu, 1)
    return chosen
