"""Eight CPUs add to one datum: seven of them under one lock, the eighth under another one.

The eighth CPU reads the datum again after it has added, and must find what it stored: it holds a lock, after all.

What goes wrong: two different locks keep nobody apart. One of the seven adds while the eighth is in its section.

The order of steps: the eighth stores what it loaded plus 1 and is preempted; one of the seven adds; the eighth loads
the datum and finds another value than it stored. In the mended twin all take the same lock.
"""

from stress import Outcome, Program, Protocol, Scenario, Structure
from stress.kernel import Cpu, kernel, lock, note, spin_lock, spin_unlock, static

# eighth: loads 0, stores 1 | one of the seven: loads 1, stores 2, ends. eighth: loads 2. The | is the one preemption.
LEAST_PREEMPTIONS = 1
OPERATIONS = 1
OTHERS = 7

DATA_LOCK = lock("wrong_lock_data")
OTHER_LOCK = lock("wrong_lock_other")
# Stored under either lock: that is the fault.
DATA = static("wrong_lock_datum")
OUT = Outcome.table(
    kept=("acceptable", "the datum was what this CPU had made of it"),
    changed=("forbidden", "somebody changed the datum in the section"),
)


@kernel
def boot(cpu: Cpu, p: Protocol) -> None:
    """Nobody has added."""
    cpu.store(DATA, 0)


@kernel
def add_under(cpu: Cpu, its_lock: int) -> int:
    """Add 1 under a lock. There is nothing to judge."""
    spin_lock(cpu, its_lock)
    cpu.store(DATA, cpu.load(DATA) + 1)
    spin_unlock(cpu, its_lock)
    return 0


@kernel
def add_and_check(cpu: Cpu) -> int:
    """Add 1 under the datum's lock, and read it again."""
    spin_lock(cpu, DATA_LOCK)
    before = cpu.load(DATA)
    cpu.store(DATA, before + 1)
    after = cpu.load(DATA)
    spin_unlock(cpu, DATA_LOCK)
    note(cpu, "after", after)
    return OUT.kept if after == before + 1 else OUT.changed


@kernel
def add_other(cpu: Cpu) -> int:
    """Faulty: the other lock."""
    return add_under(cpu, OTHER_LOCK)


@kernel
def add_same(cpu: Cpu) -> int:
    """Mended: the datum's lock."""
    return add_under(cpu, DATA_LOCK)


DATUM = Structure("wrong_lock", [], boot, outcomes=OUT, objects=1, reads="checks")
CHECK = Program("add_and_check", add_and_check, 1)
FAULTY = Scenario(
    name="faulty",
    claim="who holds a lock has the datum alone",
    source="a program that is known for its difficulty for schedulers; written from its description",
    programs=(Program("add", add_other, OTHERS, writes=True), CHECK),
    expect="violated",
    outcomes=DATUM.all_outcomes,
    structure=DATUM,
    learnt="a lock protects from those who take it, and from nobody else",
)
MENDED = Scenario(
    name="mended",
    claim="who holds the lock that everybody takes has the datum alone",
    source="the faulty program with one lock",
    programs=(Program("add", add_same, OTHERS, writes=True), CHECK),
    expect="held",
    twin=FAULTY,
    outcomes=DATUM.all_outcomes,
    structure=DATUM,
    learnt="a datum has one lock",
)
SCENARIOS = [FAULTY, MENDED]
