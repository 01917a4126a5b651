"""What the three reorder programs share: setters write two words, a checker reads them.

A scenario file gives the number of setters and gets the faulty scenario and its mended twin.
"""

from stress import Outcome, Program, Protocol, Scenario, Structure
from stress.kernel import Cpu, kernel, lock, spin_lock, spin_unlock, static

PAIR_LOCK = lock("reorder_lock")
# Every setter stores 1 in both words. The mended setters do it under the lock.
A = static("reorder_a")
B = static("reorder_b")
OUT = Outcome.table(
    neither=("acceptable", "no setter had stored A yet"),
    both=("acceptable", "A and B were set"),
    half=("forbidden", "A was set and B was not"),
)


@kernel
def boot(cpu: Cpu, p: Protocol) -> None:
    """Neither word is set."""
    cpu.store(A, 0)
    cpu.store(B, 0)


@kernel
def set_both(cpu: Cpu) -> int:
    """Set A, then B. There is nothing to judge."""
    cpu.store(A, 1)
    cpu.store(B, 1)
    return 0


@kernel
def check_both(cpu: Cpu) -> int:
    """Look at A, then at B.

    A stays set once it is set. So a B that is not set means that the words differed when B was read. The other order of
    values, where the setters come between the two loads, would say nothing, and is not looked for.
    """
    if cpu.load(A) == 0:
        return OUT.neither
    return OUT.both if cpu.load(B) == 1 else OUT.half


@kernel
def set_locked(cpu: Cpu) -> int:
    """Mended: set both words in one critical section."""
    spin_lock(cpu, PAIR_LOCK)
    outcome = set_both(cpu)
    spin_unlock(cpu, PAIR_LOCK)
    return outcome


@kernel
def check_locked(cpu: Cpu) -> int:
    """Mended: look at both words in one critical section."""
    spin_lock(cpu, PAIR_LOCK)
    outcome = check_both(cpu)
    spin_unlock(cpu, PAIR_LOCK)
    return outcome


PAIR = Structure("reorder", [], boot, outcomes=OUT, objects=1, reads="checks")


def reordered(setters: int) -> list[Scenario]:
    """The faulty scenario with that many setters and one checker, and its mended twin."""
    faulty = Scenario(
        name="faulty",
        claim="who stores two words one after the other shows them together",
        source="a program that is known for its difficulty for schedulers; written from its description",
        programs=(Program("set", set_both, setters, writes=True), Program("check", check_both, 1)),
        expect="violated",
        outcomes=PAIR.all_outcomes,
        structure=PAIR,
        learnt="one shot: both words stay set, so a loop of real threads can show it in its first moment only",
    )
    mended = Scenario(
        name="mended",
        claim="two words that change and are read under one lock are seen together",
        source="the faulty program with a lock",
        programs=(Program("set", set_locked, setters, writes=True), Program("check", check_locked, 1)),
        expect="held",
        twin=faulty,
        outcomes=PAIR.all_outcomes,
        structure=PAIR,
        learnt="a reader needs the lock too",
    )
    return [faulty, mended]
