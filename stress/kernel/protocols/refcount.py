"""Reference counts in the objects: who uses an object holds a reference, and who puts the last one frees it.

The count is the first word of each object, which must not go before the count is taken: pointers are loaded, and
references taken, in an RCU section, and the last put frees after a grace period. The links of an object that is taken
off are marked. Source: Documentation/RCU/rcuref.rst and include/linux/kref.h of Linux.
"""

from collections.abc import Callable

from stress.kernel.marked_links import REMOVED, SLOTS, begin_walk, give_up, is_valid, mark_removed, must_be_slot
from stress.kernel.protocol import Protocol, preempt, reclaim
from stress.kernel.protocols.rcu import call_rcu, rcu_callbacks, rcu_oops, rcu_read_lock, rcu_read_unlock
from stress.machine.seam import Cpu, kernel
from stress.machine.words import percpu

REFS = 0
"""Offset of the count. A new object has 1, the structure's own reference."""

TRIES = 1000
"""An object that goes is taken off before: who finds it so often still there has met a count that is wrong."""

# What a CPU holds references of, by slot; its own words.
HELD = percpu("refcount_held", SLOTS)

Take = Callable[[Cpu, int], bool]
Put = Callable[[Cpu, int], None]


@kernel
def get_unless_zero(cpu: Cpu, block: int) -> bool:
    """Take a reference, unless the last one has been put (kref_get_unless_zero)."""
    count = cpu.load(block + REFS)
    while count != 0:
        seen = cpu.cmpxchg(block + REFS, count, count + 1)
        if seen == count:
            return True
        count = seen
    return False


@kernel
def put(cpu: Cpu, block: int) -> None:
    """Put a reference; the last one frees the object after a grace period, as readers may be looking at its count."""
    if cpu.fetch_add(block + REFS, -1) == 1:
        call_rcu(cpu, block)


@kernel
def try_take(cpu: Cpu, address: int, take: Take) -> int:
    """The pointer at `address`, with a reference taken; -1 where its object is just going. Runs in an RCU section."""
    pointer = cpu.load(address)
    if pointer == 0 or pointer & REMOVED != 0 or take(cpu, pointer):
        return pointer
    return -1


@kernel
def take_at(cpu: Cpu, address: int, take: Take) -> int:
    """The same until there is a reference, or nothing to take one of; REMOVED where its object goes on going."""
    for _ in range(TRIES):
        rcu_read_lock(cpu)
        pointer = try_take(cpu, address, take)
        rcu_read_unlock(cpu)
        if pointer != -1:
            return pointer
        cpu.relax(address)
    return REMOVED


@kernel
def hold(cpu: Cpu, slot: int, pointer: int, drop: Put) -> None:
    """Hold the reference in a slot, and put the one that was held there."""
    must_be_slot(cpu, slot)
    held = cpu.area + HELD + slot * 8
    before = cpu.peek(held)
    cpu.poke(held, pointer)
    if before != 0:
        drop(cpu, before)


@kernel
def follow(cpu: Cpu, address: int, slot: int) -> int:
    """The object that the word at `address` points to, a reference held in `slot`; 0 for none, or a marked link."""
    pointer = take_at(cpu, address, get_unless_zero)
    if pointer & REMOVED != 0:
        return give_up(cpu)
    hold(cpu, slot, pointer, put)
    return pointer


@kernel
def put_all(cpu: Cpu) -> bool:
    """End reading: put what is held. False if the walk was cut short by a marked link."""
    for slot in range(SLOTS):
        hold(cpu, slot, 0, put)
    return is_valid(cpu)


@kernel
def refcount_oops(cpu: Cpu) -> None:
    """An oops keeps its references, so that the objects are never freed; the CPU forgets them."""
    rcu_oops(cpu)
    for slot in range(SLOTS):
        cpu.poke(cpu.area + HELD + slot * 8, 0)


@kernel
def get_always(cpu: Cpu, block: int) -> bool:
    """Broken: take a reference of an object whose last one may have been put."""
    cpu.fetch_add(block + REFS, 1)
    return True


@kernel
def follow_the_dead(cpu: Cpu, address: int, slot: int) -> int:
    """Broken: `follow` without the test for zero."""
    pointer = take_at(cpu, address, get_always)
    if pointer & REMOVED != 0:
        return give_up(cpu)
    hold(cpu, slot, pointer, put)
    return pointer


@kernel
def put_at_once(cpu: Cpu, block: int) -> None:
    """Broken: the last put frees at once, though a reader may be about to look at the count."""
    if cpu.fetch_add(block + REFS, -1) == 1:
        reclaim(cpu, block)


@kernel
def put_untested(cpu: Cpu, block: int) -> None:
    """Broken: every put that finds one reference or none frees, and two of them may."""
    count = cpu.load(block + REFS) - 1
    cpu.store(block + REFS, count)
    if count <= 0:
        call_rcu(cpu, block)


@kernel
def follow_put_at_once(cpu: Cpu, address: int, slot: int) -> int:
    """Broken: `follow` whose puts free at once."""
    pointer = take_at(cpu, address, get_unless_zero)
    if pointer & REMOVED != 0:
        return give_up(cpu)
    hold(cpu, slot, pointer, put_at_once)
    return pointer


@kernel
def put_all_at_once(cpu: Cpu) -> bool:
    """Broken: `put_all` whose puts free at once."""
    for slot in range(SLOTS):
        hold(cpu, slot, 0, put_at_once)
    return is_valid(cpu)


@kernel
def put_all_untested(cpu: Cpu) -> bool:
    """Broken: `put_all` whose puts are no single step."""
    for slot in range(SLOTS):
        hold(cpu, slot, 0, put_untested)
    return is_valid(cpu)


REFCOUNT_FREED_AT_ONCE = Protocol(
    "refcount_freed_at_once",
    read_begin=begin_walk,
    read_end=put_all_at_once,
    dereference=follow_put_at_once,
    mark_removed=mark_removed,
    retire=put_at_once,
    safepoint=rcu_callbacks,
    interrupt=preempt,
    oops=refcount_oops,
    claim="broken: the last put frees at once, though a reader may be about to look at the count",
    source="Documentation/RCU/rcuref.rst of Linux",
)
REFCOUNT = REFCOUNT_FREED_AT_ONCE.but(
    "refcount",
    read_end=put_all,
    dereference=follow,
    retire=put,
    claim="readers hold references, the last put frees, and a count is looked at in RCU sections only",
    lacking=REFCOUNT_FREED_AT_ONCE,
)
REFCOUNT_BROKEN = (
    REFCOUNT_FREED_AT_ONCE,
    REFCOUNT.but(
        "refcount_of_the_dead",
        dereference=follow_the_dead,
        claim="broken: references are taken of objects whose last one was put",
    ),
    REFCOUNT.but(
        "refcount_put_in_two_steps",
        read_end=put_all_untested,
        retire=put_untested,
        claim="broken: a put loads the count and stores it: two CPUs may put one reference together",
    ),
)
