"""Doubly linked lists (include/linux/list.h, 2.6.11): plain stores in the kernel's order, with no barrier.

A list is changed under a lock or under a stop, which order the stores for other writers. Readers without a lock see the
stores one by one, in this order on x86-64.
"""

from stress.machine.seam import Cpu, kernel

NEXT = 0
PREV = 8
# The kernel's values (include/linux/list.h): addresses below LOW, so that a step to them faults.
LIST_POISON1 = 0x0010_0100
LIST_POISON2 = 0x0020_0200


@kernel
def init_list_head(cpu: Cpu, head: int) -> None:
    """Make `head` an empty list."""
    cpu.store(head + NEXT, head)
    cpu.store(head + PREV, head)


@kernel
def list_add(cpu: Cpu, new: int, head: int) -> None:
    """Link `new` behind `head`. The last of the four stores publishes it to readers, who follow NEXT only."""
    following = cpu.load(head + NEXT)
    cpu.store(following + PREV, new)
    cpu.store(new + NEXT, following)
    cpu.store(new + PREV, head)
    cpu.store(head + NEXT, new)


@kernel
def list_del_rcu(cpu: Cpu, entry: int) -> None:
    """Unlink `entry` and keep its NEXT: a reader that stands on it steps to the entry behind it."""
    previous = cpu.load(entry + PREV)
    following = cpu.load(entry + NEXT)
    cpu.store(following + PREV, previous)
    cpu.store(previous + NEXT, following)
    cpu.store(entry + PREV, LIST_POISON2)


@kernel
def list_del(cpu: Cpu, entry: int) -> None:
    """Unlink `entry` and poison its links: a reader that stands on it steps to LIST_POISON1."""
    previous = cpu.load(entry + PREV)
    following = cpu.load(entry + NEXT)
    cpu.store(following + PREV, previous)
    cpu.store(previous + NEXT, following)
    cpu.store(entry + NEXT, LIST_POISON1)
    cpu.store(entry + PREV, LIST_POISON2)
