"""Doubly linked lists (include/linux/list.h, 2.6.11): plain stores in the kernel's order, with no barrier."""

from stress.machine.seam import Cpu, kernel

NEXT = 0
PREV = 8
LIST_HEAD_BYTES = 16
LIST_POISON1 = 0x0010_0100
LIST_POISON2 = 0x0020_0200


@kernel
def init_list_head(cpu: Cpu, head: int) -> None:
    """Make `head` an empty list."""
    cpu.store(head + NEXT, head)
    cpu.store(head + PREV, head)


@kernel
def list_add(cpu: Cpu, new: int, head: int) -> None:
    """Link `new` behind `head`. The store that publishes it is the last of the four."""
    following = cpu.load(head + NEXT)
    cpu.store(following + PREV, new)
    cpu.store(new + NEXT, following)
    cpu.store(new + PREV, head)
    cpu.store(head + NEXT, new)


@kernel
def list_del_rcu(cpu: Cpu, entry: int) -> None:
    """Unlink `entry` but keep its way on: a reader that stands on it steps to the next one."""
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
