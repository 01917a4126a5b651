"""The slab allocator: blocks in power-of-two sizes, reused last-in-first-out, poisoned when freed.

Kernel code reaches it as `kmalloc` and `kfree`. What it knows of a block (its size, the free list, who
allocated and freed it) lies outside the block, behind the bound, where no stray store can reach it.
All of it is guarded by one lock, `slab_lock`, taken by compare-exchange.
"""

from stress.machine.notes import note_bad_call
from stress.machine.seam import Cpu, Oops, kernel
from stress.machine.words import OPERATIONS, PREEMPT_COUNT, lock, static

SLAB_LOCK = lock("slab_lock")
HEAP_NEXT = static("heap_next")
HEAP_START = static("heap_start")
HEAP_END = static("heap_end")
RECORDS = static("slab_records")
FREE_LISTS = static("slab_free_lists", 32)
STOPS = static("stop_number")

# What becomes of freed memory: settings that nobody changes once a machine is up.
FATE = static("slab_fate", 2)
LEAST_SHIFT = FATE + 8
POISONED, REUSED, UNMAPPED = 0, 1, 2

MIN_SHIFT = 8
MIN_BLOCK = 1 << MIN_SHIFT
MAX_SHIFT = 26
RECORD_BYTES = 128

# A block's record, 16 words for each MIN_BLOCK bytes of heap. Written under slab_lock, the label by the block's owner.
SHIFT, NEXT_FREE, GENERATION, REQUESTED = 0, 8, 16, 24
ALLOCATED_BY, FREED_BY = 32, 80
LABEL, FORMER_LABEL = 64, 112
BY_CPU, BY_OPERATION, BY_STOP, BY_CLOCK = 0, 8, 16, 24

POISON_INUSE = 0x5A
POISON_FREE = 0x6B
POISON_END = 0xA5
POISON_LAST_WORD = int.from_bytes(bytes([POISON_FREE] * 7 + [POISON_END]), "little", signed=True)
SHADOW_ALLOCATED = 0x00
SHADOW_FREED = 0xFB
SHADOW_REDZONE = 0xFC
SHADOW_UNMAPPED = 0xFE


@kernel
def record_of(cpu: Cpu, block: int) -> int:
    """Address of the record of `block`."""
    return cpu.peek(RECORDS) + (block - cpu.peek(HEAP_START) >> MIN_SHIFT) * RECORD_BYTES


@kernel
def sign_record(cpu: Cpu, entry: int) -> None:
    """Write who does it and when: CPU, its operation's number, the stop's number, the clock in nanoseconds, stack."""
    cpu.poke(entry + BY_CPU, cpu.number)
    cpu.poke(entry + BY_OPERATION, cpu.peek(cpu.log + OPERATIONS))
    cpu.poke(entry + BY_STOP, cpu.peek(STOPS))
    cpu.poke(entry + BY_CLOCK, cpu.clock())
    cpu.remember_stack(entry)


@kernel
def lock_slab(cpu: Cpu) -> None:
    """Take `slab_lock`, with preemption off: its holder must not be held by a stop. Not a safepoint."""
    cpu.poke(cpu.area + PREEMPT_COUNT, cpu.peek(cpu.area + PREEMPT_COUNT) + 1)
    while cpu.cmpxchg(SLAB_LOCK, 0, cpu.number + 1) != 0:
        cpu.relax(SLAB_LOCK)


@kernel
def unlock_slab(cpu: Cpu) -> None:
    """Release `slab_lock`; its word is stored only by its holder."""
    cpu.barrier()
    cpu.store(SLAB_LOCK, 0)
    cpu.poke(cpu.area + PREEMPT_COUNT, cpu.peek(cpu.area + PREEMPT_COUNT) - 1)


@kernel
def shift_for(size: int, least: int) -> int:
    """The smallest block shift from `least` that holds `size` bytes, or MAX_SHIFT + 1 for more than any block has."""
    shift = least
    while shift <= MAX_SHIFT and 1 << shift < size:
        shift += 1
    return shift


@kernel
def carve(cpu: Cpu, shift: int) -> int:
    """A block that was never used, from the end of the heap; 0 when the heap is full."""
    block = cpu.peek(HEAP_NEXT)
    if block + (1 << shift) > cpu.peek(HEAP_END):
        return 0
    cpu.poke(HEAP_NEXT, block + (1 << shift))
    return block


@kernel
def take_block(cpu: Cpu, shift: int) -> int:
    """The block freed last of this size, or a new one; 0 when there is none."""
    head = FREE_LISTS + shift * 8
    block = cpu.peek(head)
    if block == 0:
        return carve(cpu, shift)
    cpu.poke(head, cpu.peek(record_of(cpu, block) + NEXT_FREE))
    return block


@kernel
def dress_block(cpu: Cpu, block: int, shift: int, size: int) -> None:
    """Make a block that was free into one of `size` bytes: record and contents first, the shadow last."""
    record = record_of(cpu, block)
    cpu.poke(record + SHIFT, shift)
    cpu.poke(record + REQUESTED, size)
    cpu.poke(record + GENERATION, cpu.peek(record + GENERATION) + 1)
    cpu.poke(record + LABEL, 0)
    sign_record(cpu, record + ALLOCATED_BY)
    if cpu.peek(FATE) != REUSED:
        cpu.fill(block, 1 << shift, POISON_INUSE)
    cpu.barrier()
    rounded = size + 7 & -8
    cpu.fill_shadow(block + rounded, (1 << shift) - rounded, SHADOW_REDZONE)
    cpu.fill_shadow(block, rounded, SHADOW_ALLOCATED)


@kernel
def kmalloc(cpu: Cpu, size: int) -> int:
    """A block of at least `size` bytes, or 0 when memory is short. Fills it, then clears its shadow."""
    shift = shift_for(size, max(cpu.peek(LEAST_SHIFT), MIN_SHIFT))
    if size <= 0 or shift > MAX_SHIFT:
        return 0
    lock_slab(cpu)
    block = take_block(cpu, shift)
    if block != 0:
        dress_block(cpu, block, shift, size)
    unlock_slab(cpu)
    return block


@kernel
def ksize(cpu: Cpu, block: int) -> int:
    """How many bytes were asked for when `block` was allocated."""
    return cpu.peek(record_of(cpu, block) + REQUESTED)


@kernel
def is_live(cpu: Cpu, block: int) -> bool:
    """Whether `block` is the start of a block that is allocated now: its generation is odd."""
    offset = block - cpu.peek(HEAP_START)
    if offset < 0 or block >= cpu.peek(HEAP_NEXT) or offset & MIN_BLOCK - 1 != 0:
        return False
    return cpu.peek(record_of(cpu, block) + GENERATION) & 1 == 1


@kernel
def label_block(cpu: Cpu, block: int, label: int) -> None:
    """Say what a block that was just allocated is for (an address that tells it); reports keep it past the free."""
    cpu.poke(record_of(cpu, block) + LABEL, label)


@kernel
def label_of(cpu: Cpu, block: int) -> int:
    """What a block is for or, when it is free, was for."""
    record = record_of(cpu, block)
    return cpu.peek(record + (LABEL if cpu.peek(record + GENERATION) & 1 == 1 else FORMER_LABEL))


@kernel
def block_of(cpu: Cpu, address: int) -> int:
    """Start of the block, live or free, that `address` lies in; 0 for none. Takes no lock: blocks keep their place."""
    start = cpu.peek(HEAP_START)
    if address < start or address >= cpu.peek(HEAP_NEXT):
        return 0
    block = address - (address - start & MIN_BLOCK - 1)
    while block > start and cpu.peek(record_of(cpu, block) + SHIFT) == 0:
        block -= MIN_BLOCK
    return block if address - block < 1 << cpu.peek(record_of(cpu, block) + SHIFT) else 0


@kernel
def poison_block(cpu: Cpu, block: int) -> None:
    """Poison a block that is given back."""
    size = 1 << cpu.peek(record_of(cpu, block) + SHIFT)
    cpu.fill(block, size - 8, POISON_FREE)
    cpu.poke(block + size - 8, POISON_LAST_WORD)


@kernel
def undress_block(cpu: Cpu, block: int) -> None:
    """Turn a block that is given back into a free one, by its fate: poison is never seen before the shadow's mark."""
    record = record_of(cpu, block)
    fate = cpu.peek(FATE)
    cpu.poke(record + FORMER_LABEL, cpu.peek(record + LABEL))
    sign_record(cpu, record + FREED_BY)
    cpu.poke(record + GENERATION, cpu.peek(record + GENERATION) + 1)
    mark = SHADOW_UNMAPPED if fate == UNMAPPED else SHADOW_FREED
    cpu.fill_shadow(block, cpu.peek(record + REQUESTED) + 7 & -8, mark)
    cpu.barrier()
    if fate == POISONED:
        poison_block(cpu, block)


@kernel
def kfree(cpu: Cpu, block: int) -> None:
    """Give `block` back; nothing for 0.

    Raises Oops (CAUSE_WILD) for what is no block, or is free already.
    """
    if block == 0:
        return
    lock_slab(cpu)
    if not is_live(cpu, block):
        unlock_slab(cpu)
        note_bad_call(cpu, block)
        raise Oops
    undress_block(cpu, block)
    record = record_of(cpu, block)
    head = FREE_LISTS + cpu.peek(record + SHIFT) * 8
    cpu.poke(record + NEXT_FREE, cpu.peek(head))
    cpu.poke(head, block)
    unlock_slab(cpu)
