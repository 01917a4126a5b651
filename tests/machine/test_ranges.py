"""A fill and a copy are checked as an access to each of their words is, alike on both engines."""

import pytest

from stress.machine.blocks import SHADOW_FREED
from stress.machine.ram import Ram
from stress.machine.words import (
    CAUSE_POWER_OFF,
    CAUSE_WILD,
    FAULT_ACCESS,
    FAULT_ADDRESS,
    HIT_ACCESS,
    HIT_ADDRESS,
    HIT_SHADOW,
    LOW,
)
from tests.support import blank_ram, each_engine

from .stepper import COPIED_BYTES, COPY, FILL, KFREE, KMALLOC, TURNS

READ, WRITE = 8, -8


def noted(ram: Ram, *words: int) -> list[int]:
    """Words of CPU 0's log."""
    return [ram.peek(ram.map.log(0) + word) for word in words]


@each_engine
def test_they_do_what_they_say(engine: str) -> None:
    ram = blank_ram()
    source, target = ram.map.data, ram.map.data + COPIED_BYTES
    assert TURNS[engine](ram, FILL, source, COPIED_BYTES) == 0
    assert TURNS[engine](ram, COPY, target, source) == 0
    assert ram.mapping[source : target + COPIED_BYTES + 1] == b"\x11" * 2 * COPIED_BYTES + b"\0"
    assert noted(ram, HIT_ADDRESS) == [0]


@each_engine
@pytest.mark.parametrize("near_end", [False, True])
def test_what_they_cannot_reach_is_wild_at_its_first_address_and_nothing_is_written(
    engine: str, near_end: bool
) -> None:
    ram = blank_ram()
    bad = ram.map.bound - COPIED_BYTES // 2 if near_end else LOW - 8
    first = ram.map.bound if near_end else bad
    before = bytes(ram.mapping[ram.map.data : ram.map.bound])
    for number, a, b, access in (
        (FILL, bad, COPIED_BYTES, WRITE),
        (COPY, bad, ram.map.data, WRITE),
        (COPY, ram.map.data, bad, READ),
    ):
        assert TURNS[engine](ram, number, a, b) == CAUSE_WILD
        assert noted(ram, FAULT_ADDRESS, FAULT_ACCESS) == [first, access]
    assert bytes(ram.mapping[ram.map.data : ram.map.bound]) == before


@each_engine
@pytest.mark.parametrize(("offset", "size"), [(4, 64), (0, 12), (0, -8), (1 << 50, 64), (0, 1 << 62)])
def test_what_is_not_whole_words_of_ram_is_wild(engine: str, offset: int, size: int) -> None:
    ram = blank_ram()
    assert TURNS[engine](ram, FILL, ram.map.data + offset, size) == CAUSE_WILD


@each_engine
def test_after_power_off_they_are_cut_short(engine: str) -> None:
    ram = blank_ram()
    ram.power_off()
    for number in (FILL, COPY):
        assert TURNS[engine](ram, number, ram.map.data, COPIED_BYTES) == CAUSE_POWER_OFF


@each_engine
def test_a_touch_of_freed_memory_is_noted_at_the_first_word_that_is_freed(engine: str) -> None:
    ram = blank_ram()
    turn = TURNS[engine]
    block = turn(ram, KMALLOC, COPIED_BYTES // 2, 0)
    turn(ram, KFREE, block, 0)
    before = block - COPIED_BYTES // 2
    for at in range(before >> 3, block >> 3):
        ram.mapping[at] = 0
    for number, a, b, access in (
        (FILL, before, COPIED_BYTES, WRITE),
        (COPY, before, ram.map.data, WRITE),
        (COPY, ram.map.data, before, READ),
    ):
        turn(ram, number, a, b)
        assert noted(ram, HIT_ADDRESS, HIT_ACCESS, HIT_SHADOW) == [block, access, SHADOW_FREED]
