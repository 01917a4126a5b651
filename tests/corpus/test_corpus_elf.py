"""One kernel module read from ELF bytes: layout, symbols, name, and files that are wrong."""

import struct

import pytest

from stress.corpus.elf import page_up, place, read_module
from stress.corpus.model import NO_REGION, Region, Symbol
from stress.errors import UserError

from .elf_builder import ABS, ALLOC, EXEC, NOBITS, STRTAB, SYMTAB, WRITE, Section, Sym, build, module

pytest.importorskip("elftools")


def test_page_up() -> None:
    assert [page_up(size) for size in (0, 1, 4096, 4097)] == [0, 4096, 4096, 8192]


def test_layout_is_text_then_read_only_then_writable() -> None:
    symbols = [Sym("d", 0, ".data"), Sym("t"), Sym("r", 0, ".rodata"), Sym("i", 4, ".init.text")]
    demo = read_module(module(symbols=symbols), "demo")
    assert demo.core == Region(0, 64 + 16 + 32, 64)
    assert demo.init == Region(4096, 48, 48)
    assert [symbol.value for symbol in demo.symbols] == [80, 0, 64, 4100]


def test_layout_aligns_sections_and_counts_bss() -> None:
    sections = [
        Section(".text", ALLOC | EXEC, b"x" * 5),
        Section(".text.hot", ALLOC | EXEC, b"x" * 3, align=16),
        Section(".bss", ALLOC | WRITE, kind=NOBITS, align=64, size=100),
        Section(".comment", 0, b"not resident"),
    ]
    demo = read_module(build(sections, [Sym("b", 8, ".bss"), Sym("hot", 0, ".text.hot")]), "demo")
    assert demo.core == Region(0, 164, 19)
    assert demo.init == NO_REGION
    assert [symbol.value for symbol in demo.symbols] == [72, 16]


def test_symbols_keep_order_and_info_and_lose_the_null_symbol() -> None:
    symbols = [
        Sym("", 0, ".text", 3),
        Sym("f.c", 0, ABS, 4),
        Sym("printk", 0, 0, 0x10),
        Sym("f", 2, ".text", 2, 9),
    ]
    demo = read_module(module(symbols=symbols), "demo")
    assert demo.symbols == (
        Symbol(0, 4, 2, 3, ""),
        Symbol(0, 4, ABS, 4, "f.c"),
        Symbol(0, 4, 0, 0x10, "printk"),
        Symbol(2, 9, 2, 2, "f"),
    )


@pytest.mark.parametrize(
    ("symbol", "value", "shndx"),
    [
        (Sym("license", 3, ".modinfo"), 0, 0),
        (Sym("absolute", 77, ABS), 77, ABS),
        (Sym("huge", 2**62, ABS), 0, 0),
        (Sym("common", 8, 0xFFF2), 0, 0),
        (Sym("extended", 8, 0xFFFF), 0, 0),
        (Sym("beyond", 8, 200), 0, 0),
    ],
)
def test_symbols_of_no_resident_section_become_undefined(symbol: Sym, value: int, shndx: int) -> None:
    (read,) = read_module(module(symbols=[symbol]), "demo").symbols
    assert (read.value, read.shndx) == (value, shndx)


def test_per_cpu_data_is_not_resident() -> None:
    sections = [Section(".text", ALLOC | EXEC, b"x"), Section(".data..percpu", ALLOC | WRITE, bytes(64))]
    demo = read_module(build(sections, [Sym("counter", 0, ".data..percpu")]), "demo")
    assert demo.core.size == 1
    assert demo.symbols[0].shndx == 0


def test_place_moves_regions_and_defined_symbols_only() -> None:
    symbols = [Sym("t", 1), Sym("i", 0, ".init.text"), Sym("a", 7, ABS), Sym("u", 0, 0)]
    demo = place(read_module(module(symbols=symbols), "demo"), 0x10000)
    assert (demo.core.base, demo.init.base) == (0x10000, 0x11000)
    assert [symbol.value for symbol in demo.symbols] == [0x10001, 0x11000, 7, 0]


def test_place_refuses_the_end_of_the_address_space() -> None:
    with pytest.raises(UserError, match="region"):
        place(read_module(module(), "demo"), 2**62 - 4096)


def test_name_from_modinfo_then_this_module_then_stem() -> None:
    text = Section(".text", ALLOC | EXEC, b"x")
    this = Section(".gnu.linkonce.this_module", ALLOC | WRITE, bytes(24) + b"old_style".ljust(56, b"\0"))
    odd = Section(".gnu.linkonce.this_module", ALLOC | WRITE, bytes(24) + b"\xff\x01")
    assert read_module(module("modern"), "x").name == "modern"
    assert read_module(build([text, this], []), "x").name == "old_style"
    assert read_module(build([text, odd], []), "snd-hda-intel").name == "snd_hda_intel"
    assert read_module(build([text], []), "snd-hda-intel").name == "snd_hda_intel"


def test_wrong_kinds_of_elf_are_named() -> None:
    good = module()
    for bad, complaint in [
        (b"#!/bin/sh", "it is not an ELF file"),
        (b"", "it is not an ELF file"),
        (good[:4] + b"\x01" + good[5:], "not a 64-bit ELF file"),
        (good[:5] + b"\x02" + good[6:], "not a little-endian ELF file"),
        (build([], [], kind=2), "type ET_EXEC; a kernel module has"),
        (build([], [], kind=0xABCD), "type 43981; a kernel module has"),
    ]:
        with pytest.raises(UserError, match=complaint):
            read_module(bad, "demo")


def patched(offset: int, layout: str, value: int) -> bytes:
    """A good module with one field of its ELF header replaced."""
    data = bytearray(module())
    struct.pack_into(layout, data, offset, value)
    return bytes(data)


@pytest.mark.parametrize(
    ("offset", "layout", "value", "complaint"),
    [
        (40, "<Q", 2**64 - 1, "ends before its section headers"),
        (40, "<Q", 1 << 30, "ends before its section headers"),
        (58, "<H", 0, "its section headers are missing or have the wrong size"),
        (58, "<H", 40, "its section headers are missing or have the wrong size"),
        (60, "<H", 0, "its section headers are missing or have the wrong size"),
        (60, "<H", 0xFF01, "its section headers are missing or have the wrong size"),
        (62, "<H", 99, "section names are missing"),
    ],
)
def test_hostile_headers(offset: int, layout: str, value: int, complaint: str) -> None:
    with pytest.raises(UserError, match=complaint):
        read_module(patched(offset, layout, value), "demo")


TEXT = Section(".text", ALLOC | EXEC, b"x")


@pytest.mark.parametrize(
    ("sections", "complaint"),
    [
        ([Section(".text", ALLOC, align=3)], "section '.text' has alignment 3"),
        ([Section(".text", ALLOC, align=1 << 63)], "section '.text' has alignment"),
        ([Section(".bss", ALLOC, kind=NOBITS, size=2**64 - 1)], "size of a region"),
        ([TEXT, Section(".more", 0, bytes(24), SYMTAB)], "has 2 symbol tables"),
        ([TEXT, Section(".modinfo", ALLOC, b"name=caf\xe9\0")], "damaged kernel module: UnicodeDecodeError"),
        ([TEXT, Section(".modinfo", ALLOC, b"name=\0")], "empty name"),
        ([TEXT, Section(".modinfo", ALLOC, b"name=a\x1b[31m\0")], "cannot be printed"),
        ([TEXT, Section(".modinfo", ALLOC, b"name=" + b"n" * 56)], "longer than 55 bytes"),
        ([TEXT, Section(".modinfo", ALLOC, kind=NOBITS, size=9)], "section '.modinfo' lies outside the file"),
        ([Section("s" * 600, ALLOC)], "has no end within 511 bytes"),
    ],
)
def test_hostile_sections(sections: list[Section], complaint: str) -> None:
    with pytest.raises(UserError, match=complaint):
        read_module(build(sections, []), "demo")


@pytest.mark.parametrize(
    ("symbol", "raw", "complaint"),
    [
        (Sym("f", 2**64 - 1), b"f", "value of symbol 'f'"),
        (Sym("f", 0, ".text", 2, 2**64 - 1), b"f", "size of symbol 'f'"),
        (Sym("f"), b"\xff\xfe", "damaged kernel module: UnicodeDecodeError"),
        (Sym("f"), b"a\nb", "cannot be printed"),
        (Sym("f"), b"n" * 512, "has no end within 511 bytes"),
    ],
)
def test_hostile_symbols(symbol: Sym, raw: bytes, complaint: str) -> None:
    with pytest.raises(UserError, match=complaint) as caught:
        read_module(build([TEXT], [symbol], raw_names={"f": raw}), "demo")
    assert str(caught.value).isprintable()


def test_a_module_without_symbol_table() -> None:
    data = bytearray(build([TEXT], []))
    section_headers = int.from_bytes(data[40:48], "little")
    struct.pack_into("<I", data, section_headers + 3 * 64 + 4, STRTAB)
    with pytest.raises(UserError, match="has 0 symbol tables"):
        read_module(bytes(data), "demo")


@pytest.mark.parametrize(("field", "value"), [(32, 25), (40, 99), (24, 1 << 40)])
def test_a_damaged_symbol_table(field: int, value: int) -> None:
    data = bytearray(build([TEXT], [Sym("f")]))
    section_headers = int.from_bytes(data[40:48], "little")
    struct.pack_into("<Q" if field != 40 else "<I", data, section_headers + 3 * 64 + field, value)
    with pytest.raises(UserError, match=r"symbol table|lies outside the file"):
        read_module(bytes(data), "demo")
