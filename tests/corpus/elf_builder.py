"""Writes small relocatable ELF files, right or deliberately wrong, for the tests of the importer."""

import struct

import attrs

ALLOC, WRITE, EXEC = 2, 1, 4
PROGBITS, SYMTAB, STRTAB, NOBITS = 1, 2, 3, 8
ABS = 0xFFF1


@attrs.frozen
class Section:
    """A section to write; `size` is given for NOBITS only, `link` fills sh_link."""

    name: str
    flags: int = ALLOC
    data: bytes = b""
    kind: int = PROGBITS
    align: int = 1
    size: int | None = None
    link: int = 0


@attrs.frozen
class Sym:
    """A symbol to write: `section` is a section's name or a section index."""

    name: str
    value: int = 0
    section: str | int = ".text"
    info: int = 0x12
    size: int = 4


def build(
    sections: list[Section], symbols: list[Sym], *, kind: int = 1, raw_names: dict[str, bytes] | None = None
) -> bytes:
    """An ELF64 little-endian file of type `kind` (1 is relocatable), the symbol table behind the sections."""
    indices = {section.name: number for number, section in enumerate(sections, 1)}
    strings, offsets = _strings([symbol.name for symbol in symbols], raw_names or {})
    table = bytes(24) + b"".join(_symbol(symbol, offsets, indices) for symbol in symbols)
    strtab = Section(".strtab", 0, strings, STRTAB)
    symtab = Section(".symtab", 0, table, SYMTAB, 8, link=len(sections) + 1)
    return _file([*sections, strtab, symtab], kind)


def module(name: str = "demo", symbols: list[Sym] | None = None) -> bytes:
    """A small well-formed kernel module with text, data, init text and .modinfo."""
    sections = [
        Section(".data", ALLOC | WRITE, bytes(32), align=8),
        Section(".text", ALLOC | EXEC, bytes(64), align=16),
        Section(".rodata", ALLOC, bytes(16), align=8),
        Section(".init.text", ALLOC | EXEC, bytes(48), align=16),
        Section(".modinfo", ALLOC, b"license=GPL\0name=" + name.encode() + b"\0"),
    ]
    if symbols is None:
        symbols = [
            Sym(f"{name}_read"),
            Sym(f"{name}_init", 8, ".init.text"),
            Sym(f"{name}_data", 0, ".data", 0x11),
        ]
    return build(sections, symbols)


def _strings(names: list[str], raw: dict[str, bytes]) -> tuple[bytes, dict[str, int]]:
    table, offsets = b"\0", {"": 0}
    for name in names:
        if name not in offsets:
            offsets[name] = len(table)
            table += raw.get(name, name.encode()) + b"\0"
    return table, offsets


def _symbol(symbol: Sym, offsets: dict[str, int], indices: dict[str, int]) -> bytes:
    index = symbol.section if isinstance(symbol.section, int) else indices[symbol.section]
    return struct.pack("<IBBHQQ", offsets[symbol.name], symbol.info, 0, index, symbol.value, symbol.size)


def _file(sections: list[Section], kind: int) -> bytes:
    names, offsets = _strings([section.name for section in sections] + [".shstrtab"], {})
    everything = [*sections, Section(".shstrtab", 0, names, STRTAB)]
    body, headers = bytearray(64), bytearray(64)
    for section in everything:
        headers += _header(section, offsets[section.name], len(body))
        body += section.data
    body[:64] = _elf_header(kind, len(body), len(everything) + 1)
    return bytes(body + headers)


def _header(section: Section, name: int, offset: int) -> bytes:
    size = len(section.data) if section.size is None else section.size
    entry = 24 if section.kind == SYMTAB else 0
    numbers = (name, section.kind, section.flags, 0, offset, size, section.link, 1, section.align, entry)
    return struct.pack("<IIQQQQIIQQ", *numbers)


def _elf_header(kind: int, table: int, count: int) -> bytes:
    ident = b"\x7fELF\x02\x01\x01" + bytes(9)
    return ident + struct.pack("<HHIQQQIHHHHHH", kind, 62, 1, 0, 0, table, 0, 64, 0, 0, 64, count, count - 1)
