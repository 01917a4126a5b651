"""The report on a violation, like KASAN's on a bad access: for the terminal and for bug trackers. Text, no markup.

Names of symbols come from corpora and copied bytes from torn memory: what cannot be printed is escaped.
"""

from collections.abc import Callable, Iterable, Mapping, Sequence
from itertools import accumulate
from textwrap import wrap

from stress.judge.addresses import called, hexed, outside_name
from stress.judge.outcomes import Outcome
from stress.judge.sources import BEGINNING, END, FRESH, POISON, UNKNOWN, WHOLE
from stress.judge.violation import (
    AT_BOOT,
    AT_POWER_OFF,
    FREED,
    Access,
    Block,
    ByteRun,
    Copied,
    Deed,
    Node,
    Noted,
    Row,
    Stack,
    Violation,
)
from stress.machine.blocks import SHADOW_FREED, SHADOW_REDZONE, SHADOW_UNMAPPED
from stress.machine.words import name_of
from stress.safe_text import printable
from stress.units import show_duration

RULE = "=" * 98
WIDTH = 98
LONGEST_SHOWN = 40
WORD_BYTES = 8
SMALL = 1 << 16
UNSIGNED = (1 << 64) - 1
NOTHING_FOUND = ("missed", "freed")
KEPT_TOGETHER = "\xa0"

MEANINGS = {
    WHOLE: "the name {}",
    BEGINNING: "the beginning of {}",
    END: "the end of {}",
    POISON: "poison of freed memory",
    FRESH: "filling of new memory",
    UNKNOWN: "from nowhere that is known",
}


def cut(data: bytes) -> str:
    """Bytes in quotes, cut if they are many."""
    if len(data) <= LONGEST_SHOWN:
        return f'"{printable(data)}"'
    return f'"{printable(data[: LONGEST_SHOWN - 4])}"...'


def named(name: bytes, owners: Sequence[str]) -> str:
    """A name with the module that has it, and how many more have it."""
    if not owners:
        return printable(name)
    more = f" and {len(owners) - 1} more" if len(owners) > 1 else ""
    return f"{printable(name)} [{printable(owners[0].encode())}{more}]"


def report_lines(violation: Violation, outcomes: Mapping[str, Outcome], again: str) -> list[str]:
    """The whole report, line by line, in KASAN's order; `again` is the command that runs it again."""
    sections: Iterable[Callable[[Violation], list[str]]] = (
        _lookup, _noted, _written, _walk, _trace, _fault, _life, _place, _memory,
    )  # fmt: skip
    lines = [RULE, *_heading(violation), *_outcome(violation, outcomes)]
    for section in sections:
        part = section(violation)
        lines += ["", *part] if part else []
    return [*lines, "", "Run it again:", f" {again}", RULE]


def _heading(violation: Violation) -> list[str]:
    """What happened where, and who did it."""
    if violation.overwritten is not None:
        return _found(violation)
    access, warning, stack = violation.access, violation.warning, violation.stack
    is_at_end = access is not None and access.unended
    where = stack[0].function if stack and not is_at_end else f"program {violation.program}"
    handler = ", in a handler" if violation.in_handler else ""
    who = f"by CPU {violation.cpu} ({violation.program}), operation {violation.operation}{handler}"
    if access:
        did = f"{_access(access)} {who}"
    else:
        did = f"Warned of {name_of(warning.address)} {who}" if warning else f"Seen {who}, without any bad access"
    return [f"BUG: kstress: {violation.bug} in {where}", did]


def _found(violation: Violation) -> list[str]:
    """Who found a freed block written to: never who wrote."""
    finder = f"CPU {violation.cpu} ({violation.program}), operation {violation.operation}, allocates the block now"
    when = "in kmalloc"
    if violation.program == AT_POWER_OFF:
        when, finder = "at power-off", "All free blocks are checked then"
    return [f"BUG: kstress: {violation.bug} found {when}", f"{finder}; who wrote to it is not known"]


def _access(access: Access) -> str:
    """What an access did to which address."""
    if access.unended:
        return f"Read section not ended ({name_of(access.address)})"
    if access.unbegun:
        return "Read section that never began, ended"
    if access.retired_again:
        return f"Second retirement of {called(access.address)}"
    if not access.size:
        return f"{'Refused' if access.write else 'kfree of'} {called(access.address)}"
    misaligned = f" (no multiple of {access.size})" if access.is_misaligned else ""
    return f"{'Write' if access.write else 'Read'} of size {access.size} at addr {called(access.address)}{misaligned}"


def _outcome(violation: Violation, outcomes: Mapping[str, Outcome]) -> list[str]:
    """What it was counted as, and when."""
    outcome = outcomes.get(violation.outcome)
    meaning = f" ({outcome.meaning})" if outcome else ""
    when = f"{show_duration(violation.seconds)} into the run, stop {violation.stop}"
    return [f"Outcome: {violation.outcome}{meaning}", f"When: {when}"]


def _lookup(violation: Violation) -> list[str]:
    """What was to be looked up, and what came of it."""
    return [*_asked(violation), *(_copied(violation.copied) if violation.copied else [])]


def _asked(violation: Violation) -> list[str]:
    """The symbol that was looked up, and a result that is no name."""
    asked = violation.asked
    if asked is None:
        return []
    owners = () if asked.module is None else (asked.module,)
    lines = [f"Looked up {hexed(asked.address)}, which is {named(asked.name, owners)}"]
    if violation.answer is not None:
        lines.append(f"Got {called(violation.answer)}")
    elif violation.copied is None and violation.outcome in NOTHING_FOUND:
        lines.append("Found nothing")
    return lines


def _copied(copied: Copied) -> list[str]:
    """The name that was copied, and where each run of its bytes comes from."""
    if copied.data == copied.expected:
        return ["Copied the right name"]
    right = f"where {cut(copied.expected)} was right"
    if not copied.data:
        return [f"Copied nothing, {right}"]
    width = max(len(cut(run.data)) for run in copied.runs)
    ends = accumulate(len(run.data) for run in copied.runs)
    runs = [_run(end, run, width) for end, run in zip(ends, copied.runs, strict=True)]
    return [f"Copied {len(copied.data)} bytes, {right}:", *runs]


def _run(end: int, run: ByteRun, width: int) -> str:
    """One run of bytes, which ends before byte `end` of the copy, and its source."""
    meaning = MEANINGS[run.kind].format(named(run.name or b"", run.owners))
    return f" {end - len(run.data):>3}-{end - 1:<3} {cut(run.data):<{width}}  {meaning}"


def _noted(violation: Violation) -> list[str]:
    """The values that the operation noted."""
    noted = [f"{one.name} = {_value(one)}" for one in violation.noted]
    return [f"Noted: {printable(', '.join(noted).encode())}"] if noted else []


def _value(noted: Noted) -> str:
    """A number as people write it: small ones in decimal; poison with its name."""
    if noted.called:
        return f"{hexed(noted.value)} ({noted.called})"
    return str(noted.value) if abs(noted.value) < SMALL else hexed(noted.value & UNSIGNED)


def _written(violation: Violation) -> list[str]:
    """What was written over the poison, and what is known of the write."""
    written = violation.overwritten
    if written is None:
        return []
    count = f"{len(written.found)} {'byte' if len(written.found) == 1 else 'bytes'}"
    return [
        f"Overwritten: {count} from addr {hexed(written.address)} on, as far as the memory is shown",
        f" found    {written.found.hex(' ')}",
        f" expected {written.expected.hex(' ')}",
        "The write came after the free. Either its look at the shadow came before, or it is reported by itself as well",
    ]


def _walk(violation: Violation) -> list[str]:
    """The nodes that the walk came by."""
    if not violation.walk:
        return []
    before = violation.steps - len(violation.walk)
    skipped = f"... {before} more -> " if before else ""
    path = skipped + " -> ".join(_node(node) for node in violation.walk)
    thing = "object" if violation.structure else "module"
    return [
        f"Walk so far, {violation.steps} {thing if violation.steps == 1 else f'{thing}s'}:",
        *(f" {line}".replace(KEPT_TOGETHER, " ") for line in wrap(path, WIDTH - 2)),
    ]


def _node(node: Node) -> str:
    """One node; words that belong together are kept on one line."""
    name = outside_name(node.address) if node.state is None else node.module
    parts = [hexed(node.address), *([printable(name.encode())] if name else [])]
    parts += ["(freed)"] if node.state == FREED else []
    return " ".join(parts).replace(" ", KEPT_TOGETHER)


def _trace(violation: Violation) -> list[str]:
    """The stack of the access to blame, or of who found what nobody saw."""
    if violation.overwritten is not None:
        return ["Found from:", *_frames(violation.stack)] if violation.stack else []
    if violation.stack:
        return ["Call trace:", *_frames(violation.stack)]
    if violation.access or violation.warning:
        return ["Call traces: none on compiled code; --engine python has them"]
    return []


def _frames(stack: Stack) -> list[str]:
    """A stack, innermost first."""
    return [f" {printable(str(frame).encode())}" for frame in stack]


def _fault(violation: Violation) -> list[str]:
    """What ended the operation after a first bad access."""
    if violation.hit is None or violation.fault is None:
        return []
    return [f"It went on, and oopsed: {_access(violation.fault)}", *_frames(violation.fault.stack)]


def _life(violation: Violation) -> list[str]:
    """Who allocated, retired and freed the block, one after the other; of a reused one the end of the life before."""
    block, kind = violation.block, _kind(violation)
    if block is None:
        return []
    lines: list[str] = []
    for what, deed in _deeds(block):
        lines += [*([""] if lines else []), *_deed(what, deed, kind)] if deed else []
    return lines


def _deeds(block: Block) -> list[tuple[str, Deed | None]]:
    """What was done to a block, in the order of time."""
    freed, retired = ("Freed by", block.freed), ("Retired by", block.retired)
    if not block.is_reused:
        return [("Allocated by", block.allocated), retired, freed]
    again = ("Allocated again by", block.allocated)
    return [freed, again, retired] if block.is_retired else [retired, freed, again]


def _kind(violation: Violation) -> str:
    """What a block is for is a module by name, or an object of a structure."""
    return "" if violation.structure else "module "


def _deed(what: str, deed: Deed, kind: str) -> list[str]:
    """Who did it, when, for which module or object, and from where."""
    module = f", as {kind}{printable(deed.module.encode())}" if deed.module else ""
    if deed.program == AT_BOOT:
        return [f"{what} CPU {deed.cpu} at boot{module}"]
    who = f"CPU {deed.cpu} ({deed.program}), operation {deed.operation}, stop {deed.stop}"
    return [f"{what} {who}, {show_duration(deed.age_s)} before{module}", *_frames(deed.stack)]


def _place(violation: Violation) -> list[str]:
    """Where in which block the address lies."""
    block, focus = violation.block, violation.focus
    if block is None or focus is None:
        return []
    state = "a live" if block.live else "a freed"
    state = "a then freed, now live" if block.live and violation.hit_freed else state
    access = violation.access
    blamed = access if access and focus == access.address else None
    what = "The address" if blamed else "The walk's last node"
    what = "What was overwritten" if violation.overwritten else what
    where = f"[{hexed(block.address)}, {hexed(block.address + block.size)})"
    # A call that is refused takes a block, and not one of its fields.
    is_call = blamed is not None and not blamed.size
    field = f", in {violation.field}" if violation.field and not is_call else ""
    lines = [f"{what} is {focus - block.address} bytes inside of {state} {block.size}-byte block {where}{field}"]
    return lines if block.at_rest else [*lines, "The block was just changing hands: this may be half old, half new"]


def _memory(violation: Violation) -> list[str]:
    """The rows around the address, with its bytes marked."""
    if not violation.memory:
        return []
    marks = {SHADOW_FREED: "freed", SHADOW_REDZONE: "redzone", SHADOW_UNMAPPED: "unmapped"}
    legend = ", ".join(f"{mark:02x} {name}" for mark, name in marks.items())
    lines = [f"Memory state around the address, and its shadow (00 allocated, {legend}):"]
    address, size = _marked(violation)
    for row in violation.memory:
        here = 0 <= address - row.address < len(row.data)
        lines += [_row(row, here), *([_mark(address - row.address, size, row)] if here else [])]
    return lines


def _row(row: Row, here: bool) -> str:
    """One row of memory."""
    return f"{'>' if here else ' '}{row.address:016x}: {row.data.hex(' ')}  {row.shadow.hex(' ')}"


def _marked(violation: Violation) -> tuple[int, int]:
    """From where and over how many bytes the memory is marked."""
    written, access, focus = violation.overwritten, violation.access, violation.focus or 0
    if written is not None:
        return written.address, len(written.found)
    return focus, access.size if access and access.address == focus else WORD_BYTES


def _mark(at: int, size: int, row: Row) -> str:
    """Marks under the bytes of a row that were accessed, from byte `at` on, and under their shadow."""
    marks = max(min(size, len(row.data) - at), 1)
    data = " " * (19 + 3 * at) + " ".join(["^^"] * marks)
    return data.ljust(19 + 3 * len(row.data) + 1) + "   " * (at // 8) + "^^"
