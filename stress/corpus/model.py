"""The corpus's data model: modules with their symbol tables, and the core kernel's symbols, all values checked.

The importer and the file reader build these objects. A run lays them out in RAM, and the judge takes the right answers
from them. Every object is valid: each constructor raises UserError for invalid values. Addresses count bytes and are
below 2**62, because kernel code computes in signed 64-bit integers; adding `Corpus.bias` gives the address that a real
kernel shows.
"""

from bisect import bisect_left
from collections import Counter
from collections.abc import Iterable
from itertools import pairwise

import attrs

from stress.errors import UserError
from stress.safe_text import shown

ADDRESS_LIMIT = 1 << 62
NAME_BYTES = 511
MODULE_NAME_BYTES = 55
SOURCE_BYTES = 4096
MAX_MODULES = 10_000
MAX_SYMBOLS = 2_000_000

SHN_UNDEF = 0
SHN_ABS = 0xFFF1


def _require_text(what: str, text: str, most_bytes: int) -> None:
    if not text.isprintable():
        raise UserError(f"{what} {shown(text)} contains characters that cannot be printed")
    if len(text) > most_bytes or len(text.encode()) > most_bytes:
        raise UserError(f"{what} '{shown(text)}' is longer than {most_bytes} bytes")


def _require_range(what: str, value: int, limit: int) -> None:
    if not 0 <= value < limit:
        raise UserError(f"{what} is {shown(hex(value))}; it must be at least 0 and below {limit:#x}")


@attrs.frozen
class Symbol:
    """One entry of a module's symbol table, `Elf64_Sym` with its name; UserError if a field is out of range.

    `value` is the address without the bias, `size` is in bytes, `shndx` is 0 if undefined, `info` is st_info.
    """

    value: int
    size: int
    shndx: int
    info: int
    name: str

    def __attrs_post_init__(self) -> None:
        """Check every field, the name first so that the other messages can show it."""
        _require_text("symbol name", self.name, NAME_BYTES)
        if not (0 <= self.value < ADDRESS_LIMIT and 0 <= self.size < ADDRESS_LIMIT):
            _require_range(f"the value of symbol '{self.name}'", self.value, ADDRESS_LIMIT)
            _require_range(f"the size of symbol '{self.name}'", self.size, ADDRESS_LIMIT)
        if not (0 <= self.shndx < 0x10000 and 0 <= self.info < 0x100):
            _require_range(f"the section index of symbol '{self.name}'", self.shndx, 0x10000)
            _require_range(f"the info byte of symbol '{self.name}'", self.info, 0x100)

    @property
    def findable(self) -> bool:
        """Whether get_ksymbol (2.6.11) considers it: defined, named, no mapping symbol like `$a`, `$d.1`."""
        if self.shndx == SHN_UNDEF or not self.name:
            return False
        return not (self.name[:2] in ("$a", "$t", "$d") and self.name[2:3] in ("", "."))


@attrs.frozen
class Region:
    """A module's core or init memory: base address, size and size of the text, which comes first, in bytes.

    UserError if it does not end at or below 2**62 or its text is larger than itself.
    """

    base: int
    size: int
    text_size: int

    def __attrs_post_init__(self) -> None:
        """Check that the region lies in the address space and the text in the region."""
        _require_range("the base of a region", self.base, ADDRESS_LIMIT)
        _require_range("the size of a region", self.size, ADDRESS_LIMIT - self.base + 1)
        _require_range("the text size of a region", self.text_size, self.size + 1)

    @property
    def end(self) -> int:
        """The first address behind the region."""
        return self.base + self.size

    def covers(self, address: int) -> bool:
        """Whether the address, without the bias, lies in the region."""
        return self.base <= address < self.end


NO_REGION = Region(0, 0, 0)


@attrs.frozen
class Module:
    """A kernel module: its name (1 to 55 bytes), its two regions and its symbol table in the table's order.

    The table is without the null symbol at index 0. UserError for a bad name or regions that overlap.
    """

    name: str
    core: Region
    init: Region
    symbols: tuple[Symbol, ...]

    def __attrs_post_init__(self) -> None:
        """Check the name and that core and init are apart."""
        if not self.name:
            raise UserError("a module has an empty name")
        _require_text("module name", self.name, MODULE_NAME_BYTES)
        _require_apart((self,))

    def covers(self, address: int) -> bool:
        """Whether the address, without the bias, lies in the init or the core region."""
        return self.init.covers(address) or self.core.covers(address)

    def findable(self) -> tuple[Symbol, ...]:
        """The symbols that a lookup of an address in this module can answer with, in the table's order."""
        return tuple(symbol for symbol in self.symbols if symbol.findable and self.covers(symbol.value))


@attrs.frozen
class KernelSymbol:
    """A symbol of the core kernel: address without the bias, and a name that is not empty; else UserError."""

    value: int
    name: str

    def __attrs_post_init__(self) -> None:
        """Check the name and the value."""
        if not self.name:
            raise UserError("a kernel symbol has an empty name")
        _require_text("kernel symbol name", self.name, NAME_BYTES)
        if not 0 <= self.value < ADDRESS_LIMIT:
            _require_range(f"the value of kernel symbol '{self.name}'", self.value, ADDRESS_LIMIT)


@attrs.frozen
class Corpus:
    """All symbols that readers can look up; `kernel` is sorted by value, with aliases side by side.

    `source` says in words where the symbols come from; `bias` is added to an address to show it. UserError if regions
    overlap, module names repeat, a kernel symbol lies in a module, or there are too many modules or symbols.
    """

    source: str
    bias: int
    kernel: tuple[KernelSymbol, ...]
    modules: tuple[Module, ...]

    def __attrs_post_init__(self) -> None:
        """Check what concerns more than one module."""
        _require_text("source", self.source, SOURCE_BYTES)
        _require_range("the bias", self.bias, (1 << 64) - ADDRESS_LIMIT + 1)
        _require_amount(self.kernel, self.modules)
        _require_unique(module.name for module in self.modules)
        _require_apart(self.modules)
        _require_kernel_outside(self.kernel, self.modules)

    @property
    def symbol_count(self) -> int:
        """The number of entries of all symbol tables together, without the null symbols."""
        return len(self.kernel) + sum(len(module.symbols) for module in self.modules)


def _require_amount(kernel: tuple[KernelSymbol, ...], modules: tuple[Module, ...]) -> None:
    if len(modules) > MAX_MODULES:
        raise UserError(f"{len(modules)} modules are too many; a corpus has at most {MAX_MODULES}")
    symbols = len(kernel) + sum(len(module.symbols) for module in modules)
    if symbols > MAX_SYMBOLS:
        raise UserError(f"{symbols} symbols are too many; a corpus has at most {MAX_SYMBOLS}")


def _require_unique(names: Iterable[str]) -> None:
    for name, times in Counter(names).items():
        if times > 1:
            raise UserError(f"module '{name}' occurs {times} times; a corpus has each module once")


def _require_apart(modules: tuple[Module, ...]) -> None:
    ranges = sorted(
        (region.base, region.end, module.name)
        for module in modules
        for region in (module.core, module.init)
        if region.size
    )
    for (_, end, name), (base, _, other) in pairwise(ranges):
        if base < end:
            raise UserError(f"the regions of modules '{name}' and '{other}' overlap at {base:#x}")


def _require_kernel_outside(kernel: tuple[KernelSymbol, ...], modules: tuple[Module, ...]) -> None:
    values = [symbol.value for symbol in kernel]
    for before, after in pairwise(kernel):
        if before.value > after.value:
            raise UserError(f"kernel symbol '{after.name}' is out of order; they must be sorted by value")
    for module in modules:
        for region in (module.core, module.init):
            first = bisect_left(values, region.base)
            if first < len(kernel) and kernel[first].value < region.end:
                raise UserError(f"kernel symbol '{kernel[first].name}' lies inside module '{module.name}'")


def unique_names(corpus: Corpus) -> frozenset[str]:
    """The names that only one symbol has, of the kernel or findable in a module: each belongs to one address."""
    times = Counter(symbol.name for symbol in corpus.kernel)
    times.update(symbol.name for module in corpus.modules for symbol in module.findable())
    return frozenset(name for name, count in times.items() if count == 1)
