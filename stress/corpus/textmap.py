"""Reads a System.map or a saved or live /proc/kallsyms into a corpus; the importer calls it.

Such a map gives only addresses and names, so a module's regions are inferred: one core region around the longest run of
its symbols that no other symbol interrupts. Newer kernels scatter a module's text, data and init memory; the shorter
runs are left out.
"""

import re
from collections.abc import Iterator
from io import BytesIO
from itertools import groupby
from operator import attrgetter
from typing import NamedTuple

from stress.corpus.elf import PAGE, page_up
from stress.corpus.model import (
    ADDRESS_LIMIT,
    MAX_SYMBOLS,
    NO_REGION,
    Corpus,
    KernelSymbol,
    Module,
    Region,
    Symbol,
)
from stress.errors import UserError
from stress.safe_text import shown

HIGH_BIAS = 0xC000000000000000
"""Subtracted from the addresses of a 64-bit kernel, which lies in the high half of the address space."""

_LINE = re.compile(r"([0-9a-f]{1,16}) +([a-z?-]) +([^\s\[]\S*)(?:\s+\[([^\]\s]+)\])?\s*", re.ASCII | re.IGNORECASE)
LONGEST_LINE = 4096
_HIGH = re.compile(rb"^[c-f][0-9a-f]{15}\b", re.MULTILINE | re.IGNORECASE)
"""A line whose address is in the high half."""
_NOT_HIDDEN = re.compile(rb"^0*[1-9a-f]", re.MULTILINE | re.IGNORECASE)
_PSEUDO_MODULES = ("bpf", "__builtin__")
_FUNCTION, _OBJECT = 2, 1
_GLOBAL = 1 << 4


class _Entry(NamedTuple):
    """A line of the map; `module` is empty for the kernel, `order` is the line's number. A map has millions."""

    value: int
    order: int
    kind: str
    name: str
    module: str


def read_map(data: bytes, where: str) -> Corpus:
    """A corpus from lines like `ffffffff81000000 T name` or `ffffffffc0000000 t name [module]`.

    Absolute and per-CPU symbols (kind A, or below the kernel's half), symbols of generated code ([bpf] and
    [__builtin__...]) and symbols of modules outside of their longest run are dropped. UserError, without `where`, if a
    line has another form, if no symbol is left, or if all addresses are hidden.
    """
    _require_map(data)
    bias = HIGH_BIAS if _HIGH.search(data) else 0
    entries = sorted(_entries(data, bias))
    if data and not _NOT_HIDDEN.search(data):
        raise UserError("all addresses are hidden; read it as root, or set kernel.kptr_restrict=0")
    if not entries:
        raise UserError("contains no symbols of a kernel or its modules")
    runs = _runs(entries)
    return Corpus(where, bias, tuple(_kernel(runs)), tuple(_modules(runs)))


def _require_map(data: bytes) -> None:
    if data.startswith(b"\x7fELF"):
        raise UserError("an ELF file; a kernel module must be named *.ko, *.ko.xz or *.ko.zst; kernels are not read")
    lines = data.count(b"\n") + (not data.endswith(b"\n") and bool(data))
    if lines > MAX_SYMBOLS:
        raise UserError(f"{lines} lines are too many; a corpus has at most {MAX_SYMBOLS} symbols")
    if b"The real System.map is in" in data[:LONGEST_LINE].split(b"\n")[0]:
        raise UserError("Debian's placeholder; import /proc/kallsyms as root, or the System.map of the -dbg package")


def _entries(data: bytes, bias: int) -> Iterator[_Entry]:
    """Every line that is kept, its address without the bias."""
    modules: dict[str, str] = {}  # one string object for each name: a map has millions of lines
    try:
        for number, raw in enumerate(BytesIO(data), 1):
            match = _LINE.fullmatch(raw.decode())
            if not match:
                line = shown(repr(raw.decode().rstrip("\r\n")))
                raise UserError(f"line {number} is {line}; it must be like 'ffffffff81000000 T name [module]'")
            address, kind, name, module = match.groups(default="")
            value = int(address, 16) - bias
            if kind not in "Aa" and value >= 0 and not module.startswith(_PSEUDO_MODULES):
                yield _Entry(value, number, kind, name, modules.setdefault(module, module))
    except UnicodeDecodeError as error:
        raise UserError(f"neither a kernel module nor a symbol map: {shown(error)}") from error


def _runs(entries: list[_Entry]) -> list[list[_Entry]]:
    """Runs of entries of one owner side by side. If several owners have symbols at one address, the first keeps it."""
    runs: list[list[_Entry]] = []
    for _, group in groupby(entries, attrgetter("module")):
        taken = runs[-1][-1].value if runs else -1
        if run := [entry for entry in group if entry.value > taken]:
            runs.append(run)
    return runs


def _kernel(runs: list[list[_Entry]]) -> Iterator[KernelSymbol]:
    return (KernelSymbol(entry.value, entry.name) for run in runs if not run[0].module for entry in run)


def _modules(runs: list[list[_Entry]]) -> Iterator[Module]:
    """One module for each name, from its longest run, in the order of addresses."""
    bases = [_base(run, before) for before, run in zip([None, *runs], runs, strict=False)]
    bases.append(ADDRESS_LIMIT)
    longest: dict[str, int] = {}
    for number, run in enumerate(runs):
        if len(run) > len(runs[longest.setdefault(run[0].module, number)]):
            longest[run[0].module] = number
    for number in sorted(number for module, number in longest.items() if module):
        yield _module(runs[number], bases[number], bases[number + 1])


def _base(run: list[_Entry], before: list[_Entry] | None) -> int:
    """The start of the run's first page, or its first address if the run before it ends in that page."""
    page = run[0].value // PAGE * PAGE
    return page if before is None or before[-1].value < page else run[0].value


def _module(run: list[_Entry], base: int, limit: int) -> Module:
    end = min(page_up(run[-1].value + 1), limit)
    core = Region(base, end - base, _text_size(run, base, end))
    return Module(run[0].module, core, NO_REGION, tuple(map(_symbol, sorted(run, key=attrgetter("order")))))


def _text_size(run: list[_Entry], base: int, end: int) -> int:
    """The size of the text, which ends at the first symbol behind the last function, or at the region's end."""
    texts = [entry.value for entry in run if entry.kind in "Tt"]
    if not texts:
        return 0
    return next((entry.value for entry in run if entry.value > texts[-1]), end) - base


def _symbol(entry: _Entry) -> Symbol:
    binding = _GLOBAL if entry.kind.isupper() else 0
    return Symbol(entry.value, 0, 1, binding | (_FUNCTION if entry.kind in "Tt" else _OBJECT), entry.name)
