"""A violation, told as KASAN tells a bad access: for the terminal, and to paste into a bug report. Text, no markup.

Names of symbols come from corpora and copied bytes from torn memory: what cannot be printed is escaped.
"""

from collections.abc import Callable, Iterable, Mapping, Sequence
from textwrap import wrap

from stress.judge.outcomes import Outcome
from stress.judge.sources import BEGINNING, END, FRESH, POISON, UNKNOWN, WHOLE, Run
from stress.judge.violation import AT_BOOT, AT_POWER_OFF, FREED, Access, Block, Deed, Node, Row, Stack, Violation
from stress.kernel.list import LIST_POISON1, LIST_POISON2
from stress.machine.blocks import SHADOW_FREED, SHADOW_REDZONE, SHADOW_UNMAPPED
from stress.machine.ram import LARGEST
from stress.machine.slab import POISON_FREE, POISON_INUSE
from stress.machine.words import name_of
from stress.units import show_duration

RULE = "=" * 98
WIDTH = 98
LONGEST_SHOWN = 40
WORD_BYTES = 8
NOTHING_FOUND = ("missed", "freed")
KEPT_TOGETHER = "\xa0"

# What an address is called, from where, and over how many bytes: pointers get offsets, offsets of 32 bits get pointers.
POISONS = (
    (LIST_POISON1, 0x1000, "LIST_POISON1"),
    (LIST_POISON2, 0x1000, "LIST_POISON2"),
    (int.from_bytes(bytes([POISON_FREE]) * 8, "little"), 1 << 32, "poison of freed memory"),
    (int.from_bytes(bytes([POISON_FREE]) * 4, "little"), LARGEST, "32 bits of poison of freed memory"),
    (int.from_bytes(bytes([POISON_INUSE]) * 8, "little"), 1 << 32, "filling of new memory"),
    (int.from_bytes(bytes([POISON_INUSE]) * 4, "little"), LARGEST, "32 bits of filling of new memory"),
)
BUGS = {
    "endless": "endless-walk",
    "missed": "missed-module",
    "poisoned": "poisoned-name",
    "torn": "torn-name",
    "alien": "alien-name",
    "garbled": "garbled-name",
}
MEANINGS = {
    WHOLE: "the name {}",
    BEGINNING: "the beginning of {}",
    END: "the end of {}",
    POISON: "poison of freed memory",
    FRESH: "filling of new memory",
    UNKNOWN: "from nowhere that is known",
}


def hexed(address: int) -> str:
    """An address as reports show it."""
    return f"0x{address:x}"


def poison_name(address: int) -> str | None:
    """What an address that only poison gives is called, None for any other: `LIST_POISON1`, or with an offset."""
    for poison, span, name in POISONS:
        if 0 <= address - poison < span:
            return name if address == poison else f"{name} + {hexed(address - poison)}"
    return None


def outside_name(address: int) -> str | None:
    """What an address outside of all blocks is called: by poison, or by the kernel's word that lies there."""
    name = name_of(address)
    return poison_name(address) or (None if name == hexed(address) else name)


def called(address: int) -> str:
    """An address with what it is called if it is poison."""
    name = poison_name(address)
    return hexed(address) if name is None else f"{hexed(address)} ({name})"


def printable(data: bytes) -> str:
    """Bytes as text on one line: UTF-8 where that can be printed, `\\xNN` elsewhere."""
    text = data.decode(errors="backslashreplace")
    return "".join(char if char.isprintable() else char.encode("unicode_escape").decode() for char in text)


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


def bug(violation: Violation) -> str:
    """What kind of bug it is, as KASAN calls them where it has a word."""
    hit, fault, block = violation.hit, violation.fault, violation.block
    if violation.overwritten is not None:
        return "poison-overwritten"
    if hit is not None:
        return "use-after-free" if hit.shadow in (SHADOW_FREED, SHADOW_UNMAPPED) else "slab-out-of-bounds"
    if fault is not None:
        if not fault.size:
            return "invalid-free"
        freed = block is not None and violation.focus == fault.address and not block.live
        return "use-after-free" if freed else "wild-memory-access"
    return BUGS.get(violation.outcome, violation.outcome)


def report_lines(violation: Violation, outcomes: Mapping[str, Outcome], again: str) -> list[str]:
    """The whole report, line by line, in KASAN's order; `again` is the command that runs it again."""
    sections: Iterable[Callable[[Violation], list[str]]] = (
        _copy, _written, _walk, _trace, _fault, _allocated, _freed, _place, _memory,
    )  # fmt: skip
    lines = [RULE, *_heading(violation), *_outcome(violation, outcomes)]
    for section in sections:
        told = section(violation)
        lines += ["", *told] if told else []
    return [*lines, "", "Run it again:", f" {again}", RULE]


def _heading(violation: Violation) -> list[str]:
    """What happened where, and who did it."""
    if violation.overwritten is not None:
        return _found(violation)
    access, warning, stack = violation.access, violation.warning, violation.stack
    where = stack[0].function if stack else f"program {violation.program}"
    handler = ", in a handler" if violation.in_handler else ""
    who = f"by CPU {violation.cpu} ({violation.program}), operation {violation.operation}{handler}"
    if access:
        did = f"{_access(access)} {who}"
    else:
        did = f"Warned of {name_of(warning.address)} {who}" if warning else f"Seen {who}, without any bad access"
    return [f"BUG: kstress: {bug(violation)} in {where}", did]


def _found(violation: Violation) -> list[str]:
    """Who found a freed block written to: never who wrote."""
    finder = f"CPU {violation.cpu} ({violation.program}), operation {violation.operation}, allocates the block now"
    when = "in kmalloc"
    if violation.program == AT_POWER_OFF:
        when, finder = "at power-off", "All free blocks are checked then"
    return [f"BUG: kstress: {bug(violation)} found {when}", f"{finder}; who wrote to it is not known"]


def _access(access: Access) -> str:
    """What an access did to which address."""
    if not access.size:
        return f"kfree of {called(access.address)}"
    return f"{'Write' if access.writes else 'Read'} of size {access.size} at addr {called(access.address)}"


def _outcome(violation: Violation, outcomes: Mapping[str, Outcome]) -> list[str]:
    """What it was counted as, and when."""
    outcome = outcomes.get(violation.outcome)
    meaning = f" ({outcome.meaning})" if outcome else ""
    when = f"{show_duration(violation.seconds)} into the run, stop {violation.stop}"
    return [f"Outcome: {violation.outcome}{meaning}", f"When: {when}"]


def _copy(violation: Violation) -> list[str]:
    """What was to be looked up, and what came of it."""
    return [*_asked(violation), *_copied(violation)]


def _asked(violation: Violation) -> list[str]:
    """The symbol that was looked up, and a result that is no name."""
    subject = violation.subject
    if subject is None:
        return []
    owners = () if subject.module is None else (subject.module,)
    lines = [f"Looked up {hexed(subject.address)}, which is {named(subject.name, owners)}"]
    if violation.answer is not None:
        lines.append(f"Got {called(violation.answer)}")
    elif violation.copied is None and violation.outcome in NOTHING_FOUND:
        lines.append("Found nothing")
    return lines


def _copied(violation: Violation) -> list[str]:
    """The name that was copied, and where each run of its bytes comes from."""
    if violation.copied is None or violation.expected is None:
        return []
    if violation.copied == violation.expected:
        return ["Copied the right name"]
    right = f"where {cut(violation.expected)} was right"
    if not violation.copied:
        return [f"Copied nothing, {right}"]
    width = max(len(cut(run.data)) for run in violation.runs)
    runs = [_run(at, run, width) for at, run in zip(_offsets(violation.runs), violation.runs, strict=True)]
    return [f"Copied {len(violation.copied)} bytes, {right}:", *runs]


def _offsets(runs: Iterable[Run]) -> list[int]:
    """Where in the copy each run starts."""
    offsets = [0]
    for run in runs:
        offsets.append(offsets[-1] + len(run.data))
    return offsets[:-1]


def _run(at: int, run: Run, width: int) -> str:
    """One run of bytes and its source."""
    meaning = MEANINGS[run.kind].format(named(run.source, run.owners))
    return f" {at:>3}-{at + len(run.data) - 1:<3} {cut(run.data):<{width}}  {meaning}"


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
    return [
        f"Walk so far, {violation.steps} {'module' if violation.steps == 1 else 'modules'}:",
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


def _allocated(violation: Violation) -> list[str]:
    """Who allocated the block, unless that came after the free."""
    block = violation.block
    return [] if block is None or _is_reused(block) else _deed("Allocated by", block.allocated)


def _freed(violation: Violation) -> list[str]:
    """Who freed the block, and who allocated it again since."""
    block = violation.block
    if block is None or block.freed is None:
        return []
    freed = _deed("Freed by", block.freed)
    return [*freed, "", *_deed("Allocated again by", block.allocated)] if _is_reused(block) else freed


def _is_reused(block: Block) -> bool:
    """Whether the block was allocated after it was last freed."""
    return block.live and block.freed is not None


def _deed(what: str, deed: Deed) -> list[str]:
    """Who did it, when, for which module, and from where."""
    module = f", as module {printable(deed.module.encode())}" if deed.module else ""
    if deed.program == AT_BOOT:
        return [f"{what} CPU {deed.cpu} at boot{module}"]
    who = f"CPU {deed.cpu} ({deed.program}), operation {deed.operation}, stop {deed.stop}"
    return [f"{what} {who}, {show_duration(deed.age_s)} before{module}", *_frames(deed.stack)]


def _place(violation: Violation) -> list[str]:
    """Where in which block the address lies."""
    block = violation.block
    if block is None:
        return []
    hit = violation.hit
    state = "a live" if block.live else "a freed"
    if block.live and hit is not None and hit.shadow in (SHADOW_FREED, SHADOW_UNMAPPED):
        state = "a then freed, now live"
    what = "The address" if violation.access and violation.focus == violation.access.address else "The walk's last node"
    what = "What was overwritten" if violation.overwritten else what
    where = f"[{hexed(block.address)}, {hexed(block.address + block.size)})"
    lines = [f"{what} is {violation.focus - block.address} bytes inside of {state} {block.size}-byte block {where}"]
    return lines if block.at_rest else [*lines, "The block was just changing hands: this may be half old, half new"]


def _memory(violation: Violation) -> list[str]:
    """The rows around the address, with its bytes marked."""
    if not violation.rows:
        return []
    marks = {SHADOW_FREED: "freed", SHADOW_REDZONE: "redzone", SHADOW_UNMAPPED: "unmapped"}
    legend = ", ".join(f"{mark:02x} {name}" for mark, name in marks.items())
    lines = [f"Memory state around the address, and its shadow (00 allocated, {legend}):"]
    for row in violation.rows:
        here = 0 <= violation.focus - row.address < len(row.data)
        lines += [_row(row, here), *([_mark(violation, row)] if here else [])]
    return lines


def _row(row: Row, here: bool) -> str:
    """One row of memory."""
    return f"{'>' if here else ' '}{row.address:016x}: {row.data.hex(' ')}  {row.shadow.hex(' ')}"


def _marked(violation: Violation) -> tuple[int, int]:
    """From where and over how many bytes the memory is marked."""
    written, access = violation.overwritten, violation.access
    if written is not None:
        return written.address, len(written.found)
    return violation.focus, access.size if access and access.address == violation.focus else WORD_BYTES


def _mark(violation: Violation, row: Row) -> str:
    """Marks under the bytes that were accessed, and under their shadow."""
    address, size = _marked(violation)
    at = address - row.address
    size = min(size, len(row.data) - at) if violation.overwritten else size
    data = " " * (19 + 3 * at) + " ".join(["^^"] * max(size, 1))
    return data.ljust(19 + 3 * len(row.data) + 1) + "   " * (at // 8) + "^^"
