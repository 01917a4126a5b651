"""POS: every access that is about to be made has a random priority; one that races with another draws again.

Partial order sampling (Yuan, Yang and Gu 2018): orders that differ in nothing that matters get less of the chances.
"""

from stress.machine.control.spins import grant
from stress.machine.control.words import MOST_SEEN, PENDING, PENDING_ACCESS, REGION, SEEN, SEEN_BYTES, log_of
from stress.machine.seam import Cpu, kernel
from stress.machine.words import CPUS, READ_BYTE, READ_WORD
from stress.schedule.strategies.priorities import draw_priorities, draw_priority, highest_ready


@kernel
def begin(cpu: Cpu) -> None:
    """Draw a priority for the first access of each CPU, and forget which words were seen."""
    draw_priorities(cpu)
    for place in range(MOST_SEEN):
        cpu.poke(cpu.peek(REGION) + SEEN + place * SEEN_BYTES, 0)


@kernel
def is_read(access: int) -> bool:
    """Whether an access changes nothing."""
    return access == READ_WORD or access == READ_BYTE


@kernel
def races(cpu: Cpu, one: int, other: int) -> bool:
    """Whether the accesses that two CPUs are about to make are to the same word, and one of them changes it."""
    if cpu.peek(one + PENDING_ACCESS) == 0 or cpu.peek(other + PENDING_ACCESS) == 0:
        return False
    if cpu.peek(one + PENDING) >> 3 != cpu.peek(other + PENDING) >> 3:
        return False
    return not (is_read(cpu.peek(one + PENDING_ACCESS)) and is_read(cpu.peek(other + PENDING_ACCESS)))


@kernel
def note_seen(cpu: Cpu, number: int) -> None:
    """Count the access that a CPU is about to make, for the words seen first."""
    log = log_of(cpu, number)
    if cpu.peek(log + PENDING_ACCESS) == 0:
        return
    word = cpu.peek(log + PENDING) & -8
    for place in range(MOST_SEEN):
        entry = cpu.peek(REGION) + SEEN + place * SEEN_BYTES
        if cpu.peek(entry) == 0:
            cpu.poke(entry, word)
            for other in range(cpu.peek(CPUS)):
                cpu.poke(entry + 8 + other * 8, 0)
        if cpu.peek(entry) == word:
            cpu.poke(entry + 8 + number * 8, cpu.peek(entry + 8 + number * 8) + 1)
            return


@kernel
def choose(cpu: Cpu, why: int) -> int:
    """The CPU whose next access has the highest priority, for that one access."""
    best = highest_ready(cpu)
    log = log_of(cpu, best)
    for number in range(cpu.peek(CPUS)):
        if number == best or races(cpu, log, log_of(cpu, number)):
            draw_priority(cpu, number)
    note_seen(cpu, best)
    grant(cpu, 1)
    return best
