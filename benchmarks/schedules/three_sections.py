"""Three CPUs each have one critical section of the same lock, and their order decides.

Two of them add to a sum: one CPU adds 1, one CPU adds 2. The third looks at the sum, and must not find both of them.

What goes wrong: nothing makes the look come before one of the adders. The lock keeps the sections apart, and lets them
come in any order. No preemption is needed: two of the six orders of whole sections are wrong.

The order of steps: both adders in either order; then the look. In the mended twin the adders wait for the look.
"""

from stress import Outcome, Program, Protocol, Scenario, Structure
from stress.kernel import Cpu, kernel, lock, note, spin_lock, spin_unlock, static

# adder of 1: runs to its end. adder of 2: runs to its end. looker: loads 3. Nobody is preempted.
LEAST_PREEMPTIONS = 0
OPERATIONS = 1
BOTH = 3

SUM_LOCK = lock("three_sections_lock")
SUM = static("three_sections_sum", stored_by=SUM_LOCK)
# Goes from 0 to 1 once: stored by the one CPU that looks.
LOOKED = static("three_sections_looked")
OUT = Outcome.table(
    early=("acceptable", "one of the adders was still to come"),
    over=("acceptable", "the look was over before"),
    late=("forbidden", "both adders came before the look"),
)


@kernel
def boot(cpu: Cpu, p: Protocol) -> None:
    """Nobody has added, and nobody has looked."""
    cpu.store(SUM, 0)
    cpu.store(LOOKED, 0)


@kernel
def add(cpu: Cpu, amount: int) -> int:
    """Add to the sum in one critical section. There is nothing to judge."""
    spin_lock(cpu, SUM_LOCK)
    cpu.store(SUM, cpu.load(SUM) + amount)
    spin_unlock(cpu, SUM_LOCK)
    return 0


@kernel
def look(cpu: Cpu) -> int:
    """Look at the sum in one critical section."""
    spin_lock(cpu, SUM_LOCK)
    total = cpu.load(SUM)
    spin_unlock(cpu, SUM_LOCK)
    note(cpu, "sum", total)
    return OUT.late if total >= BOTH else OUT.early


@kernel
def look_once(cpu: Cpu) -> int:
    """Mended: look, then let the adders go on. A loop of looks has one that counts."""
    if cpu.load(LOOKED) == 1:
        return OUT.over
    outcome = look(cpu)
    cpu.store_release(LOOKED, 1)
    return outcome


@kernel
def await_look(cpu: Cpu) -> None:
    """Wait until the look is over."""
    while cpu.load_acquire(LOOKED) == 0:
        cpu.relax(LOOKED)


@kernel
def add_one(cpu: Cpu) -> int:
    """Faulty: add 1 whenever the lock is free."""
    return add(cpu, 1)


@kernel
def add_two(cpu: Cpu) -> int:
    """Faulty: add 2 whenever the lock is free."""
    return add(cpu, 2)


@kernel
def add_one_after(cpu: Cpu) -> int:
    """Mended: add 1 after the look."""
    await_look(cpu)
    return add(cpu, 1)


@kernel
def add_two_after(cpu: Cpu) -> int:
    """Mended: add 2 after the look."""
    await_look(cpu)
    return add(cpu, 2)


SECTIONS = Structure("three_sections", [], boot, outcomes=OUT, objects=1, reads="looks")
FAULTY = Scenario(
    name="faulty",
    claim="sections of one lock come in the order in which they were written down",
    source="a program that is known for its difficulty for schedulers; written from its description",
    programs=(
        Program("add_one", add_one, 1, writes=True),
        Program("add_two", add_two, 1, writes=True),
        Program("look", look, 1),
    ),
    expect="violated",
    outcomes=SECTIONS.all_outcomes,
    structure=SECTIONS,
    learnt="a lock gives no order; in a loop of real threads the sum stays too great, and every look finds it so",
)
MENDED = Scenario(
    name="mended",
    claim="sections that wait for another one come after it",
    source="the faulty program with adders that wait",
    programs=(
        Program("add_one", add_one_after, 1, writes=True),
        Program("add_two", add_two_after, 1, writes=True),
        Program("look", look_once, 1),
    ),
    expect="held",
    twin=FAULTY,
    outcomes=SECTIONS.all_outcomes,
    structure=SECTIONS,
    learnt="an order is something that somebody waits for",
)
SCENARIOS = [FAULTY, MENDED]
