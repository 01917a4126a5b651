"""What compiled code does to many words at once: a loop over them, behind a check of all of them."""

from collections.abc import Callable, Sequence
from functools import cache
from typing import Any

from stress.machine.control.words import PIECE_BYTES, WRITE_PIECE
from stress.machine.faults import must_reach
from stress.machine.features import Features
from stress.machine.native.checks import look_for
from stress.machine.native.control import note_for, point_for
from stress.machine.native.steps import load_octet, load_word, store_octet, store_word
from stress.machine.seam import harness
from stress.machine.words import READ_WORD, WRITE_WORD

Range = Callable[..., Any]


@harness
def word_of(cpu: Any, byte: int) -> int:
    """The word whose bytes are all the low one of `byte`."""
    low = byte & 0xFF
    half = low << 8 | low
    quarter = half << 16 | half
    return quarter << 32 | quarter


@harness
def fill_unchecked(cpu: Any, address: int, size: int, byte: int) -> None:
    """Set memory to one byte, word by word."""
    word = word_of(cpu, byte)
    for offset in range(0, size, 8):
        store_word(cpu.base + address + offset, word)


@harness
def copy_unchecked(cpu: Any, target: int, source: int, size: int) -> None:
    """Copy memory, word by word."""
    for offset in range(0, size, 8):
        store_word(cpu.base + target + offset, load_word(cpu.base + source + offset))


@harness
def fill_shadow(cpu: Any, address: int, size: int, byte: int) -> None:
    """Set the shadow of a range to one byte."""
    for granule in range(address >> 3, address + size >> 3):
        store_octet(cpu.base + granule, byte)


@harness
def memchr_inv(cpu: Any, address: int, size: int, byte: int) -> int:
    """The address of the first byte that differs; 0 if none does."""
    word = word_of(cpu, byte)
    end = address + size
    while address < end and load_word(cpu.base + address) == word:
        address += 8
    while address < end and load_octet(cpu.base + address) == byte:
        address += 1
    return 0 if address == end else address


UNCHECKED = (fill_unchecked, copy_unchecked, fill_shadow, memchr_inv)


@cache
def ranges_for(features: Features) -> Sequence[Range]:
    """Fill and copy as a CPU with `features` does them. A copy reads first and looks behind it, as a load does."""
    look = look_for(features)

    @harness
    def look_through(cpu: Any, address: int, size: int, access: int) -> None:
        for offset in range(0, size, 8):
            look(cpu, address + offset, access)

    @harness
    def fill(cpu: Any, address: int, size: int, byte: int) -> None:
        must_reach(cpu, address, size, WRITE_WORD)
        look_through(cpu, address, size, WRITE_WORD)
        fill_unchecked(cpu, address, size, byte)

    @harness
    def copy(cpu: Any, target: int, source: int, size: int) -> None:
        must_reach(cpu, source, size, READ_WORD)
        must_reach(cpu, target, size, WRITE_WORD)
        look_through(cpu, target, size, WRITE_WORD)
        copy_unchecked(cpu, target, source, size)
        look_through(cpu, source, size, READ_WORD)

    return fill, copy


@cache
def ranges_in_pieces(features: Features) -> Sequence[Range]:
    """The same under control, and the filling of freed memory: each piece is a step.

    The whole range is checked first: one that leaves memory would overwrite what the harness has behind it.
    """
    if features.choose is None:
        return ()
    plain_fill, plain_copy = ranges_for(features)
    point, note = point_for(features), note_for(features)

    @harness
    def begin_piece(cpu: Any, address: int, word: int) -> None:
        point(cpu, address, WRITE_PIECE)
        note(cpu, WRITE_PIECE, address, word, word)

    def in_pieces(fill_piece: Range, reach: Range) -> Range:
        @harness
        def fill(cpu: Any, address: int, size: int, byte: int) -> None:
            reach(cpu, address, size, WRITE_WORD)
            for offset in range(0, size, PIECE_BYTES):
                begin_piece(cpu, address + offset, word_of(cpu, byte))
                fill_piece(cpu, address + offset, min(PIECE_BYTES, size - offset), byte)

        fill.__name__ = fill_piece.__name__
        return fill

    @harness
    def copy(cpu: Any, target: int, source: int, size: int) -> None:
        must_reach(cpu, source, size, READ_WORD)
        must_reach(cpu, target, size, WRITE_WORD)
        for offset in range(0, size, PIECE_BYTES):
            begin_piece(cpu, target + offset, 0)
            plain_copy(cpu, target + offset, source + offset, min(PIECE_BYTES, size - offset))

    return in_pieces(plain_fill, must_reach), in_pieces(fill_unchecked, reach_anything), copy


@harness
def reach_anything(cpu: Any, address: int, size: int, access: int) -> None:
    """Any range will do."""
