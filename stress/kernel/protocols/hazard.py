"""Hazard pointers: a reader publishes which objects it uses; a writer frees a retired object that nobody has published.

A pointer is published and then looked at again: if it is still there, the object was not retired before it was
published. The links of an object that is taken off are marked, or they would still be there. Source: Michael, Hazard
Pointers: Safe Memory Reclamation for Lock-Free Objects, IEEE Transactions on Parallel and Distributed Systems 15
(2004), 491-504.
"""

from stress.kernel.marked_links import REMOVED, SLOTS, begin_walk, give_up, is_valid, mark_removed, must_be_slot
from stress.kernel.protocol import Protocol, load_link, preempt, reclaim
from stress.machine.blocks import NEXT_FREE, record_of
from stress.machine.seam import Cpu, kernel
from stress.machine.slab import must_be_live
from stress.machine.words import AREA_BYTES, AREAS, CPUS, percpu

SCANS_AT = 1
"""A CPU looks for objects that it can free when it has retired as many as there are CPUs."""

# Words of a CPU: what it uses, 0 for nothing; its retired objects, and how many there are.
HAZARDS = percpu("hazard_pointers", SLOTS)
RETIRED = percpu("hazard_retired", 2)
COUNT = RETIRED + 8


@kernel
def end(cpu: Cpu) -> bool:
    """End reading: nothing is in use any more. False if a marked link was found, so that the walk was cut short."""
    for slot in range(SLOTS):
        # All that was read of the object was read before the slot is empty.
        cpu.store_release(cpu.area + HAZARDS + slot * 8, 0)
    return is_valid(cpu)


@kernel
def publish_use(cpu: Cpu, slot: int, pointer: int) -> None:
    """Publish that this CPU uses an object. Only this CPU stores its slots."""
    must_be_slot(cpu, slot)
    cpu.store(cpu.area + HAZARDS + slot * 8, pointer)
    # The slot is seen before the second look: a store followed by a load needs a full barrier, on x86 too.
    cpu.barrier()


@kernel
def protect(cpu: Cpu, address: int, slot: int) -> int:
    """The object that the word at `address` points to, in use in `slot`; 0 for none, and where the link is marked."""
    pointer = cpu.load(address)
    while pointer & REMOVED == 0:
        publish_use(cpu, slot, pointer)
        again = cpu.load(address)
        if again == pointer:
            return pointer
        pointer = again
    return give_up(cpu)


@kernel
def is_in_use(cpu: Cpu, block: int) -> bool:
    """Whether any CPU has published that it uses this object."""
    for number in range(cpu.peek(CPUS)):
        slots = AREAS + number * AREA_BYTES + HAZARDS
        for slot in range(SLOTS):
            if cpu.load(slots + slot * 8) == block:
                return True
    return False


@kernel
def keep_retired(cpu: Cpu, block: int) -> None:
    """Put a block on this CPU's list, which goes through the slab's records."""
    must_be_live(cpu, block)
    cpu.poke(record_of(cpu, block) + NEXT_FREE, cpu.peek(cpu.area + RETIRED))
    cpu.poke(cpu.area + RETIRED, block)
    cpu.poke(cpu.area + COUNT, cpu.peek(cpu.area + COUNT) + 1)


@kernel
def scan(cpu: Cpu) -> None:
    """Free what this CPU has retired and nobody uses; keep the rest."""
    block = cpu.peek(cpu.area + RETIRED)
    cpu.poke(cpu.area + RETIRED, 0)
    cpu.poke(cpu.area + COUNT, 0)
    # The objects were taken off before the slots are read.
    cpu.barrier()
    while block != 0:
        following = cpu.peek(record_of(cpu, block) + NEXT_FREE)
        if is_in_use(cpu, block):
            keep_retired(cpu, block)
        else:
            reclaim(cpu, block)
        block = following


@kernel
def retire_unless_used(cpu: Cpu, block: int) -> None:
    """Free `block` when nobody uses it, at one of the next retirements of this CPU."""
    keep_retired(cpu, block)
    if cpu.peek(cpu.area + COUNT) >= SCANS_AT * cpu.peek(CPUS):
        scan(cpu)


@kernel
def hazard_oops(cpu: Cpu) -> None:
    """An oops empties the slots."""
    for slot in range(SLOTS):
        cpu.poke(cpu.area + HAZARDS + slot * 8, 0)


@kernel
def protect_without_look(cpu: Cpu, address: int, slot: int) -> int:
    """Broken: publish the pointer and do not look again; the object may have been freed before it was published."""
    pointer = cpu.load(address)
    publish_use(cpu, slot, pointer)
    return pointer


@kernel
def protect_after_look(cpu: Cpu, address: int, slot: int) -> int:
    """Broken: publish the pointer behind the second look."""
    pointer = cpu.load(address)
    while pointer & REMOVED == 0:
        again = cpu.load(address)
        if again == pointer:
            publish_use(cpu, slot, pointer)
            return pointer
        pointer = again
    return give_up(cpu)


@kernel
def protect_in_first_slot(cpu: Cpu, address: int, slot: int) -> int:
    """Broken: one slot for all, so that the object whose link is looked at again is not in use any more."""
    return protect(cpu, address, 0)


HAZARD_UNPUBLISHED = Protocol(
    "hazard_unpublished",
    interrupt=preempt,
    retire=retire_unless_used,
    oops=hazard_oops,
    claim="broken: readers do not publish what they use",
    source="Michael, Hazard Pointers, 2004",
)
HAZARD = HAZARD_UNPUBLISHED.but(
    "hazard",
    read_begin=begin_walk,
    read_end=end,
    dereference=protect,
    mark_removed=mark_removed,
    claim="a retired object is freed when no CPU has published that it uses it",
    lacking=HAZARD_UNPUBLISHED,
)
HAZARD_BROKEN = (
    HAZARD_UNPUBLISHED,
    HAZARD.but(
        "hazard_without_second_look",
        dereference=protect_without_look,
        claim="broken: a pointer is published, and the object may have been freed before",
    ),
    HAZARD.but(
        "hazard_published_late",
        dereference=protect_after_look,
        claim="broken: a pointer is published behind the second look",
    ),
    HAZARD.but(
        "hazard_one_slot",
        dereference=protect_in_first_slot,
        claim="broken: the next object takes the slot of the one whose link is looked at again",
    ),
    HAZARD.but(
        "hazard_unmarked_links",
        mark_removed=load_link,
        claim="broken: the links of objects that were taken off are followed",
    ),
)
