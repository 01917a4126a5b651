"""Spins that nobody announced: a CPU whose accesses repeat, with the values that they meet, cannot go on by itself.

A schedule that has become long is looked at now and then: the CPU under way goes on alone, and if its next accesses
are a few ones again and again, it waits until another CPU changes one of those words. A loop with a counter in a local
looks the same, so nobody spins before MOST_EXAMINED accesses have repeated.
"""

from stress.machine.control.words import (
    BUDGET,
    EXAMINED,
    GRANT,
    LEFT,
    PENDING,
    PERIOD,
    REGION,
    REMAINDER,
    STEPS,
    WAITS_ON,
    WATCHED,
    WATCHED_BYTES,
    WRITE_PIECE,
    log_of,
)
from stress.machine.seam import Cpu, kernel
from stress.machine.words import LOW, SPINNING_ON

EXAMINE_AFTER = 4096
"""A schedule of so many accesses is long."""
EXAMINE_EVERY = 1024
"""A power of two."""
MOST_EXAMINED = 1024
"""Accesses that repeat before a CPU counts as one that spins."""
LONGEST_PERIOD = 32
"""The most accesses that a turn of a loop may have to be known as a spin."""
REPEATED = -1
"""What a CPU waits on that spins: any of the words that it reads again and again."""
NOT_EXAMINED, UNDER_EXAMINATION, SPINS = range(3)
ADDRESS, ACCESS, VALUE, ENTRY_BYTES = range(0, 32, 8)


@kernel
def steps_made(cpu: Cpu) -> int:
    """The accesses of all CPUs so far."""
    return cpu.peek(STEPS) + cpu.peek(GRANT) - cpu.peek(LEFT)


@kernel
def until_due(made: int) -> int:
    """How many accesses there are up to the next examination, once so many were made."""
    return EXAMINE_EVERY - (made & EXAMINE_EVERY - 1)


@kernel
def grant(cpu: Cpu, steps: int) -> None:
    """Say how many accesses the run has that is about to begin. It gets them in parts, up to each examination."""
    made = cpu.peek(STEPS)
    left = cpu.peek(BUDGET) - made
    granted = steps if steps < left else left
    due = until_due(made)
    first = granted if granted < due else due
    cpu.poke(GRANT, first)
    cpu.poke(REMAINDER, granted - first)


@kernel
def go_on(cpu: Cpu, steps: int) -> None:
    """Let the run under way have some of its remaining accesses at once."""
    cpu.poke(REMAINDER, cpu.peek(REMAINDER) - steps)
    cpu.poke(GRANT, cpu.peek(GRANT) + steps)
    cpu.poke(LEFT, cpu.peek(LEFT) + steps)


@kernel
def entry_at(cpu: Cpu, number: int, place: int) -> int:
    """The address of one of the accesses that a CPU repeats."""
    return cpu.peek(REGION) + WATCHED + number * WATCHED_BYTES + 8 + place * ENTRY_BYTES


@kernel
def note(cpu: Cpu, entry: int, access: int) -> None:
    """Note the access that is about to be made, and what it meets."""
    address = cpu.peek(cpu.log + PENDING)
    cpu.poke(entry + ADDRESS, address)
    cpu.poke(entry + ACCESS, access)
    cpu.poke(entry + VALUE, cpu.peek(address & -8))


@kernel
def is_same(cpu: Cpu, entry: int, access: int) -> bool:
    """Whether the access that is about to be made is one that was noted, and meets the same."""
    address = cpu.peek(cpu.log + PENDING)
    if cpu.peek(entry + ADDRESS) != address or cpu.peek(entry + ACCESS) != access:
        return False
    return cpu.peek(entry + VALUE) == cpu.peek(address & -8)


@kernel
def repeats(cpu: Cpu, access: int, examined: int) -> bool:
    """Whether the access that is about to be made goes with those that were examined before it."""
    period = cpu.peek(PERIOD)
    if period == 0 and examined > 0 and is_same(cpu, entry_at(cpu, cpu.number, 0), access):
        period = examined
        cpu.poke(PERIOD, period)
    if period != 0:
        return is_same(cpu, entry_at(cpu, cpu.number, examined % period), access)
    if examined == LONGEST_PERIOD:
        return False
    note(cpu, entry_at(cpu, cpu.number, examined), access)
    return True


@kernel
def watch(cpu: Cpu) -> None:
    """Wait until another CPU changes a word that this one repeats accesses to."""
    period = cpu.peek(PERIOD)
    cpu.poke(entry_at(cpu, cpu.number, 0) - 8, period)
    for place in range(period):
        entry = entry_at(cpu, cpu.number, place)
        cpu.poke(entry + VALUE, cpu.peek(cpu.peek(entry + ADDRESS) & -8))
    cpu.poke(cpu.log + SPINNING_ON, cpu.peek(cpu.log + PENDING))
    cpu.poke(cpu.log + WAITS_ON, REPEATED)


@kernel
def sees_no_change(cpu: Cpu, number: int) -> bool:
    """Whether all words that a CPU repeats accesses to are as they were."""
    for place in range(cpu.peek(entry_at(cpu, number, 0) - 8)):
        entry = entry_at(cpu, number, place)
        if cpu.peek(cpu.peek(entry + ADDRESS) & -8) != cpu.peek(entry + VALUE):
            return False
    return True


@kernel
def spins(cpu: Cpu, number: int) -> bool:
    """Whether a CPU repeats accesses, and nobody has changed what they meet."""
    if cpu.peek(log_of(cpu, number) + WAITS_ON) != REPEATED:
        return False
    return sees_no_change(cpu, number)


@kernel
def is_due(cpu: Cpu) -> bool:
    """Whether an examination begins here."""
    made = steps_made(cpu)
    return until_due(made) == EXAMINE_EVERY if made >= EXAMINE_AFTER else False


@kernel
def examine(cpu: Cpu, access: int) -> int:
    """Before an access for which the run has nothing left: whether this CPU is under examination, or spins.

    Where the schedule ends a run depends on the number of accesses made alone, so that it is the same in a replay.
    """
    examined, address = cpu.peek(EXAMINED), cpu.peek(cpu.log + PENDING)
    if examined == 0:
        if not is_due(cpu):
            return NOT_EXAMINED
        cpu.poke(PERIOD, 0)
    cpu.poke(EXAMINED, 0)
    if access == WRITE_PIECE or not LOW <= address < cpu.peek(REGION) or steps_made(cpu) >= cpu.peek(BUDGET):
        return NOT_EXAMINED
    if not repeats(cpu, access, examined):
        return NOT_EXAMINED
    if examined + 1 == MOST_EXAMINED:
        watch(cpu)
        return SPINS
    cpu.poke(EXAMINED, examined + 1)
    return UNDER_EXAMINATION


@kernel
def has_more(cpu: Cpu, access: int) -> bool:
    """Whether the run goes on though what it was given at once is used up."""
    if examine(cpu, access) == UNDER_EXAMINATION:
        go_on(cpu, 1)
        return True
    if cpu.peek(REMAINDER) <= 0 or cpu.peek(cpu.log + WAITS_ON) == REPEATED:
        return False
    steps, due = cpu.peek(REMAINDER), until_due(steps_made(cpu))
    go_on(cpu, steps if steps < due else due)
    return True
