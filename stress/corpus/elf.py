"""Reads one relocatable kernel module and lays it out as load_module of Linux 2.6.11 does; the importer calls it.

pyelftools decodes the headers. This module takes section contents and the symbol table from the bytes directly, because
a tree of modules has a million symbols, and because a hostile file must not decide what is followed or inflated.
"""

import struct
from io import BytesIO
from typing import Any

import attrs

from stress.corpus.model import (
    ADDRESS_LIMIT,
    MAX_SYMBOLS,
    NAME_BYTES,
    NO_REGION,
    SHN_ABS,
    SHN_UNDEF,
    Module,
    Region,
    Symbol,
)
from stress.errors import UserError
from stress.extras import needs
from stress.safe_text import shown

PAGE = 4096

_SYMBOL = struct.Struct("<IBBHQQ")
_SECTION_HEADER_BYTES = 64
_SHN_LORESERVE = 0xFF00
_WRITE, _ALLOC, _EXEC = 1, 2, 4
_NOT_RESIDENT = (".modinfo", "__versions", ".data.percpu", ".data..percpu")
_NAME_IN_STRUCT_MODULE = slice(24, 24 + 56)


@attrs.frozen
class _Section:
    name: str
    kind: object
    flags: int
    offset: int
    size: int
    align: int
    link: int

    @property
    def resident(self) -> bool:
        return bool(self.flags & _ALLOC) and self.name not in _NOT_RESIDENT


def page_up(address: int) -> int:
    """The next multiple of the page size, 4096 bytes, at or above the address."""
    return -(-address // PAGE) * PAGE


def read_module(data: bytes, stem: str) -> Module:
    """A kernel module from the bytes of a `.ko`, as if loaded at address 0; `place` moves it.

    The layout is that of layout_sections in 2.6.11: sections with SHF_ALLOC, those named `.init*` in the init region
    and the others in core; executable sections first, then read-only, then writable ones. The init region begins at the
    page behind core. The symbol table is not part of the regions: the machine has its own. `.modinfo`, `__versions` and
    per-CPU data are not resident.

    All symbols but the null symbol are kept, in the table's order. Symbols in sections that are not resident become
    undefined with value 0 (2.6.11 relocates them against the file's temporary image or per-CPU memory, where no lookup
    finds them), and so do common and other reserved symbols. Absolute symbols keep a value below 2**62.

    The name is `name=` of .modinfo, else that in .gnu.linkonce.this_module, else `stem` with `-` replaced by `_`.
    UserError for anything that is not a 64-bit little-endian relocatable module, however damaged.
    """
    try:
        return _module(data, _sections(data), stem)
    except UserError:
        raise
    except ImportError as error:
        raise UserError(needs("this file", "corpus")) from error
    except Exception as error:  # pyelftools promises no exception types for files that are damaged
        raise UserError(f"damaged kernel module: {shown(f'{type(error).__name__}: {error}')}") from error


def place(module: Module, base: int) -> Module:
    """The same module as if loaded at `base`, a multiple of 4096; UserError if it ends above 2**62."""
    init = attrs.evolve(module.init, base=module.init.base + base) if module.init.size else NO_REGION
    return Module(
        name=module.name,
        core=attrs.evolve(module.core, base=module.core.base + base),
        init=init,
        symbols=tuple(_moved(symbol, base) for symbol in module.symbols),
    )


def _moved(symbol: Symbol, base: int) -> Symbol:
    if symbol.shndx in (SHN_UNDEF, SHN_ABS):
        return symbol
    return Symbol(symbol.value + base, symbol.size, symbol.shndx, symbol.info, symbol.name)


def _sections(data: bytes) -> list[_Section]:
    from elftools.common.utils import struct_parse
    from elftools.elf.elffile import ELFFile

    _require_elf64(data)
    elf = ELFFile(BytesIO(data))
    header = elf.header
    if header["e_type"] != "ET_REL":
        raise UserError(f"ELF file of type {shown(header['e_type'])}; a kernel module has type ET_REL")
    if header["e_shentsize"] != _SECTION_HEADER_BYTES or not 0 < header["e_shnum"] < _SHN_LORESERVE:
        raise UserError("damaged kernel module: its section headers are missing or have the wrong size")
    first, count = header["e_shoff"], header["e_shnum"]
    if first + count * _SECTION_HEADER_BYTES > len(data):
        raise UserError("damaged kernel module: it ends before its section headers; is it truncated?")
    offsets = range(first, first + count * _SECTION_HEADER_BYTES, _SECTION_HEADER_BYTES)
    raw = [struct_parse(elf.structs.Elf_Shdr, elf.stream, offset) for offset in offsets]
    return _named(data, raw, header["e_shstrndx"])


def _require_elf64(data: bytes) -> None:
    if data[:4] != b"\x7fELF":
        raise UserError("not a kernel module: it is not an ELF file")
    if data[4:5] != b"\x02":
        raise UserError("not a 64-bit ELF file; kstress reads only modules of 64-bit kernels")
    if data[5:6] != b"\x01":
        raise UserError("not a little-endian ELF file; kstress reads only modules of little-endian kernels")


def _named(data: bytes, headers: list[Any], names_index: int) -> list[_Section]:
    unnamed = [_section("", header) for header in headers]
    if names_index >= len(unnamed):
        raise UserError("damaged kernel module: the section names are missing")
    names = _contents(data, unnamed[names_index])
    return [_section(_string(names, header["sh_name"]), header) for header in headers]


def _section(name: str, header: Any) -> _Section:
    return _Section(
        name=name,
        kind=header["sh_type"],
        flags=header["sh_flags"],
        offset=header["sh_offset"],
        size=header["sh_size"],
        align=header["sh_addralign"],
        link=header["sh_link"],
    )


def _contents(data: bytes, section: _Section) -> memoryview:
    if section.kind == "SHT_NOBITS" or section.offset + section.size > len(data):
        name = shown(section.name)
        raise UserError(f"damaged kernel module: section '{name}' lies outside the file; is it truncated?")
    return memoryview(data)[section.offset : section.offset + section.size]


def _string(table: memoryview, offset: int) -> str:
    """The string at `offset`. The search for its end is bounded, because a damaged table may have none."""
    text, end, _ = bytes(table[offset : offset + NAME_BYTES + 1]).partition(b"\0")
    if not end:
        raise UserError(f"damaged kernel module: a name at {offset:#x} has no end within {NAME_BYTES} bytes")
    return text.decode()


def _module(data: bytes, sections: list[_Section], stem: str) -> Module:
    core, places = _layout(sections, init=False)
    init, init_places = _layout(sections, init=True)
    init_base = page_up(core.size)
    places.update({index: init_base + at for index, at in init_places.items()})
    return Module(
        name=_module_name(data, sections, stem),
        core=core,
        init=attrs.evolve(init, base=init_base) if init.size else NO_REGION,
        symbols=_symbols(data, sections, places),
    )


def _layout(sections: list[_Section], *, init: bool) -> tuple[Region, dict[int, int]]:
    """The region as if at address 0, and the offset in it at which each section (by index) begins."""
    mine = [(i, s) for i, s in enumerate(sections) if s.resident and s.name.startswith(".init") == init]
    places: dict[int, int] = {}
    size = text_size = 0
    for rank in range(3):
        for index, section in mine:
            if _rank(section) == rank:
                places[index] = _aligned(size, section)
                size = places[index] + section.size
        text_size = size if rank == 0 else text_size
    return Region(0, size, text_size), places


def _rank(section: _Section) -> int:
    if section.flags & _EXEC:
        return 0
    return 2 if section.flags & _WRITE else 1


def _aligned(size: int, section: _Section) -> int:
    align = section.align or 1
    if align & (align - 1) or align > ADDRESS_LIMIT:
        raise UserError(f"damaged kernel module: section '{shown(section.name)}' has alignment {align}")
    return -(-size // align) * align


def _symbols(data: bytes, sections: list[_Section], places: dict[int, int]) -> tuple[Symbol, ...]:
    tables = [section for section in sections if section.kind == "SHT_SYMTAB"]
    if len(tables) != 1:
        raise UserError(f"has {len(tables)} symbol tables; a kernel module has one")
    if tables[0].link >= len(sections):
        raise UserError("damaged kernel module: the names of its symbol table are missing")
    table, names = _contents(data, tables[0]), _contents(data, sections[tables[0].link])
    if len(table) % _SYMBOL.size or len(table) // _SYMBOL.size > MAX_SYMBOLS:
        limit = f"it must have whole entries of {_SYMBOL.size} bytes, at most {MAX_SYMBOLS}"
        raise UserError(f"damaged kernel module: the symbol table has {len(table)} bytes; {limit}")
    entries = _SYMBOL.iter_unpack(table[_SYMBOL.size :])
    return tuple(_symbol(entry, names, places) for entry in entries)


def _symbol(entry: tuple[int, ...], names: memoryview, places: dict[int, int]) -> Symbol:
    name_at, info, _, shndx, value, size = entry
    name = _string(names, name_at)
    if shndx in places:
        return Symbol(places[shndx] + value, size, shndx, info, name)
    if shndx == SHN_ABS and value < ADDRESS_LIMIT:
        return Symbol(value, size, shndx, info, name)
    return Symbol(0, size, SHN_UNDEF, info, name)


def _module_name(data: bytes, sections: list[_Section], stem: str) -> str:
    by_name = {section.name: section for section in sections}
    if ".modinfo" in by_name:
        for entry in bytes(_contents(data, by_name[".modinfo"])).split(b"\0"):
            if entry.startswith(b"name="):
                return entry.removeprefix(b"name=").decode()
    if ".gnu.linkonce.this_module" in by_name:
        field = bytes(_contents(data, by_name[".gnu.linkonce.this_module"])[_NAME_IN_STRUCT_MODULE])
        name = field.partition(b"\0")[0].decode("ascii", "replace")
        if name.replace("-", "_").isidentifier():
            return name
    return stem.replace("-", "_")
