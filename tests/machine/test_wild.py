"""Accesses that a real CPU would fault on end in an Oops with its cause and address, alike on both engines."""

import pytest

from stress.kernel.list import LIST_POISON1, LIST_POISON2
from stress.machine.blocks import SHADOW_REDZONE
from stress.machine.ram import Ram
from stress.machine.words import (
    BOUND,
    CAUSE_POWER_OFF,
    CAUSE_WILD,
    FAULT_ACCESS,
    FAULT_ADDRESS,
    FAULT_CAUSE,
    FAULT_STACK,
    HIT_ACCESS,
    HIT_ADDRESS,
    HIT_SHADOW,
    IRQS_DISABLED,
    LOW,
    PREEMPT_COUNT,
)
from tests.support import blank_ram, each_engine

from .stepper import (
    CMPXCHG,
    FETCH_ADD,
    LOAD,
    LOAD8,
    LOAD_ACQUIRE,
    SPIN,
    STORE,
    STORE8,
    STORE_RELEASE,
    TURNS,
    XCHG,
)

WORD_ACCESSES = (LOAD, STORE, CMPXCHG, XCHG, FETCH_ADD, LOAD_ACQUIRE, STORE_RELEASE)
BYTE_ACCESSES = (LOAD8, STORE8)
KINDS = {
    LOAD: 8,
    STORE: -8,
    CMPXCHG: 8,
    LOAD8: 1,
    STORE8: -1,
    XCHG: -8,
    FETCH_ADD: -8,
    LOAD_ACQUIRE: 8,
    STORE_RELEASE: -8,
}
WILD = (
    0,
    8,
    LIST_POISON1,
    LIST_POISON2,
    0x6B6B_6B6B_6B6B_6B6B,
    0x5A5A_5A5A_5A5A_5A58,
    LOW - 8,
    -8,
    -(2**63),
    2**63 - 8,
)


def notes(ram: Ram) -> tuple[int, int]:
    """The cause and the address of CPU 0's fault."""
    return ram.peek(ram.map.log(0) + FAULT_CAUSE), ram.peek(ram.map.log(0) + FAULT_ADDRESS)


def assert_oops(engine: str, ram: Ram, access: int, address: int) -> None:
    """The access faults as wild, says where and what it was, and changes nothing but its CPU's notes."""
    assert TURNS[engine](ram, access, address, -1) == CAUSE_WILD
    assert notes(ram) == (CAUSE_WILD, address)
    assert ram.peek(ram.map.log(0) + FAULT_ACCESS) == KINDS[access]
    for note in (FAULT_CAUSE, FAULT_ADDRESS, FAULT_ACCESS, FAULT_STACK):
        ram.poke(ram.map.log(0) + note, 0)
    assert ram.image() == blank_ram().image()


@each_engine
@pytest.mark.parametrize("access", WORD_ACCESSES + BYTE_ACCESSES)
def test_null_poison_and_what_lies_outside_are_wild(engine: str, access: int) -> None:
    ram = blank_ram()
    for address in (*WILD, ram.map.bound, ram.map.bound + 8, ram.map.tables, ram.map.end, ram.map.end + (1 << 40)):
        assert_oops(engine, ram, access, address)


@each_engine
@pytest.mark.parametrize("access", WORD_ACCESSES)
def test_words_that_are_not_aligned_are_wild(engine: str, access: int) -> None:
    ram = blank_ram()
    for offset in range(1, 8):
        assert_oops(engine, ram, access, ram.map.data + offset)


@each_engine
def test_the_first_and_the_last_word_and_byte_of_ram_can_be_accessed(engine: str) -> None:
    ram, turn = blank_ram(), TURNS[engine]
    for access in (LOAD, LOAD8):
        assert turn(ram, access, LOW, 0) == ram.peek(BOUND) & (-1 if access == LOAD else 0xFF)
    for address in (ram.map.data, ram.map.bound - 8):
        turn(ram, STORE, address, 0x1122)
        assert turn(ram, LOAD, address, 0) == 0x1122
        turn(ram, STORE8, address + 7, 0x1FF)
        assert turn(ram, LOAD8, address + 7, 0) == 0xFF
        assert turn(ram, LOAD, address, 0) == (0xFF << 56 | 0x1122) - 2**64
        assert notes(ram)[0] == 0


@each_engine
def test_compare_exchange_returns_what_was_there_and_stores_only_over_the_old_value(engine: str) -> None:
    ram, turn = blank_ram(), TURNS[engine]
    assert turn(ram, CMPXCHG, ram.map.data, 5) == 0
    assert turn(ram, CMPXCHG, ram.map.data, 6) == 5
    assert ram.peek(ram.map.data) == 5


@each_engine
def test_an_exchange_and_an_addition_return_what_was_there_and_wrap(engine: str) -> None:
    ram, turn = blank_ram(), TURNS[engine]
    word = ram.map.data
    assert turn(ram, XCHG, word, 2**63 - 1) == 0
    assert turn(ram, FETCH_ADD, word, 3) == 2**63 - 1
    assert ram.peek(word) == turn(ram, LOAD_ACQUIRE, word, 0) == -(2**63) + 2
    assert turn(ram, FETCH_ADD, word, -5) == -(2**63) + 2
    assert turn(ram, XCHG, word, -1) == 2**63 - 3
    turn(ram, STORE_RELEASE, word, 77)
    assert ram.peek(word) == 77
    assert notes(ram)[0] == 0


@each_engine
@pytest.mark.parametrize("access", WORD_ACCESSES + BYTE_ACCESSES)
def test_after_power_off_every_access_is_cut_short_and_not_wild(engine: str, access: int) -> None:
    ram = blank_ram()
    ram.power_off()
    for address in (0, ram.map.data):
        assert TURNS[engine](ram, access, address, 0) == CAUSE_POWER_OFF
        assert notes(ram) == (CAUSE_POWER_OFF, address)


@each_engine
@pytest.mark.parametrize("access", WORD_ACCESSES + BYTE_ACCESSES)
def test_the_first_access_to_memory_that_is_not_allocated_is_noted_and_goes_through(engine: str, access: int) -> None:
    ram = blank_ram()
    for address in (ram.map.heap + 8, ram.map.heap):
        ram.poke(address, 0)
        assert TURNS[engine](ram, access, address, 7) == 0
        assert notes(ram)[0] == 0
        assert ram.peek(ram.map.log(0) + HIT_ADDRESS) == address
        assert ram.peek(ram.map.log(0) + HIT_ACCESS) == KINDS[access]
        assert ram.peek(ram.map.log(0) + HIT_SHADOW) == SHADOW_REDZONE
        assert ram.peek(address) == (0 if access in (LOAD, LOAD8, LOAD_ACQUIRE) else 7)
    TURNS[engine](ram, access, ram.map.data, 0)
    assert ram.peek(ram.map.log(0) + HIT_ADDRESS) == 0


@each_engine
def test_a_fault_puts_preemption_and_interrupts_back_to_where_the_operation_began(engine: str) -> None:
    ram = blank_ram()
    area = ram.map.data - 0x1000
    ram.poke(area + IRQS_DISABLED, 1)
    assert TURNS[engine](ram, SPIN, LIST_POISON1, 0) == CAUSE_WILD
    assert (ram.peek(area + PREEMPT_COUNT), ram.peek(area + IRQS_DISABLED)) == (0, 0)
