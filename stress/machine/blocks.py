"""The record of each block of the heap, and the values of the shadow: for the allocator and for reports.

A block's record lies outside the block, behind the bound, where no stray store can reach it. Records change only under
`slab_lock`, except the label, which the block's owner writes, and the retirement, which is written by who retires the
block. Readers of a record take no lock (`evidence` says how it sees that a record is at rest).
"""

from stress.machine.seam import Cpu, kernel
from stress.machine.words import OPERATIONS, lock, static

SLAB_LOCK = lock("slab_lock")
HEAP_NEXT = static("heap_next")
HEAP_START = static("heap_start")
HEAP_END = static("heap_end")
RECORDS = static("slab_records")
FREE_LISTS = static("slab_free_lists", 32)
STOPS = static("stop_number")

# There is one record for each MIN_BLOCK bytes of heap, so 256 bytes keep the records smaller than the heap. The free
# lists have a word for each shift up to 31; MAX_SHIFT is 64 MiB, more than any module has.
MIN_SHIFT = 8
MIN_BLOCK = 1 << MIN_SHIFT
MAX_SHIFT = 26
RECORD_BYTES = 192

# A block's record. The generation is odd while the block is allocated; allocating and freeing add 1 each. RETIRED_IN is
# the generation in which the block was retired last, 0 while that is being written.
SHIFT, NEXT_FREE, GENERATION, REQUESTED = 0, 8, 16, 24
ALLOCATED_BY, FREED_BY = 32, 72
LABEL, FORMER_LABEL = 112, 120
RETIRED_BY, RETIRED_IN = 128, 168
BY_CPU, BY_OPERATION, BY_STOP, BY_CLOCK, BY_STACK = 0, 8, 16, 24, 32

# What the shadow says of 8 bytes. 0xFB and 0xFC are KASAN's values (mm/kasan/kasan.h); 0xFE is kstress's own.
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
    """Write who acts and when: CPU, number of its operation, number of the stop, clock in nanoseconds, stack."""
    cpu.poke(entry + BY_CPU, cpu.number)
    cpu.poke(entry + BY_OPERATION, cpu.peek(cpu.log + OPERATIONS))
    cpu.poke(entry + BY_STOP, cpu.peek(STOPS))
    cpu.poke(entry + BY_CLOCK, cpu.clock())
    cpu.remember_stack(entry + BY_STACK)


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
    """Write what a block that was just allocated is for, as an address; `FORMER_LABEL` keeps it after the free."""
    cpu.poke(record_of(cpu, block) + LABEL, label)


@kernel
def label_of(cpu: Cpu, block: int) -> int:
    """What a block is for or, when it is free, was for."""
    record = record_of(cpu, block)
    return cpu.peek(record + (LABEL if cpu.peek(record + GENERATION) & 1 == 1 else FORMER_LABEL))


@kernel
def block_of(cpu: Cpu, address: int) -> int:
    """Start of the block, live or free, that `address` lies in; 0 for none.

    Takes no lock: once a block is carved from the heap, its start and its size never change.
    """
    start = cpu.peek(HEAP_START)
    if address < start or address >= cpu.peek(HEAP_NEXT):
        return 0
    block = address - (address - start & MIN_BLOCK - 1)
    while block > start and cpu.peek(record_of(cpu, block) + SHIFT) == 0:
        block -= MIN_BLOCK
    return block if address - block < 1 << cpu.peek(record_of(cpu, block) + SHIFT) else 0
