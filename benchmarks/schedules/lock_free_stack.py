"""Three CPUs take cells from a lock-free stack of three cells, hold each for a moment, and put it back.

The cells lie in an array. The head word names the top cell, and each cell has a link to the cell below it. A pop reads
the head, reads the link of the top cell, and makes the link the new head by a compare-exchange. The last cell stays in
the stack. Each cell has a counter of the CPUs that hold it.

What goes wrong: the compare-exchange compares the name of the cell, and a cell comes back with another link. The pop
then stores its old link as the new head: a cell that somebody else holds. The next pop takes that cell too (ABA). The
head word of the mended twin has a version count that each change increases.

The order of steps, where the stack is 1, 2, 3 from the top: one CPU reads head 1 and link 2; a second pops 1; the third
pops 2 and holds it; the second puts 1 back; the first makes 2 the head; the second pops 2 as well.
"""

from stress import Outcome, Program, Protocol, Scenario, Structure
from stress.kernel import Cpu, kernel, note, static

# P, Q and R are any three of the CPUs, and each | is one preemption:
# P: loads the head, 1, and its link, 2 | Q: pops 1 | R: pops 2, counts itself in | Q: puts 1 back, now with link 3 |
# P: its compare-exchange succeeds, the head is 2, P has 1 | Q, second operation: pops 2, which R holds.
# Fewer do not do: P waits while 1 goes and comes; Q has 1 while R pops 2; R holds 2; Q waits until P has made 2 the
# head; and P has 1 then, or the next pop takes 1. A search of all schedules with 4 preemptions found none either.
LEAST_PREEMPTIONS = 5
OPERATIONS = 2
CELLS = 3
END = 0
"""The link of the last cell. Cells have the numbers from 1 up."""
CELL_MASK = 3
"""The cell in the head word; the version count is above it."""
VERSION = 4
"""One version more in the head word."""

# Changes by compare-exchange.
HEAD = static("lock_free_stack_head")
# For each cell the one below it: stored by the CPU that puts the cell back. The first word belongs to no cell.
LINKS = static("lock_free_stack_links", CELLS + 1)
# For each cell how many CPUs hold it: counted in single steps.
HOLDERS = static("lock_free_stack_holders", CELLS + 1)
OUT = Outcome.table(
    alone=("acceptable", "a cell that nobody else held"),
    none=("acceptable", "there was only the last cell"),
    shared=("forbidden", "a cell that another CPU held"),
)


@kernel
def boot(cpu: Cpu, p: Protocol) -> None:
    """All cells are in the stack, 1 on top, and nobody holds one."""
    cpu.store(HEAD, 1)
    for cell in range(1, CELLS + 1):
        cpu.store(LINKS + cell * 8, cell + 1 if cell < CELLS else END)
        cpu.store(HOLDERS + cell * 8, 0)


@kernel
def pop(cpu: Cpu, version: int) -> int:
    """Pop a cell, END if there is only one; `version` is what a change adds to the head word.

    Who fails here tries again at once: the head has changed already, so there is nothing to wait for.
    """
    while True:
        head = cpu.load_acquire(HEAD)
        cell = head & CELL_MASK
        below = cpu.load(LINKS + cell * 8)
        if below == END or cpu.cmpxchg(HEAD, head, head - cell + below + version) == head:
            return END if below == END else cell


@kernel
def push(cpu: Cpu, cell: int, version: int) -> None:
    """Put a cell back; `version` is what a change adds to the head word."""
    pushed = False
    while not pushed:
        head = cpu.load(HEAD)
        top = head & CELL_MASK
        cpu.store(LINKS + cell * 8, top)
        pushed = cpu.cmpxchg(HEAD, head, head - top + cell + version) == head


@kernel
def hold_one(cpu: Cpu, version: int) -> int:
    """Pop a cell, hold it, and put it back; nobody else may hold it."""
    cell = pop(cpu, version)
    if cell == END:
        return OUT.none
    note(cpu, "cell", cell)
    others = cpu.fetch_add(HOLDERS + cell * 8, 1)
    cpu.fetch_add(HOLDERS + cell * 8, -1)
    push(cpu, cell, version)
    return OUT.alone if others == 0 else OUT.shared


@kernel
def hold_unversioned(cpu: Cpu) -> int:
    """Faulty: the head word is the name of a cell, and nothing else."""
    return hold_one(cpu, 0)


@kernel
def hold_versioned(cpu: Cpu) -> int:
    """Mended: the head word never has the same value twice."""
    return hold_one(cpu, VERSION)


STACK = Structure("lock_free_stack", [], boot, outcomes=OUT, objects=1, reads="holds")
CPUS = 3
FAULTY = Scenario(
    name="faulty",
    claim="if the head names the same cell as before, that cell has the same link as before",
    source="a program that is known for its difficulty for schedulers; written from its description",
    programs=(Program("hold", hold_unversioned, CPUS, writes=True),),
    expect="violated",
    outcomes=STACK.all_outcomes,
    structure=STACK,
    learnt="a compare-exchange tells that a word has its old value, and not that nothing has happened; "
    "in a loop of real threads it is rare, and then the stack stays damaged",
)
MENDED = Scenario(
    name="mended",
    claim="if the head has the same version as before, the cell that it names has the same link as before",
    source="the faulty program with a version count in the head word",
    programs=(Program("hold", hold_versioned, CPUS, writes=True),),
    expect="held",
    twin=FAULTY,
    outcomes=STACK.all_outcomes,
    structure=STACK,
    learnt="two bits for the cell leave the version 61: it does not come again",
)
SCENARIOS = [FAULTY, MENDED]
