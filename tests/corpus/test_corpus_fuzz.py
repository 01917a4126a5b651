"""Damaged kernel modules of every kind end in a module or in one UserError, and soon."""

import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from stress.corpus import Module
from stress.corpus.elf import read_module
from stress.errors import UserError
from tests.support import bounded

from .elf_builder import ABS, Sym, module

pytest.importorskip("elftools")

pytestmark = pytest.mark.corpus

SYMBOLS = [Sym(f"symbol_{n}", n, (".text", ".data", ".init.text", ".modinfo", 0, ABS)[n % 6]) for n in range(24)]
GOOD = module("fuzzed", SYMBOLS)
SECTION_HEADERS = int.from_bytes(GOOD[40:48], "little")
SYMBOL_TABLE = GOOD.index(bytes(24), 64 + 32 + 64 + 16 + 48)
FIELDS = st.sampled_from([0, 1, 2, 3, 7, 8, 11, 0xFF, 0xFF00, 0xFFF1, 0xFFFF, 2**31, 2**32 - 1, 2**62, 2**64 - 1])
PLACES = st.one_of(
    st.integers(0, 63),
    st.integers(SECTION_HEADERS, len(GOOD) - 1),
    st.integers(SYMBOL_TABLE, SYMBOL_TABLE + 24 * 25),
    st.integers(0, len(GOOD) - 1),
)
CHANGES = st.lists(st.tuples(PLACES, st.sampled_from([1, 2, 4, 8]), FIELDS), min_size=1, max_size=6)


def survives(data: bytes) -> None:
    """Read it; anything but a module or a printable UserError within two seconds of processor time fails the test."""
    start = time.thread_time()
    try:
        assert isinstance(read_module(data, "fuzzed"), Module)
    except UserError as error:
        assert str(error).isprintable()
        assert len(str(error)) < 1000
    assert time.thread_time() - start < 2


def test_the_good_module_is_read() -> None:
    assert len(read_module(GOOD, "x").symbols) == len(SYMBOLS)


def test_truncated_anywhere() -> None:
    for length in range(len(GOOD)):
        with pytest.raises(UserError):
            read_module(GOOD[:length], "fuzzed")


@bounded(1200)
@given(CHANGES)
def test_mutated_fields(changes: list[tuple[int, int, int]]) -> None:
    data = bytearray(GOOD)
    for place, width, value in changes:
        data[place : place + width] = (value & (256**width - 1)).to_bytes(width, "little")
    survives(bytes(data))


@bounded(300)
@given(st.binary(max_size=200), st.integers(0, len(GOOD)))
def test_spliced_garbage(garbage: bytes, place: int) -> None:
    survives(GOOD[:place] + garbage + GOOD[place:])


@bounded(200)
@given(st.binary(max_size=300))
def test_garbage_behind_the_magic(garbage: bytes) -> None:
    survives(b"\x7fELF\x02\x01\x01" + bytes(9) + b"\x01\x00" + garbage)
