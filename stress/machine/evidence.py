"""The evidence of a violation, which the CPU that saw it keeps at the end of the operation, for a full report.

Behind the bound every CPU has a slot for each outcome. A slot keeps the first violation of its outcome; later ones are
only counted. Each slot has one writer, its CPU, which fills it with unchecked accesses only: no event comes at those,
so no handler on that CPU finds a slot half written. `stress.judge.violation` reads the slots when the machine is off.
"""

from stress.machine.blocks import (
    ALLOCATED_BY,
    BY_STACK,
    FREED_BY,
    GENERATION,
    RECORD_BYTES,
    RETIRED_BY,
    RETIRED_IN,
    SLAB_LOCK,
    STOPS,
    block_of,
    label_of,
    record_of,
)
from stress.machine.seam import Cpu, kernel
from stress.machine.words import (
    BOUND,
    CAUSE_WILD,
    COPIED,
    EXPECTED,
    FAULT_ADDRESS,
    FAULT_CAUSE,
    FAULT_STACK,
    HIT_ADDRESS,
    HIT_STACK,
    IN_HANDLER,
    MOST_OUTCOMES,
    NOTES,
    NOTES_BYTES,
    OPERATIONS,
    OVERWRITTEN,
    WALK,
    WALK_NODES,
    WALKED,
    WARNING_STACK,
    static,
)

REPORTS = static("reports")

# The name buffer of kallsyms (KSYM_NAME_LEN + 1), and five rows of memory as KASAN's reports show them.
NAME_BUFFER_BYTES = 128
ROWS = 5
ROW_BYTES = 16
TRIES = 64
"""How often a CPU copies a block that others change, until it gives up and keeps a copy that may be inconsistent."""

# A slot: the outcome (0: empty), when, in which operation; the address looked at and its block; whether the block's
# record was at rest when it was copied; whether the machine was off by then. Then copies of the notes, the name buffer,
# the record and the memory around.
KEPT_OUTCOME, KEPT_CLOCK, KEPT_STOP, KEPT_OPERATION, KEPT_FOCUS, KEPT_BLOCK, KEPT_AT_REST = range(0, 56, 8)
KEPT_AT_POWER_OFF = 56
KEPT_NOTES = 64
KEPT_NAME = KEPT_NOTES + NOTES_BYTES
KEPT_RECORD = KEPT_NAME + NAME_BUFFER_BYTES
KEPT_ROWS = KEPT_RECORD + RECORD_BYTES
KEPT_SHADOWS = KEPT_ROWS + ROWS * ROW_BYTES
KEPT_NODES = KEPT_SHADOWS + ROWS * 8
NODE_LABEL, NODE_GENERATION, NODE_BYTES = 0, 8, 16
KEPT_STACK = KEPT_NODES + WALK_NODES * NODE_BYTES
SLOT_BYTES = 1280
SLOTS_BYTES = MOST_OUTCOMES * SLOT_BYTES

if KEPT_STACK + 8 > SLOT_BYTES:
    raise AssertionError("the evidence of a violation does not fit into its slot")


@kernel
def keep_node(cpu: Cpu, kept: int, node: int) -> None:
    """Keep what the block of one node of the walk is for, and its generation: 0 where there is no block."""
    block = block_of(cpu, node)
    cpu.poke(kept + NODE_LABEL, 0)
    cpu.poke(kept + NODE_GENERATION, 0)
    if block != 0:
        cpu.poke(kept + NODE_LABEL, label_of(cpu, block))
        cpu.poke(kept + NODE_GENERATION, cpu.peek(record_of(cpu, block) + GENERATION))


@kernel
def keep_walk(cpu: Cpu, slot: int) -> int:
    """Keep what is known of every node in the ring; the last of them that lies in a block, or 0."""
    last = 0
    walked = cpu.peek(cpu.log + WALKED)
    for step in range(max(walked - WALK_NODES, 0), walked):
        at = step & WALK_NODES - 1
        node = cpu.peek(cpu.log + WALK + at * 8)
        keep_node(cpu, slot + KEPT_NODES + at * NODE_BYTES, node)
        if block_of(cpu, node) != 0:
            last = node
    return last


@kernel
def focus_of(cpu: Cpu, last_node: int) -> int:
    """The address to look at: the first bad access, else a fault within a block, else where the walk last stood."""
    hit = cpu.peek(cpu.log + HIT_ADDRESS)
    if hit != 0:
        return hit
    fault = cpu.peek(cpu.log + FAULT_ADDRESS)
    if cpu.peek(cpu.log + FAULT_CAUSE) == CAUSE_WILD and block_of(cpu, fault) != 0:
        return fault
    return last_node


@kernel
def keep_memory(cpu: Cpu, slot: int, focus: int) -> None:
    """Keep the rows around `focus`, two before it and two behind it, each with the two shadow bytes that it has."""
    first = (focus & -ROW_BYTES) - ROWS // 2 * ROW_BYTES
    cpu.copy_unchecked(slot + KEPT_ROWS, first, ROWS * ROW_BYTES)
    for row in range(ROWS):
        shadow = first + row * ROW_BYTES >> 3
        cpu.poke(slot + KEPT_SHADOWS + row * 8, cpu.peek8(shadow) | cpu.peek8(shadow + 1) << 8)


@kernel
def keep_block(cpu: Cpu, slot: int, focus: int, record: int) -> None:
    """Keep a block's record, the stacks of who allocated, retired and freed it, and the memory around `focus`."""
    cpu.copy_unchecked(slot + KEPT_RECORD, record, RECORD_BYTES)
    cpu.copy_stack(slot + KEPT_RECORD + ALLOCATED_BY + BY_STACK, record + ALLOCATED_BY + BY_STACK)
    cpu.copy_stack(slot + KEPT_RECORD + FREED_BY + BY_STACK, record + FREED_BY + BY_STACK)
    cpu.copy_stack(slot + KEPT_RECORD + RETIRED_BY + BY_STACK, record + RETIRED_BY + BY_STACK)
    keep_memory(cpu, slot, focus)


@kernel
def keep_block_at_rest(cpu: Cpu, slot: int, focus: int) -> None:
    """Keep the block that `focus` lies in, if possible while no CPU changes it.

    Every allocation and free is made under `slab_lock` and changes the generation; every retirement changes RETIRED_IN.
    So if the lock was free at the start and at the end of the copy, and both words are the same, no change came in
    between. The lock is not taken here: this may be a handler on a CPU that holds it. After power-off this does not
    wait, since the lock's holder will not release it.
    """
    record = record_of(cpu, cpu.peek(slot + KEPT_BLOCK))
    for _ in range(TRIES):
        generation = cpu.peek(record + GENERATION)
        retired = cpu.peek(record + RETIRED_IN)
        cpu.barrier()  # both are read before the lock and the copy ...
        held = cpu.peek(SLAB_LOCK)
        keep_block(cpu, slot, focus, record)
        held |= cpu.peek(SLAB_LOCK)
        cpu.barrier()  # ... and again after both
        same = cpu.peek(record + GENERATION) == generation and cpu.peek(record + RETIRED_IN) == retired
        if held == 0 and same:
            cpu.poke(slot + KEPT_AT_REST, 1)
            return
        if cpu.peek(BOUND) == 0:
            return
        cpu.yield_core()


@kernel
def keep_notes(cpu: Cpu, slot: int) -> None:
    """Keep the notes on the operation, the stacks that go with them, and the name that was copied."""
    cpu.copy_unchecked(slot + KEPT_NOTES, cpu.log + NOTES, NOTES_BYTES)
    cpu.copy_stack(slot + KEPT_NOTES + HIT_STACK - NOTES, cpu.log + HIT_STACK)
    cpu.copy_stack(slot + KEPT_NOTES + FAULT_STACK - NOTES, cpu.log + FAULT_STACK)
    cpu.copy_stack(slot + KEPT_NOTES + WARNING_STACK - NOTES, cpu.log + WARNING_STACK)
    buffer = cpu.peek(cpu.log + COPIED)
    if buffer != 0 and cpu.peek(cpu.log + EXPECTED) != 0:
        cpu.copy_unchecked(slot + KEPT_NAME, buffer, NAME_BUFFER_BYTES)


@kernel
def keep_moment(cpu: Cpu, slot: int) -> None:
    """Keep the operation, the stop and the time. The clock comes last, so that nothing in the slot is younger."""
    cpu.poke(slot + KEPT_OPERATION, cpu.peek(cpu.log + OPERATIONS))
    cpu.poke(slot + KEPT_STOP, cpu.peek(STOPS))
    cpu.poke(slot + KEPT_CLOCK, cpu.clock())


@kernel
def keep_evidence(cpu: Cpu, slot: int) -> None:
    """Fill a slot from this CPU's notes, the block that they point into, and the memory around."""
    keep_notes(cpu, slot)
    focus = focus_of(cpu, keep_walk(cpu, slot))
    cpu.poke(slot + KEPT_FOCUS, focus)
    cpu.poke(slot + KEPT_BLOCK, block_of(cpu, focus))
    if cpu.peek(slot + KEPT_BLOCK) != 0:
        keep_block_at_rest(cpu, slot, focus)
    keep_moment(cpu, slot)


@kernel
def slot_of(cpu: Cpu, outcome: int) -> int:
    """This CPU's slot for an outcome."""
    return cpu.peek(REPORTS) + cpu.number * SLOTS_BYTES + outcome * SLOT_BYTES


@kernel
def capture(cpu: Cpu, outcome: int) -> None:
    """Keep the evidence of a violation that this CPU has just counted, if it is the first of its outcome."""
    slot = slot_of(cpu, outcome)
    if cpu.peek(slot + KEPT_OUTCOME) == 0:
        keep_evidence(cpu, slot)
        cpu.poke(slot + KEPT_OUTCOME, outcome)  # last: a slot that is cut short stays empty


@kernel
def keep_overwritten(cpu: Cpu, slot: int, address: int) -> None:
    """Fill a slot with a freed block that was written to at `address`; the caller holds `slab_lock`.

    Of the operation under way only its place is kept: it found the write, and another operation made it.
    """
    block = block_of(cpu, address)
    cpu.poke(slot + KEPT_FOCUS, address)
    cpu.poke(slot + KEPT_BLOCK, block)
    cpu.poke(slot + KEPT_AT_REST, 1)
    keep_block(cpu, slot, address, record_of(cpu, block))
    cpu.poke(slot + KEPT_NOTES + IN_HANDLER - NOTES, cpu.peek(cpu.log + IN_HANDLER))
    cpu.remember_stack(slot + KEPT_STACK)
    keep_moment(cpu, slot)


@kernel
def capture_overwritten(cpu: Cpu, address: int) -> None:
    """Keep the evidence of the first freed block that this CPU finds written to."""
    slot = slot_of(cpu, OVERWRITTEN)
    if cpu.peek(slot + KEPT_OUTCOME) == 0:
        keep_overwritten(cpu, slot, address)
        cpu.poke(slot + KEPT_OUTCOME, OVERWRITTEN)
