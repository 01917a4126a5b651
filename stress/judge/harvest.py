"""Violations read from RAM when a machine is off, in words of the kernel and of the corpus.

`stress.machine.evidence` captured them; `stress.runs.runner` harvests them after each slice and keeps the first of each
outcome.
"""

from collections.abc import Iterator, Mapping, Sequence

import attrs

from stress.judge.lookups import TARGET_ADDRESS
from stress.judge.outcomes import Outcome, codes_of, names_of
from stress.judge.violation import (
    AT_BOOT,
    AT_POWER_OFF,
    FREED,
    LIVE,
    Access,
    Block,
    Copied,
    Deed,
    KernelWarning,
    Node,
    Noted,
    Overwritten,
    Row,
    Stack,
    Subject,
    Violation,
)
from stress.kernel.kallsyms import KSYM_NAME_LEN
from stress.kernel.struct import Struct
from stress.kernel.struct_module import IMAGE_MODULE, MODULE_NAME_LEN, NAME
from stress.machine import blocks, evidence, words
from stress.machine.notes import name_of_value
from stress.machine.ram import Ram
from stress.machine.slab import POISON_END, POISON_FREE
from stress.machine.stacks import readable

MOST_REPORTS = 8
UNSIGNED = (1 << 64) - 1


@attrs.frozen
class Slice:
    """The slice of a run that is harvested: its RAM, the programs of its CPUs, when it started on both clocks."""

    ram: Ram
    programs: Sequence[str]
    outcomes: Mapping[str, Outcome]
    started_ns: int
    seconds: float
    structure: str | None = None
    structs: Mapping[int, Struct] = attrs.field(factory=dict)

    def module(self, label: int) -> str | None:
        """What a block was labelled with: the name in the image of a module, or that of a structure's object."""
        if label in self.structs:
            return self.structs[label].NAME
        if not self.ram.map.data <= label < self.ram.map.heap:
            return None
        at = label + IMAGE_MODULE + NAME
        return self.ram.mapping[at : at + MODULE_NAME_LEN].split(b"\0")[0].decode(errors="backslashreplace")

    def stack(self, word: int, cpu: int) -> Stack:
        """The stack that a CPU remembered for a word."""
        return readable(self.ram.stack(word, cpu))

    def slots(self) -> Iterator["Slot"]:
        """Every slot that has evidence."""
        for number in range(self.ram.map.cpus):
            start = self.ram.map.reports + number * evidence.SLOTS_BYTES
            for address in range(start, start + evidence.SLOTS_BYTES, evidence.SLOT_BYTES):
                if self.ram.peek(address + evidence.KEPT_OUTCOME):
                    yield Slot(self, number, address)


@attrs.frozen
class Slot:
    """One piece of evidence: the slot at `address`, which CPU `cpu` filled."""

    of: Slice
    cpu: int
    address: int

    def peek(self, kept: int) -> int:
        """A word of the evidence."""
        return self.of.ram.peek(self.address + kept)

    def record(self, word: int) -> int:
        """A word of the copied record of the block."""
        return self.peek(evidence.KEPT_RECORD + word)

    def note(self, word: int) -> int:
        """One of the notes on the operation."""
        return self.peek(evidence.KEPT_NOTES + word - words.NOTES)

    def note_stack(self, word: int) -> Stack:
        """The stack that was remembered with a note."""
        return self.of.stack(self.address + evidence.KEPT_NOTES + word - words.NOTES, self.cpu)

    def string(self, address: int) -> bytes:
        """The string at an address, up to its NUL, as copies are cut."""
        return self.of.ram.mapping[address : address + KSYM_NAME_LEN].split(b"\0")[0]

    @property
    def clock(self) -> int:
        """When the evidence was taken, in nanoseconds of the machine's clock."""
        return self.peek(evidence.KEPT_CLOCK)

    @property
    def outcome(self) -> str:
        """The name of the outcome."""
        return names_of(self.of.outcomes)[self.peek(evidence.KEPT_OUTCOME)]

    @property
    def block_end(self) -> int:
        """The address after the block that was looked at."""
        return self.peek(evidence.KEPT_BLOCK) + (1 << self.record(blocks.SHIFT))


def harvest(of: Slice, known: Sequence[Violation]) -> tuple[Violation, ...]:
    """`known` and the first violation of each outcome that it lacks, MOST_REPORTS in all."""
    names = {violation.outcome for violation in known}
    found: list[Violation] = []
    for slot in sorted(of.slots(), key=lambda slot: slot.clock):
        if slot.outcome not in names:
            names.add(slot.outcome)
            found.append(_violation(slot))
    return (*known, *found)[:MOST_REPORTS]


def ungraded(of: Slice) -> tuple[int, int, bool] | None:
    """A number that an operation returned and that `of.outcomes` does not have: its CPU, it, whether a handler did.

    None if there is none. A fault, or a warning of the kernel, is no such number, even where nobody grades it.
    """
    codes = codes_of(of.outcomes)
    for slot in of.slots():
        code = slot.peek(evidence.KEPT_OUTCOME)
        if code not in codes and not slot.note(words.FAULT_CAUSE) and not slot.note(words.WARNING):
            return slot.cpu, code, slot.note(words.IN_HANDLER) != 0
    return None


def _violation(slot: Slot) -> Violation:
    """All that a slot says. Times are rounded as in JSON, so that what is read back has the same text."""
    return Violation(
        outcome=slot.outcome,
        cpu=slot.cpu,
        program=AT_POWER_OFF if slot.peek(evidence.KEPT_AT_POWER_OFF) else slot.of.programs[slot.cpu],
        operation=slot.peek(evidence.KEPT_OPERATION),
        in_handler=slot.note(words.IN_HANDLER) != 0,
        stop=slot.peek(evidence.KEPT_STOP),
        seconds=round(slot.of.seconds + (slot.clock - slot.of.started_ns) / 1e9, 9),
        hit=_hit(slot),
        fault=_fault(slot),
        warning=_warning(slot),
        asked=_asked(slot),
        copied=_copied(slot),
        answer=_answer(slot),
        steps=slot.note(words.WALKED),
        walk=_walk(slot),
        focus=slot.peek(evidence.KEPT_FOCUS) or None,
        block=_block(slot),
        memory=_rows(slot),
        overwritten=_overwritten(slot),
        noted=_noted(slot),
        field=_field(slot),
        structure=slot.of.structure,
    )


def _access(slot: Slot, address: int, kind: int, stack: int, shadow: int | None) -> Access:
    """The access whose address, kind and stack are noted in these words."""
    size = slot.note(kind)
    if size >= words.BAD_ARGUMENT:
        kinds = (size == kind for kind in (words.UNENDED_SECTION, words.DOUBLE_RETIRE, words.UNBEGUN_SECTION))
        return Access(slot.note(address) & UNSIGNED, 0, True, shadow, slot.note_stack(stack), *kinds)
    return Access(slot.note(address) & UNSIGNED, abs(size), size < 0, shadow, slot.note_stack(stack))


def _hit(slot: Slot) -> Access | None:
    """The first access to memory that was not allocated."""
    if not slot.note(words.HIT_ADDRESS):
        return None
    return _access(slot, words.HIT_ADDRESS, words.HIT_ACCESS, words.HIT_STACK, slot.note(words.HIT_SHADOW))


def _fault(slot: Slot) -> Access | None:
    """The access that a real CPU would have oopsed on."""
    if slot.note(words.FAULT_CAUSE) != words.CAUSE_WILD:
        return None
    return _access(slot, words.FAULT_ADDRESS, words.FAULT_ACCESS, words.FAULT_STACK, None)


def _warning(slot: Slot) -> KernelWarning | None:
    """What the kernel warned of."""
    if not slot.note(words.WARNING):
        return None
    return KernelWarning(slot.note(words.WARNING_ADDRESS) & UNSIGNED, slot.note_stack(words.WARNING_STACK))


def _asked(slot: Slot) -> Subject | None:
    """What was to be looked up."""
    target = slot.note(words.SUBJECT)
    return Subject(slot.of.ram.peek(target + TARGET_ADDRESS), slot.string(target)) if target else None


def _result(slot: Slot) -> int:
    """Where the result was copied to, or the number that came back; 0 where there was none."""
    return 0 if slot.note(words.FAULT_CAUSE) else slot.note(words.COPIED)


def _copied(slot: Slot) -> Copied | None:
    """The string that was copied and the right one."""
    expected = slot.note(words.EXPECTED)
    if not _result(slot) or not expected:
        return None
    return Copied(slot.string(slot.address + evidence.KEPT_NAME), slot.string(expected))


def _answer(slot: Slot) -> int | None:
    """The number that came back."""
    return None if slot.note(words.EXPECTED) or not _result(slot) else _result(slot) & UNSIGNED


def _noted(slot: Slot) -> tuple[Noted, ...]:
    """The last values that the operation noted, in its order."""
    count = slot.note(words.NOTED)
    places = (step % words.NOTED_VALUES * 16 for step in range(max(count - words.NOTED_VALUES, 0), count))
    return tuple(Noted(name_of_value(slot.note(words.VALUES + at)), slot.note(words.VALUES + at + 8)) for at in places)


def _field(slot: Slot) -> str | None:
    """The field of a structure's object that the address looked at lies in, as it was before a free."""
    live = slot.record(blocks.GENERATION) % 2 == 1
    struct = slot.of.structs.get(slot.record(blocks.LABEL if live else blocks.FORMER_LABEL))
    block = slot.peek(evidence.KEPT_BLOCK)
    field = struct.field_at(slot.peek(evidence.KEPT_FOCUS) - block) if struct and block else None
    return f"{struct.NAME}.{field}" if struct and field else None


def _walk(slot: Slot) -> tuple[Node, ...]:
    """The last nodes of the walk, in its order."""
    walked = slot.note(words.WALKED)
    steps = range(max(walked - words.WALK_NODES, 0), walked)
    return tuple(_node(slot, step % words.WALK_NODES) for step in steps)


def _node(slot: Slot, at: int) -> Node:
    """The node in one place of the ring."""
    kept = evidence.KEPT_NODES + at * evidence.NODE_BYTES
    generation = slot.peek(kept + evidence.NODE_GENERATION)
    state = (LIVE if generation & 1 else FREED) if generation else None
    module = slot.of.module(slot.peek(kept + evidence.NODE_LABEL))
    return Node(slot.note(words.WALK + at * 8) & UNSIGNED, module, state)


def _block(slot: Slot) -> Block | None:
    """The block that was looked at."""
    address, generation = slot.peek(evidence.KEPT_BLOCK), slot.record(blocks.GENERATION)
    if not address:
        return None
    return Block(
        address,
        size=1 << slot.record(blocks.SHIFT),
        requested=slot.record(blocks.REQUESTED),
        live=generation % 2 == 1,
        at_rest=slot.peek(evidence.KEPT_AT_REST) == 1,
        allocated=_deed(slot, blocks.ALLOCATED_BY, blocks.LABEL),
        freed=_deed(slot, blocks.FREED_BY, blocks.FORMER_LABEL) if generation > 1 else None,
        retired=_retirement(slot, generation),
    )


def _retirement(slot: Slot, generation: int) -> Deed | None:
    """Who retired the block in its present life or, unless it was retired in this one, in the one before."""
    retired_in = slot.record(blocks.RETIRED_IN)
    former = generation - (2 if generation % 2 else 1)
    if not retired_in or retired_in not in (generation, former):
        return None
    return _deed(slot, blocks.RETIRED_BY, blocks.LABEL if retired_in == generation else blocks.FORMER_LABEL)


def _deed(slot: Slot, signature: int, label: int) -> Deed:
    """Who signed the copied record."""
    clock, number = slot.record(signature + blocks.BY_CLOCK), slot.record(signature + blocks.BY_CPU)
    return Deed(
        number,
        AT_BOOT if clock < slot.of.started_ns else slot.of.programs[number],
        slot.record(signature + blocks.BY_OPERATION),
        slot.record(signature + blocks.BY_STOP),
        round((slot.clock - clock) / 1e9, 9),
        slot.of.module(slot.record(label)),
        slot.of.stack(slot.address + evidence.KEPT_RECORD + signature + blocks.BY_STACK, number),
    )


def _rows(slot: Slot) -> tuple[Row, ...]:
    """The memory around the address looked at, as far as it belongs to the heap."""
    if not slot.peek(evidence.KEPT_BLOCK):
        return ()
    step, ram_map = evidence.ROW_BYTES, slot.of.ram.map
    first = slot.peek(evidence.KEPT_FOCUS) // step * step - evidence.ROWS // 2 * step
    rows = [_row(slot, index, first + index * step) for index in range(evidence.ROWS)]
    return tuple(row for row in rows if ram_map.heap <= row.address < ram_map.bound)


def _row(slot: Slot, index: int, address: int) -> Row:
    """One row."""
    at = slot.address + evidence.KEPT_ROWS + index * evidence.ROW_BYTES
    shadow = slot.peek(evidence.KEPT_SHADOWS + index * 8)
    return Row(address, slot.of.ram.mapping[at : at + evidence.ROW_BYTES], shadow.to_bytes(2, "little"))


def _overwritten(slot: Slot) -> Overwritten | None:
    """What was written over the poison, from its first byte to its last as far as the rows go."""
    if slot.peek(evidence.KEPT_OUTCOME) != words.OVERWRITTEN:
        return None
    focus, end = slot.peek(evidence.KEPT_FOCUS), slot.block_end
    shown = {row.address + at: byte for row in _rows(slot) for at, byte in enumerate(row.data)}
    poison = {at: POISON_END if at == end - 1 else POISON_FREE for at in shown if focus <= at < end}
    broken = [at for at in poison if shown[at] != poison[at]] or [focus]
    span = range(broken[0], broken[-1] + 1)
    found, expected = bytes(shown[at] for at in span), bytes(poison[at] for at in span)
    return Overwritten(span.start, found, expected, slot.of.stack(slot.address + evidence.KEPT_STACK, slot.cpu))
