"""The slab allocator: blocks in power-of-two sizes, reused last-in-first-out, poisoned when freed.

Kernel code calls `kmalloc` and `kfree`. The record of each block is in `stress.machine.blocks`. One lock, `slab_lock`,
taken by compare-exchange, guards the free lists, the end of the used heap and the records.
"""

from stress.machine.blocks import (
    ALLOCATED_BY,
    FORMER_LABEL,
    FREE_LISTS,
    FREED_BY,
    GENERATION,
    HEAP_END,
    HEAP_NEXT,
    LABEL,
    MAX_SHIFT,
    MIN_SHIFT,
    NEXT_FREE,
    REQUESTED,
    RETIRED_BY,
    RETIRED_IN,
    SHADOW_ALLOCATED,
    SHADOW_FREED,
    SHADOW_REDZONE,
    SHADOW_UNMAPPED,
    SHIFT,
    SLAB_LOCK,
    is_live,
    record_of,
    sign_record,
)
from stress.machine.loop import count_overwritten
from stress.machine.notes import note_bad_call
from stress.machine.seam import Cpu, Oops, kernel
from stress.machine.words import BAD_FREE, DOUBLE_RETIRE, PREEMPT_COUNT, RECLAIMED, static

# What becomes of freed memory. Written at boot, before any CPU runs, and never after it: no order is needed.
FATE = static("slab_fate", 2)
LEAST_SHIFT = FATE + 8
POISONED, REUSED, UNMAPPED, TYPE_STABLE = 0, 1, 2, 3

# The bytes of Linux 2.6.11 (mm/slab.c): memory just allocated, memory that is free, the last byte of a free block.
POISON_INUSE = 0x5A
POISON_FREE = 0x6B
POISON_END = 0xA5
POISON_LAST_WORD = int.from_bytes(bytes([POISON_FREE] * 7 + [POISON_END]), "little", signed=True)


@kernel
def lock_slab(cpu: Cpu) -> None:
    """Take `slab_lock`, with preemption off: a stop must not hold the CPU that holds the lock. Not a safepoint."""
    # The compare-exchange is a full barrier: nothing of the critical section comes before it.
    cpu.poke(cpu.area + PREEMPT_COUNT, cpu.peek(cpu.area + PREEMPT_COUNT) + 1)
    while cpu.cmpxchg(SLAB_LOCK, 0, cpu.number + 1) != 0:
        cpu.relax(SLAB_LOCK)


@kernel
def unlock_slab(cpu: Cpu) -> None:
    """Release `slab_lock`. Only its holder stores the word, so a plain store does."""
    cpu.barrier()  # the next holder sees everything that was done under the lock
    cpu.store(SLAB_LOCK, 0)
    cpu.poke(cpu.area + PREEMPT_COUNT, cpu.peek(cpu.area + PREEMPT_COUNT) - 1)


@kernel
def shift_for(size: int, least: int) -> int:
    """The smallest block shift, from `least` on, whose block holds `size` bytes; MAX_SHIFT + 1 if no block does."""
    shift = least
    while shift <= MAX_SHIFT and 1 << shift < size:
        shift += 1
    return shift


@kernel
def carve(cpu: Cpu, shift: int) -> int:
    """A block that was never used, from the end of the used heap; 0 when the heap is full. `slab_lock` is held."""
    block = cpu.peek(HEAP_NEXT)
    if block + (1 << shift) > cpu.peek(HEAP_END):
        return 0
    cpu.poke(HEAP_NEXT, block + (1 << shift))
    return block


@kernel
def take_block(cpu: Cpu, shift: int) -> int:
    """The block of this size that was freed last, or a new one; 0 when there is none. `slab_lock` is held."""
    head = FREE_LISTS + shift * 8
    block = cpu.peek(head)
    if block == 0:
        return carve(cpu, shift)
    cpu.poke(head, cpu.peek(record_of(cpu, block) + NEXT_FREE))
    return block


@kernel
def dress_block(cpu: Cpu, block: int, shift: int, size: int) -> None:
    """Turn a free block into an allocated one of `size` bytes: record and contents first, the shadow last."""
    record = record_of(cpu, block)
    cpu.poke(record + SHIFT, shift)
    cpu.poke(record + REQUESTED, size)
    cpu.poke(record + GENERATION, cpu.peek(record + GENERATION) + 1)
    cpu.poke(record + LABEL, 0)
    sign_record(cpu, record + ALLOCATED_BY)
    if cpu.peek(FATE) == POISONED or cpu.peek(FATE) == UNMAPPED:
        cpu.fill_unchecked(block, 1 << shift, POISON_INUSE)
    # The old poison is gone before the shadow allows accesses: a load that finds poison always finds the mark too.
    cpu.barrier()
    rounded = size + 7 & -8
    cpu.fill_shadow(block + rounded, (1 << shift) - rounded, SHADOW_REDZONE)
    cpu.fill_shadow(block, rounded, SHADOW_ALLOCATED)


@kernel
def first_overwritten(cpu: Cpu, block: int) -> int:
    """Address of the first byte, or of the last word, of a freed block that is not its poison any more; 0 if all is."""
    last = block + (1 << cpu.peek(record_of(cpu, block) + SHIFT)) - 8
    found = cpu.memchr_inv(block, last - block, POISON_FREE)
    if found == 0 and cpu.peek(last) != POISON_LAST_WORD:
        return last
    return found


@kernel
def check_poison(cpu: Cpu, block: int) -> None:
    """Count a free block that was written to after it was freed. This finds what no look at the shadow can see.

    A CPU that looks at the shadow before the free and stores after it is not noticed at the store. `slab_lock` is held,
    or the machine is off, so that no CPU allocates or frees the block meanwhile. A block of generation 0 was never
    used, and has no poison.
    """
    if cpu.peek(FATE) == POISONED and cpu.peek(record_of(cpu, block) + GENERATION) != 0:
        address = first_overwritten(cpu, block)
        if address != 0:
            count_overwritten(cpu, address)


@kernel
def kmalloc(cpu: Cpu, size: int) -> int:
    """Allocate a block of at least `size` bytes; 0 when memory is short, or for a size below 1 or above 64 MiB."""
    shift = shift_for(size, max(cpu.peek(LEAST_SHIFT), MIN_SHIFT))
    if size <= 0 or shift > MAX_SHIFT:
        return 0
    lock_slab(cpu)
    block = take_block(cpu, shift)
    if block != 0:
        check_poison(cpu, block)
        dress_block(cpu, block, shift, size)
    unlock_slab(cpu)
    return block


@kernel
def poison_block(cpu: Cpu, block: int) -> None:
    """Poison a block that is being freed, as mm/slab.c of 2.6.11 does: 0x6b, and 0xa5 as the last byte."""
    size = 1 << cpu.peek(record_of(cpu, block) + SHIFT)
    cpu.fill_unchecked(block, size - 8, POISON_FREE)
    cpu.poke(block + size - 8, POISON_LAST_WORD)


@kernel
def undress_block(cpu: Cpu, block: int) -> None:
    """Turn a block into a free one, as the machine's fate says: no CPU sees the poison before the shadow's mark."""
    record = record_of(cpu, block)
    fate = cpu.peek(FATE)
    cpu.poke(record + FORMER_LABEL, cpu.peek(record + LABEL))
    sign_record(cpu, record + FREED_BY)
    cpu.poke(record + GENERATION, cpu.peek(record + GENERATION) + 1)
    if fate != TYPE_STABLE:
        mark = SHADOW_UNMAPPED if fate == UNMAPPED else SHADOW_FREED
        cpu.fill_shadow(block, cpu.peek(record + REQUESTED) + 7 & -8, mark)
    # A load takes its value first and looks at the shadow after it. So with the mark stored before the poison, a load
    # that takes poison finds the mark.
    cpu.barrier()
    if fate == POISONED:
        poison_block(cpu, block)


@kernel
def must_be_live(cpu: Cpu, block: int) -> None:
    """Raise Oops (CAUSE_WILD) for an address that is not the start of a block that is allocated now."""
    if not is_live(cpu, block):
        note_bad_call(cpu, block, BAD_FREE)
        raise Oops


@kernel
def sign_retirement(cpu: Cpu, block: int) -> None:
    """Write who retires a block that is freed later: what frees it then does not know where it was retired.

    Raises Oops (CAUSE_WILD) for what is no block, or was freed, or is retired already. Takes no lock, which would be an
    access more than the code under test makes: of two CPUs that retire a block within a few instructions both may pass,
    and kfree refuses the second free.
    """
    must_be_live(cpu, block)
    record = record_of(cpu, block)
    generation = cpu.peek(record + GENERATION)
    if cpu.peek(record + RETIRED_IN) == generation:
        note_bad_call(cpu, block, DOUBLE_RETIRE)
        raise Oops
    cpu.poke(record + RETIRED_IN, 0)
    cpu.wmb()  # who copies the record meanwhile finds no generation, so no half of a signature
    sign_record(cpu, record + RETIRED_BY)
    cpu.wmb()
    cpu.poke(record + RETIRED_IN, generation)


@kernel
def forget_retirement(cpu: Cpu, block: int) -> None:
    """Say that a block is in use again, without kfree and kmalloc: it may be retired again.

    Raises Oops (CAUSE_WILD) for what is no block, or was freed.
    """
    must_be_live(cpu, block)
    count_reclaimed(cpu, record_of(cpu, block))
    cpu.poke(record_of(cpu, block) + RETIRED_IN, 0)


@kernel
def count_reclaimed(cpu: Cpu, record: int) -> None:
    """Count a block that waits for its free no longer, if it was retired."""
    if cpu.peek(record + RETIRED_IN) == cpu.peek(record + GENERATION):
        cpu.poke(cpu.log + RECLAIMED, cpu.peek(cpu.log + RECLAIMED) + 1)


@kernel
def kfree(cpu: Cpu, block: int) -> None:
    """Free `block`; do nothing for 0.

    Raises Oops (CAUSE_WILD) for an address that is not the start of a block, and for a block that is free already.
    """
    if block == 0:
        return
    lock_slab(cpu)
    if not is_live(cpu, block):
        unlock_slab(cpu)
        note_bad_call(cpu, block, BAD_FREE)
        raise Oops
    record = record_of(cpu, block)
    count_reclaimed(cpu, record)
    undress_block(cpu, block)
    head = FREE_LISTS + cpu.peek(record + SHIFT) * 8
    cpu.poke(record + NEXT_FREE, cpu.peek(head))
    cpu.poke(head, block)
    unlock_slab(cpu)
