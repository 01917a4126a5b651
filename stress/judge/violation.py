"""Violations as evidence: read from RAM when a machine is off, in words of the kernel and of the corpus.

`stress.machine.evidence` captured them; `stress.runs.runner` harvests them after each slice and keeps the first of each
outcome; `stress.report.violation` tells them.
"""

from collections.abc import Iterator, Mapping, Sequence

import attrs

from stress.judge.lookups import TARGET_ADDRESS
from stress.judge.outcomes import Outcome
from stress.judge.sources import Run
from stress.kernel.kallsyms import KSYM_NAME_LEN
from stress.kernel.struct_module import IMAGE_MODULE, MODULE_NAME_LEN, NAME
from stress.machine import blocks, evidence, words
from stress.machine.ram import Ram
from stress.machine.slab import POISON_END, POISON_FREE
from stress.machine.stacks import Frame, readable

MOST_REPORTS = 8
AT_BOOT = "boot"
AT_POWER_OFF = "power-off"
LIVE, FREED = "live", "freed"
UNSIGNED = (1 << 64) - 1

Stack = tuple[Frame, ...]


@attrs.frozen
class Access:
    """One access: `size` in bytes, 0 for none at all (a bad argument). `shadow` is what the shadow said, if it was hit.

    `stack` is empty on the native engine.
    """

    address: int
    size: int
    writes: bool
    shadow: int | None
    stack: Stack


@attrs.frozen
class Deed:
    """Who allocated or freed a block: CPU, program (`boot` before the start), operation, stop, how long before, where.

    `module` is what the block was for, None before its owner has said so.
    """

    cpu: int
    program: str
    operation: int
    stop: int
    age_s: float
    module: str | None
    stack: Stack


@attrs.frozen
class Block:
    """The block that was looked at: `size` in bytes, of which `requested` were asked for.

    `live` is whether it was allocated when the report was made; then `allocated` is newer than `freed`. `at_rest` is
    False when another CPU was just changing it, so that what is said of it may be half old, half new.
    """

    address: int
    size: int
    requested: int
    live: bool
    at_rest: bool
    allocated: Deed
    freed: Deed | None


@attrs.frozen
class Node:
    """One node of a walk: the module whose block it lies in, `live` or `freed`; both None where there is no block."""

    address: int
    module: str | None
    state: str | None


@attrs.frozen
class Row:
    """16 bytes of memory and the two bytes of shadow that they have."""

    address: int
    data: bytes
    shadow: bytes


@attrs.frozen
class Subject:
    """What the reader was told to look up, and the name that is right; `module` is filled in from the corpus."""

    address: int
    name: bytes
    module: str | None = None


@attrs.frozen
class Overwritten:
    """A write into a freed block that nobody saw: from `address` on `found` stands where `expected`, the poison, was.

    Only what lies in the rows of the report is told of it. `stack` is of who found it, not of who wrote.
    """

    address: int
    found: bytes
    expected: bytes
    stack: Stack


@attrs.frozen
class Violation:
    """All that is known of one operation with a forbidden outcome; addresses are offsets into RAM, as in the kernel.

    `seconds` counts from the start of the scenario's own time. `hit` is its first access to memory that was not
    allocated, `fault` what ended it, `warning` what the kernel warned of. `copied` is the string that it gave, None if
    it gave none, `expected` the right one; `runs` says where its bytes come from; `answer` is the number that it gave.
    `walk` has the last nodes of `steps`. `focus` is the address that block and rows are about. Where `overwritten` is
    there, the operation wrote nothing wrong: it allocated the block, or the machine was off (program AT_POWER_OFF).
    """

    outcome: str
    cpu: int
    program: str
    operation: int
    in_handler: bool
    stop: int
    seconds: float
    hit: Access | None
    fault: Access | None
    warning: Access | None
    subject: Subject | None
    expected: bytes | None
    copied: bytes | None
    answer: int | None
    steps: int
    walk: tuple[Node, ...]
    focus: int
    block: Block | None
    rows: tuple[Row, ...]
    runs: tuple[Run, ...] = ()
    overwritten: Overwritten | None = None

    @property
    def access(self) -> Access | None:
        """The access to blame: the first to memory that was not allocated, else the one that faulted."""
        return self.hit or self.fault

    @property
    def stack(self) -> Stack:
        """Where the program was at the access to blame or, without one, at the warning or the find."""
        blamed = self.access or self.warning or self.overwritten
        return blamed.stack if blamed else ()


@attrs.frozen
class Slice:
    """The slice of a run that is harvested: its RAM, the programs of its CPUs, when it started on both clocks."""

    ram: Ram
    programs: Sequence[str]
    outcomes: Mapping[str, Outcome]
    started_ns: int
    seconds: float

    def module(self, label: int) -> str | None:
        """The module that a block was labelled with: the name in its image."""
        if not self.ram.map.data <= label < self.ram.map.heap:
            return None
        at = label + IMAGE_MODULE + NAME
        return self.ram.mapping[at : at + MODULE_NAME_LEN].split(b"\0")[0].decode(errors="backslashreplace")

    def stack(self, key: int) -> Stack:
        """The stack that was remembered under an address."""
        return readable(self.ram.traces.get(key, ()))

    def slots(self) -> Iterator[tuple[int, int]]:
        """CPU and address of every slot that has evidence."""
        for number in range(self.ram.map.cpus):
            start = self.ram.map.reports + number * evidence.SLOTS_BYTES
            for slot in range(start, start + evidence.SLOTS_BYTES, evidence.SLOT_BYTES):
                if self.ram.peek(slot + evidence.KEPT_OUTCOME):
                    yield number, slot

    def outcome(self, slot: int) -> str:
        """The name of a slot's outcome."""
        code = self.ram.peek(slot + evidence.KEPT_OUTCOME)
        names = {outcome.code: outcome.name for outcome in self.outcomes.values()}
        return names.get(code, f"outcome {code}")


def harvest(of: Slice, known: Sequence[Violation]) -> tuple[Violation, ...]:
    """`known` and the first violation of each outcome that it lacks, MOST_REPORTS in all."""
    names = {violation.outcome for violation in known}
    found: list[Violation] = []
    for number, slot in sorted(of.slots(), key=lambda one: of.ram.peek(one[1] + evidence.KEPT_CLOCK)):
        if of.outcome(slot) not in names:
            names.add(of.outcome(slot))
            found.append(_violation(of, number, slot))
    return (*known, *found)[:MOST_REPORTS]


def _violation(of: Slice, number: int, slot: int) -> Violation:
    """What a slot of CPU `number` says."""
    peek = of.ram.peek
    expected, copied, answer = _result(of, slot)
    return Violation(
        outcome=of.outcome(slot),
        cpu=number,
        program=AT_POWER_OFF if peek(slot + evidence.KEPT_AT_POWER_OFF) else of.programs[number],
        operation=peek(slot + evidence.KEPT_OPERATION),
        in_handler=_note(of, slot, words.IN_HANDLER) != 0,
        stop=peek(slot + evidence.KEPT_STOP),
        seconds=of.seconds + (peek(slot + evidence.KEPT_CLOCK) - of.started_ns) / 1e9,
        hit=_hit(of, slot),
        fault=_fault(of, slot),
        warning=_warning(of, slot),
        subject=_subject(of, slot),
        expected=expected,
        copied=copied,
        answer=answer,
        steps=_note(of, slot, words.WALKED),
        walk=_walk(of, slot),
        focus=peek(slot + evidence.KEPT_FOCUS),
        block=_block(of, slot),
        rows=_rows(of, slot),
        overwritten=_overwritten(of, slot),
    )


def _note(of: Slice, slot: int, word: int) -> int:
    """One of the notes on the operation."""
    return of.ram.peek(slot + evidence.KEPT_NOTES + word - words.NOTES)


def _access(of: Slice, slot: int, address: int, kind: int, shadow: int | None) -> Access:
    """The access whose address is noted in the word `address` and whose kind in the word `kind`."""
    size = _note(of, slot, kind)
    stack = of.stack(slot + evidence.KEPT_NOTES + address - words.NOTES)
    return Access(_note(of, slot, address) & UNSIGNED, abs(size), size < 0, shadow, stack)


def _hit(of: Slice, slot: int) -> Access | None:
    """The first access to memory that was not allocated."""
    if not _note(of, slot, words.HIT_ADDRESS):
        return None
    return _access(of, slot, words.HIT_ADDRESS, words.HIT_ACCESS, _note(of, slot, words.HIT_SHADOW))


def _fault(of: Slice, slot: int) -> Access | None:
    """What a real CPU would have oopsed on."""
    if _note(of, slot, words.FAULT_CAUSE) != words.CAUSE_WILD:
        return None
    return _access(of, slot, words.FAULT_ADDRESS, words.FAULT_ACCESS, None)


def _warning(of: Slice, slot: int) -> Access | None:
    """What the kernel warned of: an address that nothing need have accessed."""
    if not _note(of, slot, words.WARNING):
        return None
    stack = of.stack(slot + evidence.KEPT_NOTES + words.WARNING_ADDRESS - words.NOTES)
    return Access(_note(of, slot, words.WARNING_ADDRESS) & UNSIGNED, 0, False, None, stack)


def _string(of: Slice, at: int) -> bytes:
    """The string at an address, up to its NUL, as copies are cut."""
    return of.ram.mapping[at : at + KSYM_NAME_LEN].split(b"\0")[0]


def _subject(of: Slice, slot: int) -> Subject | None:
    """What was to be looked up."""
    target = _note(of, slot, words.SUBJECT)
    if not target:
        return None
    return Subject(of.ram.peek(target + TARGET_ADDRESS), _string(of, target))


def _result(of: Slice, slot: int) -> tuple[bytes | None, bytes | None, int | None]:
    """The right string and the one that was copied, or the number that came back; None for what there was not."""
    copied, expected = _note(of, slot, words.COPIED), _note(of, slot, words.EXPECTED)
    if not copied or _note(of, slot, words.FAULT_CAUSE):
        return None, None, None
    if not expected:
        return None, None, copied & UNSIGNED
    return _string(of, expected), _string(of, slot + evidence.KEPT_NAME), None


def _walk(of: Slice, slot: int) -> tuple[Node, ...]:
    """The last nodes of the walk, in its order."""
    walked = _note(of, slot, words.WALKED)
    steps = range(max(walked - words.WALK_NODES, 0), walked)
    return tuple(_node(of, slot, step % words.WALK_NODES) for step in steps)


def _node(of: Slice, slot: int, at: int) -> Node:
    """The node in one place of the ring."""
    kept = slot + evidence.KEPT_NODES + at * evidence.NODE_BYTES
    generation = of.ram.peek(kept + evidence.NODE_GENERATION)
    state = (LIVE if generation & 1 else FREED) if generation else None
    module = of.module(of.ram.peek(kept + evidence.NODE_LABEL))
    return Node(_note(of, slot, words.WALK + at * 8) & UNSIGNED, module, state)


def _block(of: Slice, slot: int) -> Block | None:
    """The block that was looked at."""
    peek, record = of.ram.peek, slot + evidence.KEPT_RECORD
    address = peek(slot + evidence.KEPT_BLOCK)
    if not address:
        return None
    return Block(
        address,
        size=1 << peek(record + blocks.SHIFT),
        requested=peek(record + blocks.REQUESTED),
        live=peek(record + blocks.GENERATION) % 2 == 1,
        at_rest=peek(slot + evidence.KEPT_AT_REST) == 1,
        allocated=_deed(of, slot, blocks.ALLOCATED_BY, blocks.LABEL),
        freed=_deed(of, slot, blocks.FREED_BY, blocks.FORMER_LABEL) if peek(record + blocks.GENERATION) > 1 else None,
    )


def _deed(of: Slice, slot: int, signature: int, label: int) -> Deed:
    """Who signed the copied record."""
    peek, record = of.ram.peek, slot + evidence.KEPT_RECORD
    at = record + signature
    clock, number = peek(at + blocks.BY_CLOCK), peek(at + blocks.BY_CPU)
    return Deed(
        number,
        AT_BOOT if clock < of.started_ns else of.programs[number],
        peek(at + blocks.BY_OPERATION),
        peek(at + blocks.BY_STOP),
        (peek(slot + evidence.KEPT_CLOCK) - clock) / 1e9,
        of.module(peek(record + label)),
        of.stack(at),
    )


def _rows(of: Slice, slot: int) -> tuple[Row, ...]:
    """The memory around the address looked at, as far as it belongs to the heap."""
    if not of.ram.peek(slot + evidence.KEPT_BLOCK):
        return ()
    step, focus = evidence.ROW_BYTES, of.ram.peek(slot + evidence.KEPT_FOCUS)
    first = focus // step * step - evidence.ROWS // 2 * step
    rows = [_row(of, slot, index, first + index * step) for index in range(evidence.ROWS)]
    return tuple(row for row in rows if of.ram.map.heap <= row.address < of.ram.map.bound)


def _poison(of: Slice, slot: int, address: int) -> int:
    """The byte of poison that a freed block has at an address."""
    end = of.ram.peek(slot + evidence.KEPT_BLOCK) + (1 << of.ram.peek(slot + evidence.KEPT_RECORD + blocks.SHIFT))
    return POISON_END if address == end - 1 else POISON_FREE


def _overwritten(of: Slice, slot: int) -> Overwritten | None:
    """What was written over the poison, from its first byte to its last as far as the rows go."""
    if of.ram.peek(slot + evidence.KEPT_OUTCOME) != words.OVERWRITTEN:
        return None
    focus, rows = of.ram.peek(slot + evidence.KEPT_FOCUS), _rows(of, slot)
    shown = {row.address + at: byte for row in rows for at, byte in enumerate(row.data) if row.address + at >= focus}
    end = of.ram.peek(slot + evidence.KEPT_BLOCK) + (1 << of.ram.peek(slot + evidence.KEPT_RECORD + blocks.SHIFT))
    broken = [at for at, byte in shown.items() if at < end and byte != _poison(of, slot, at)] or [focus]
    span = range(broken[0], broken[-1] + 1)
    found, expected = bytes(shown[at] for at in span), bytes(_poison(of, slot, at) for at in span)
    return Overwritten(span.start, found, expected, of.stack(slot))


def _row(of: Slice, slot: int, index: int, address: int) -> Row:
    """One row."""
    at = slot + evidence.KEPT_ROWS + index * evidence.ROW_BYTES
    shadow = of.ram.peek(slot + evidence.KEPT_SHADOWS + index * 8)
    return Row(address, of.ram.mapping[at : at + evidence.ROW_BYTES], shadow.to_bytes(2, "little"))
