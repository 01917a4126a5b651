"""A write may be what lets another CPU free the memory. Both engines: it is not charged, and a late one is found."""

import ctypes
import os

import pytest
from hypothesis import given
from hypothesis import strategies as st

from stress.judge.harvest import Slice, harvest
from stress.judge.outcomes import FINDINGS
from stress.judge.violation import AT_POWER_OFF, Violation
from stress.machine.blocks import SHADOW_ALLOCATED, SHADOW_FREED, label_block
from stress.machine.inspection import inspect_free_blocks
from stress.machine.ram import PAGE, Ram
from stress.machine.slab import FATE, POISONED, REUSED, TYPE_STABLE, UNMAPPED, kfree, kmalloc
from stress.machine.words import HIT_ADDRESS, MOST_OUTCOMES, OUTCOMES, OVERWRITTEN, VIOLATIONS
from tests.support import blank_ram, bounded, each_engine, python_cpu

from .stepper import CMPXCHG, KMALLOC, STORE, STORE8, STORE_RELEASE, TURNS, XCHG

OWN_SHADOW = 0x8000
MAP_SHARED_FIXED = 0x11
READ_WRITE = 3


def tie(ram: Ram, addresses: tuple[int, ...]) -> None:
    """Let the pages at these addresses of RAM be one and the same page."""
    base = ctypes.addressof(ctypes.c_char.from_buffer(ram.mapping))
    libc = ctypes.CDLL(None, use_errno=True)
    libc.mmap.restype = ctypes.c_void_p
    libc.mmap.argtypes = [ctypes.c_void_p, ctypes.c_size_t, ctypes.c_int, ctypes.c_int, ctypes.c_int, ctypes.c_long]
    page = os.memfd_create("page")
    os.ftruncate(page, PAGE)
    for address in addresses:
        assert libc.mmap(base + address, PAGE, READ_WRITE, MAP_SHARED_FIXED, page, 0) == base + address
    os.close(page)


def word_that_is_its_own_shadow() -> tuple[Ram, int]:
    """RAM and a word in it whose first byte is the byte of the shadow that says whether the word is allocated.

    So a write frees the word in the instant in which it is seen: no look behind it can come too early.
    """
    ram = blank_ram(heap=2 * OWN_SHADOW)
    address = -(-ram.map.heap // OWN_SHADOW) * OWN_SHADOW
    tie(ram, (address, address >> 3))
    ram.poke(address, SHADOW_ALLOCATED)
    return ram, address


@each_engine
@pytest.mark.parametrize("access", [STORE, STORE8, CMPXCHG, XCHG, STORE_RELEASE])
def test_a_write_is_not_charged_with_the_free_that_it_allows(engine: str, access: int) -> None:
    ram, address = word_that_is_its_own_shadow()
    TURNS[engine](ram, access, address, SHADOW_FREED)
    assert ram.mapping[address >> 3] == ram.mapping[address] == SHADOW_FREED
    assert ram.peek(ram.map.log(0) + HIT_ADDRESS) == 0
    TURNS[engine](ram, access, address, SHADOW_FREED)
    assert ram.peek(ram.map.log(0) + HIT_ADDRESS) == address


def freed_block(fate: int = POISONED) -> tuple[Ram, int]:
    """RAM of two CPUs, the second of which has allocated a block, labelled it and freed it."""
    ram = blank_ram(2)
    ram.poke(FATE, fate)
    owner = python_cpu(ram, 1)
    block = kmalloc(owner, 64)
    label_block(owner, block, 1)
    kfree(owner, block)
    return ram, block


def write_late(engine: str, ram: Ram, address: int, access: int = STORE, value: int = 5) -> None:
    """A write that looks at the shadow as it was before the free, and acts behind it."""
    shadow = ram.mapping[address >> 3]
    ram.mapping[address >> 3] = SHADOW_ALLOCATED
    TURNS[engine](ram, access, address, value)
    ram.mapping[address >> 3] = shadow
    assert ram.peek(ram.map.log(0) + HIT_ADDRESS) == 0


def reports(ram: Ram) -> list[Violation]:
    """What the slots say."""
    return list(harvest(Slice(ram, ["taker", "owner"], FINDINGS, 0, 0.0), ()))


def found(ram: Ram) -> list[tuple[int, int]]:
    """How many blocks each CPU found written to, and its violations."""
    counts = ram.log_words(OUTCOMES, MOST_OUTCOMES)
    assert all(sum(of_cpu) == of_cpu[OVERWRITTEN] for of_cpu in counts)
    violations = [count for [count] in ram.log_words(VIOLATIONS)]
    return [(of_cpu[OVERWRITTEN], count) for of_cpu, count in zip(counts, violations, strict=True)]


@each_engine
@pytest.mark.parametrize(("access", "written"), [(STORE, b"\5" + bytes(7)), (STORE8, b"\5")])
def test_a_write_that_lands_behind_the_free_is_found_when_the_block_is_handed_out_again(
    engine: str, access: int, written: bytes
) -> None:
    ram, block = freed_block()
    write_late(engine, ram, block + 24, access)
    assert TURNS[engine](ram, KMALLOC, 64, 0) == block
    assert found(ram) == [(1, 1), (0, 0)]
    [kept] = reports(ram)
    assert (kept.outcome, kept.program, kept.focus) == ("overwritten", "taker", block + 24)
    assert kept.access is None
    assert kept.overwritten is not None
    assert (kept.overwritten.address, kept.overwritten.found) == (block + 24, written)
    assert kept.overwritten.expected == b"\x6b" * len(written)
    assert kept.block is not None
    assert kept.block.freed is not None
    assert (kept.block.address, kept.block.live, kept.block.at_rest) == (block, False, True)
    assert (kept.block.allocated.cpu, kept.block.freed.cpu) == (1, 1)
    inspect_free_blocks(ram)
    assert found(ram) == [(1, 1), (0, 0)]


@each_engine
def test_a_block_as_it_was_freed_is_handed_out_without_a_word(engine: str) -> None:
    ram, block = freed_block()
    for size in (64, 64, 200):
        assert TURNS[engine](ram, KMALLOC, size, 0) in range(block, block + 1024)
    inspect_free_blocks(ram)
    assert found(ram) == [(0, 0), (0, 0)]
    assert reports(ram) == []


@each_engine
@pytest.mark.parametrize(("offset", "byte"), [(0, 0), (63, 0xA5), (64, 1), (247, 0), (248, 0), (255, 0x6B)])
def test_every_byte_of_a_freed_block_is_looked_at(engine: str, offset: int, byte: int) -> None:
    ram, block = freed_block()
    ram.mapping[block + offset] = byte
    TURNS[engine](ram, KMALLOC, 64, 0)
    assert found(ram) == [(1, 1), (0, 0)]
    [kept] = reports(ram)
    assert kept.overwritten is not None
    assert (kept.overwritten.address, kept.overwritten.found) == (block + offset, bytes([byte]))


@pytest.mark.parametrize("fate", [REUSED, UNMAPPED, TYPE_STABLE])
def test_memory_that_is_not_poisoned_is_not_looked_at(fate: int) -> None:
    ram, block = freed_block(fate)
    ram.poke(block, 5)
    assert kmalloc(python_cpu(ram), 64) == block
    inspect_free_blocks(ram)
    assert found(ram) == [(0, 0), (0, 0)]


def test_what_is_still_free_at_power_off_is_looked_at_then_and_nobody_is_said_to_have_found_it() -> None:
    ram, block = freed_block()
    owner = python_cpu(ram, 1)
    blocks = [kmalloc(owner, size) for size in (64, 300, 64)]
    assert blocks[0] == block
    for one in blocks:
        kfree(owner, one)
        ram.poke(one + 8, 7)
    ram.power_off()
    inspect_free_blocks(ram)
    assert sum(count for count, _ in found(ram)) == len(blocks)
    [kept] = reports(ram)
    assert (kept.outcome, kept.program, kept.stack) == ("overwritten", AT_POWER_OFF, ())
    assert kept.block is not None
    assert kept.block.address in blocks


@bounded(60)
@given(st.integers(1, 40), st.lists(st.integers(0, 319), max_size=3))
def test_the_first_byte_that_differs_is_found(words: int, damaged: list[int]) -> None:
    ram = blank_ram()
    ram.write(ram.map.data, b"\x6b" * 320)
    for offset in damaged:
        ram.mapping[ram.map.data + offset] = 0
    expected = min((ram.map.data + offset for offset in damaged if offset < words * 8), default=0)
    assert python_cpu(ram).memchr_inv(ram.map.data, words * 8, 0x6B) == expected
