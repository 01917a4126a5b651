"""A stack has a flag that says whether it has values, and the flag stays set when the last value is popped.

One CPU pushes and one CPU pops, each under the stack's lock. A pop looks at the flag alone.

What goes wrong: no pop clears the flag. If the stack becomes empty while there is more to pop, the next pop goes below
the bottom of the stack. Where all pushes come first nothing is wrong, and where all pops come first neither.

The order of steps: one push; two pops. The mended pop stores in the flag whether a value is left.
"""

from stress import Outcome, Program, Protocol, Scenario, Structure
from stress.kernel import Cpu, kernel, lock, note, spin_lock, spin_unlock, static

# pusher: pushes once | popper: pops once, pops again. The | is the one preemption: the pusher has an operation left.
LEAST_PREEMPTIONS = 1
OPERATIONS = 2
ROOM = 8

# All are stored by the holder of the lock.
STACK_LOCK = lock("stack_flag_lock")
FILLED = static("stack_flag_filled", stored_by=STACK_LOCK)
DEPTH = static("stack_flag_depth", stored_by=STACK_LOCK)
VALUES = static("stack_flag_values", ROOM, stored_by=STACK_LOCK)
OUT = Outcome.table(
    popped=("acceptable", "a value"),
    empty=("acceptable", "the flag said that there was no value"),
    underflow=("forbidden", "the flag said that there was a value, and there was none"),
)


@kernel
def boot(cpu: Cpu, p: Protocol) -> None:
    """The stack is empty."""
    cpu.store(FILLED, 0)
    cpu.store(DEPTH, 0)


@kernel
def push(cpu: Cpu) -> int:
    """Push a value if there is room. There is nothing to judge."""
    spin_lock(cpu, STACK_LOCK)
    depth = cpu.load(DEPTH)
    if depth < ROOM:
        cpu.store(VALUES + depth * 8, depth)
        cpu.store(DEPTH, depth + 1)
        cpu.store(FILLED, 1)
    spin_unlock(cpu, STACK_LOCK)
    return 0


@kernel
def take(cpu: Cpu) -> int:
    """Take the top value, which the flag promises. The caller holds the lock."""
    depth = cpu.load(DEPTH)
    if depth == 0:
        return OUT.underflow
    note(cpu, "value", cpu.load(VALUES + (depth - 1) * 8))
    cpu.store(DEPTH, depth - 1)
    return OUT.popped


@kernel
def pop_flag_stays(cpu: Cpu) -> int:
    """Faulty: the flag stays as it is."""
    spin_lock(cpu, STACK_LOCK)
    outcome = take(cpu) if cpu.load(FILLED) == 1 else OUT.empty
    spin_unlock(cpu, STACK_LOCK)
    return outcome


@kernel
def pop_flag_follows(cpu: Cpu) -> int:
    """Mended: the flag says whether a value is left."""
    spin_lock(cpu, STACK_LOCK)
    outcome = take(cpu) if cpu.load(FILLED) == 1 else OUT.empty
    cpu.store(FILLED, min(cpu.load(DEPTH), 1))
    spin_unlock(cpu, STACK_LOCK)
    return outcome


STACK = Structure("stack_flag", [], boot, outcomes=OUT, objects=1, reads="pops")
PUSH = Program("push", push, 1, writes=True)
FAULTY = Scenario(
    name="faulty",
    claim="a flag that is set by every push says whether a stack has a value",
    source="a program that is known for its difficulty for schedulers; written from its description",
    programs=(PUSH, Program("pop", pop_flag_stays, 1)),
    expect="violated",
    outcomes=STACK.all_outcomes,
    structure=STACK,
    learnt="a lock keeps steps together, and says nothing about whether they are the right ones",
)
MENDED = Scenario(
    name="mended",
    claim="a flag that every push and every pop stores says whether a stack has a value",
    source="the faulty program with a flag that pops store too",
    programs=(PUSH, Program("pop", pop_flag_follows, 1)),
    expect="held",
    twin=FAULTY,
    outcomes=STACK.all_outcomes,
    structure=STACK,
    learnt="what is said twice has to be changed twice",
)
SCENARIOS = [FAULTY, MENDED]
