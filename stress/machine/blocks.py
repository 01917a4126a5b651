"""What the slab knows of each block, and what the shadow says of it: for the allocator, and for reports.

A block's record lies outside the block, behind the bound, where no stray store can reach it. Records change under
`slab_lock` alone; the label is written by the block's owner.
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

MIN_SHIFT = 8
MIN_BLOCK = 1 << MIN_SHIFT
MAX_SHIFT = 26
RECORD_BYTES = 128

# A block's record, 16 words for each MIN_BLOCK bytes of heap.
SHIFT, NEXT_FREE, GENERATION, REQUESTED = 0, 8, 16, 24
ALLOCATED_BY, FREED_BY = 32, 80
LABEL, FORMER_LABEL = 64, 112
BY_CPU, BY_OPERATION, BY_STOP, BY_CLOCK = 0, 8, 16, 24

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
