"""What the two twostage programs share: writers change two values in two stages, a reader looks at both.

A scenario file gives the number of writers and gets the faulty scenario and its mended twin.
"""

from stress import Outcome, Program, Protocol, Scenario, Structure
from stress.kernel import Cpu, kernel, lock, note, spin_lock, spin_unlock, static

FIRST_LOCK = lock("twostage_first_lock")
SECOND_LOCK = lock("twostage_second_lock")
# DATA2 should be DATA1 + 1 wherever DATA1 is set. Only the holder of its lock stores each.
DATA1 = static("twostage_data1", stored_by=FIRST_LOCK)
DATA2 = static("twostage_data2", stored_by=SECOND_LOCK)
OUT = Outcome.table(
    unset=("acceptable", "no writer had begun"),
    right=("acceptable", "DATA2 was DATA1 + 1"),
    between=("forbidden", "DATA1 was set and DATA2 was not DATA1 + 1"),
)


@kernel
def boot(cpu: Cpu, p: Protocol) -> None:
    """Neither value is set."""
    cpu.store(DATA1, 0)
    cpu.store(DATA2, 0)


@kernel
def second_stage(cpu: Cpu) -> None:
    """DATA2 follows DATA1, under the second lock."""
    spin_lock(cpu, SECOND_LOCK)
    cpu.store(DATA2, cpu.load(DATA1) + 1)
    spin_unlock(cpu, SECOND_LOCK)


@kernel
def write(cpu: Cpu) -> int:
    """Release the first lock between the stages. There is nothing to judge."""
    spin_lock(cpu, FIRST_LOCK)
    cpu.store(DATA1, 1)
    spin_unlock(cpu, FIRST_LOCK)
    second_stage(cpu)
    return 0


@kernel
def write_nested(cpu: Cpu) -> int:
    """Mended: hold the first lock until the second stage is over. The order of the locks is first, second."""
    spin_lock(cpu, FIRST_LOCK)
    cpu.store(DATA1, 1)
    second_stage(cpu)
    spin_unlock(cpu, FIRST_LOCK)
    return 0


@kernel
def read_under(cpu: Cpu, its_lock: int, data: int) -> int:
    """A value, read under its lock."""
    spin_lock(cpu, its_lock)
    value = cpu.load(data)
    spin_unlock(cpu, its_lock)
    return value


@kernel
def read(cpu: Cpu) -> int:
    """Take each lock in turn, and compare the two values. Writers store the same values again and again."""
    data1 = read_under(cpu, FIRST_LOCK, DATA1)
    if data1 == 0:
        return OUT.unset
    data2 = read_under(cpu, SECOND_LOCK, DATA2)
    note(cpu, "data2", data2)
    return OUT.right if data2 == data1 + 1 else OUT.between


DATA = Structure("twostage", [], boot, outcomes=OUT, objects=1, reads="looks")


def two_stages(writers: int) -> list[Scenario]:
    """The faulty scenario with that many writers and one reader, and its mended twin."""
    reader = Program("read", read, 1)
    faulty = Scenario(
        name="faulty",
        claim="two values that are changed each under its own lock are seen to agree",
        source="a program that is known for its difficulty for schedulers; written from its description",
        programs=(Program("write", write, writers, writes=True), reader),
        expect="violated",
        outcomes=DATA.all_outcomes,
        structure=DATA,
        learnt="one shot: both values stay as they are, so a loop of real threads can show it in its first moment only",
    )
    mended = Scenario(
        name="mended",
        claim="two values agree for who has held the first lock, if writers hold it for both stages",
        source="the faulty program with the locks nested",
        programs=(Program("write", write_nested, writers, writes=True), reader),
        expect="held",
        twin=faulty,
        outcomes=DATA.all_outcomes,
        structure=DATA,
        learnt="each access had its lock, and yet the change as a whole had none",
    )
    return [faulty, mended]
