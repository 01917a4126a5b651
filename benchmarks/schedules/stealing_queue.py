"""A queue of work: its owner pops at the tail, without a lock, while a thief steals at the head, under a lock.

The owner moves the tail down first and looks at the head then. If the two have met, it takes the lock and looks again.
So the owner and the thief must both say what they take before they look whether it is theirs.

What goes wrong: the faulty thief looks first and moves the head then. Between its two steps the owner pops everything
that is left, the last element included: it sees the old head, and so it does not take the lock.

The order of steps: the thief loads the head and the tail, which leave it an element, and is preempted; the owner pops
every element; the thief moves the head and takes the same element as the owner. The mended thief moves the head first,
and moves it back if the tail says that the element is the owner's.
"""

from stress import Outcome, Program, Protocol, Scenario, Structure
from stress.kernel import Cpu, kernel, lock, spin_lock, spin_unlock, static

# thief: loads HEAD == 0 and TAIL == 2 | owner: pops element 1, pops element 0, ends. thief: HEAD = 1, takes element 0.
# The | is the one preemption.
LEAST_PREEMPTIONS = 1
OPERATIONS = 2
ELEMENTS = 2

QUEUE_LOCK = lock("stealing_queue_lock")
# The elements from HEAD up to TAIL, which is not one of them, are in the queue. The holder of the lock stores HEAD. The
# owner alone stores TAIL, with the lock or without it.
HEAD = static("stealing_queue_head", stored_by=QUEUE_LOCK)
TAIL = static("stealing_queue_tail")
# For each element whether somebody has taken it: exchanged, and zeroed by the owner, who holds the lock for that.
TAKEN = static("stealing_queue_taken", ELEMENTS)
OUT = Outcome.table(
    taken=("acceptable", "an element that nobody else has taken"),
    empty=("acceptable", "there was no element"),
    twice=("forbidden", "an element that somebody else has taken"),
)


@kernel
def fill(cpu: Cpu) -> None:
    """Put all elements in. The thief is kept out: by the lock, or since no CPU runs."""
    for element in range(ELEMENTS):
        cpu.store(TAKEN + element * 8, 0)
    cpu.store(HEAD, 0)
    cpu.store(TAIL, ELEMENTS)


@kernel
def boot(cpu: Cpu, p: Protocol) -> None:
    """All elements are in the queue."""
    fill(cpu)


@kernel
def take(cpu: Cpu, element: int) -> int:
    """Take an element; nobody else may have taken it."""
    return OUT.taken if cpu.xchg(TAKEN + element * 8, 1) == 0 else OUT.twice


@kernel
def pop_or_fill(cpu: Cpu) -> int:
    """Pop with the lock held: the head is where it stays. If the queue is empty, fill it for the next operation."""
    element = cpu.load(TAIL) - 1
    if cpu.load(HEAD) > element:
        fill(cpu)
        return OUT.empty
    cpu.store(TAIL, element)
    return take(cpu, element)


@kernel
def pop_locked(cpu: Cpu) -> int:
    """Pop where the head and the tail have met: only the lock tells whether the thief has the last element."""
    spin_lock(cpu, QUEUE_LOCK)
    outcome = pop_or_fill(cpu)
    spin_unlock(cpu, QUEUE_LOCK)
    return outcome


@kernel
def pop(cpu: Cpu) -> int:
    """The owner: move the tail down, then look at the head."""
    element = cpu.load(TAIL) - 1
    cpu.store(TAIL, element)
    cpu.barrier()  # the head is loaded after the thief can see the tail
    if cpu.load(HEAD) <= element:
        return take(cpu, element)
    cpu.store(TAIL, element + 1)
    return pop_locked(cpu)


@kernel
def steal_look_first(cpu: Cpu) -> int:
    """Faulty: look at the tail, then move the head up."""
    outcome = OUT.empty
    spin_lock(cpu, QUEUE_LOCK)
    element = cpu.load(HEAD)
    if element < cpu.load(TAIL):
        cpu.store(HEAD, element + 1)
        outcome = take(cpu, element)
    spin_unlock(cpu, QUEUE_LOCK)
    return outcome


@kernel
def steal_move_first(cpu: Cpu) -> int:
    """Mended: move the head up, then look at the tail; move the head back if the element is the owner's."""
    outcome = OUT.empty
    spin_lock(cpu, QUEUE_LOCK)
    element = cpu.load(HEAD)
    cpu.store(HEAD, element + 1)
    cpu.barrier()  # the tail is loaded after the owner can see the head
    if element < cpu.load(TAIL):
        outcome = take(cpu, element)
    else:
        cpu.store(HEAD, element)
    spin_unlock(cpu, QUEUE_LOCK)
    return outcome


QUEUE = Structure("stealing_queue", [], boot, outcomes=OUT, objects=1, reads="takes")
OWNER = Program("pop", pop, 1, writes=True)
FAULTY = Scenario(
    name="faulty",
    claim="a thief who holds the lock and finds an element may take it",
    source="a program that is known for its difficulty for schedulers; written from its description",
    programs=(OWNER, Program("steal", steal_look_first, 1)),
    expect="violated",
    outcomes=QUEUE.all_outcomes,
    structure=QUEUE,
    learnt="the owner takes the lock only if it sees the thief: who wants to be seen moves first",
)
MENDED = Scenario(
    name="mended",
    claim="of an owner and a thief who both move before they look, one sees the other",
    source="the faulty program with the thief's two steps in the other order",
    programs=(OWNER, Program("steal", steal_move_first, 1)),
    expect="held",
    twin=FAULTY,
    outcomes=QUEUE.all_outcomes,
    structure=QUEUE,
    learnt="a lock on one side is enough if both sides move first and look then",
)
SCENARIOS = [FAULTY, MENDED]
