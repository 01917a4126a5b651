"""RAM: its map without overlaps, its limits, images that bring everything back, and power-off."""

from collections.abc import Callable
from itertools import pairwise
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from stress.machine.blocks import HEAP_END, HEAP_NEXT, HEAP_START, RECORDS
from stress.machine.evidence import REPORTS, SLOTS_BYTES
from stress.machine.ram import LARGEST, Ram, RamMap
from stress.machine.words import (
    AREA_BYTES,
    AREAS,
    BOUND,
    CPUS,
    LINE,
    LOG_BYTES,
    LOW,
    MAX_CPUS,
    OPERATIONS,
    area_address,
    lock,
    name_of,
    percpu,
    static,
)
from tests.support import blank_ram, booted, bounded, loaded_modules, simple_corpus

SIZES = st.integers(0, 1 << 20)


@bounded(100)
@given(st.integers(1, MAX_CPUS), SIZES, SIZES, SIZES)
def test_the_parts_of_ram_follow_each_other_on_cache_lines_with_room_for_each(
    cpus: int, data: int, heap: int, tables: int
) -> None:
    ram_map = RamMap(cpus, data, heap, tables)
    starts = [AREAS, ram_map.data, ram_map.heap, ram_map.logs, ram_map.records, ram_map.tables]
    starts += [ram_map.reports, ram_map.end]
    needed = [cpus * AREA_BYTES, data, heap, cpus * LOG_BYTES, heap // 256 * 128, tables, cpus * SLOTS_BYTES]
    assert all(start % LINE == 0 for start in starts)
    assert all(after - before >= room for (before, after), room in zip(pairwise(starts), needed, strict=True))
    assert ram_map.bound == ram_map.logs
    assert ram_map.log(cpus - 1) + LOG_BYTES <= ram_map.records


def test_a_map_of_more_than_the_shadow_covers_is_a_value_error_that_says_so() -> None:
    largest = LARGEST - RamMap(1, 0, 0, 0).end
    assert RamMap(1, largest, 0, 0).end == LARGEST
    with pytest.raises(ValueError, match="more than the maximum of"):
        RamMap(1, largest + 1, 0, 0)
    with pytest.raises(ValueError, match=str(LARGEST - LOW)):
        RamMap(1, 0, 1 << 40, 0)


def test_a_blank_machine_knows_its_cpus_bound_heap_and_records() -> None:
    ram = blank_ram(cpus=3)
    assert ram.peek(CPUS) == 3
    assert LOW + ram.peek(BOUND) == ram.map.bound
    assert (ram.peek(HEAP_START), ram.peek(HEAP_NEXT)) == (ram.map.heap, ram.map.heap)
    assert (ram.peek(HEAP_END), ram.peek(RECORDS)) == (ram.map.bound, ram.map.records)
    assert ram.peek(REPORTS) == ram.map.reports


def test_an_image_brings_everything_back_shadow_included() -> None:
    ram = booted(simple_corpus(3), cpus=2)
    copy = Ram(ram.map, ram.image())
    assert copy.mapping[LOW:] == ram.mapping[LOW:]
    assert copy.mapping[LOW >> 3 : ram.map.end >> 3] == ram.mapping[LOW >> 3 : ram.map.end >> 3]
    assert loaded_modules(copy) == loaded_modules(ram)


def test_a_machine_made_from_an_image_shares_nothing_with_it() -> None:
    ram = booted(simple_corpus(1))
    image = ram.image()
    copy = Ram(ram.map, image)
    copy.write(copy.map.heap, b"changed!")
    copy.mapping[copy.map.heap >> 3] = 0xFB
    assert ram.image() == image != copy.image()


def test_log_words_gives_the_words_of_each_cpu() -> None:
    ram = blank_ram(cpus=2)
    ram.poke(ram.map.log(0) + OPERATIONS, 7)
    ram.poke(ram.map.log(1) + OPERATIONS + 8, -9)
    assert ram.log_words(OPERATIONS) == [[7], [0]]
    assert ram.log_words(OPERATIONS, 2) == [[7, 0], [0, -9]]


def test_power_off_sets_the_bound_to_0_and_changes_nothing_else() -> None:
    ram = blank_ram()
    bound = ram.peek(BOUND)
    before = ram.image()
    ram.power_off()
    assert ram.peek(BOUND) == 0
    ram.poke(BOUND, bound)
    assert ram.image() == before


def test_a_word_is_named_for_reports_and_its_name_is_given_once() -> None:
    assert name_of(BOUND) == "bound"
    assert name_of(area_address(5)) == "preempt_count of CPU 5"
    assert name_of(0x6B) == "0x6b"
    for declare, name in ((static, "bound"), (percpu, "preempt_count")):
        with pytest.raises(ValueError, match=f"'{name}' is declared twice"):
            declare(name)


def test_words_of_scenarios_are_shared_by_those_that_declare_the_same() -> None:
    assert static("ram_test_head") == static("ram_test_head") != static("ram_test_head", 2)
    assert percpu("ram_test_head") == percpu("ram_test_head")
    assert lock("ram_test_head") == lock("ram_test_head") != static("ram_test_head")
    assert name_of(lock("ram_test_head")) == "ram_test_head (3)"
    assert name_of(static("ram_test_array", 9) + 64) == "ram_test_array[8]"


def test_each_word_of_several_has_a_name_of_its_own() -> None:
    for words in (2, 8, 9):
        forks, slots = static("ram_test_forks", words), percpu("ram_test_slots", words)
        addresses = [start + 8 * index for start in (forks, area_address(1) + slots) for index in range(words)]
        assert len(set(map(name_of, addresses))) == 2 * words
        assert all(f"[{index}]" in name_of(forks + 8 * index) for index in range(1, words))
    assert name_of(static("ram_test_forks", 2)) == "ram_test_forks"


def test_there_is_no_room_for_more_words_than_an_area_has() -> None:
    with pytest.raises(ValueError, match="no room left to declare 'huge'"):
        percpu("huge", AREA_BYTES // 8 + 1)


@pytest.mark.parametrize("words", [0, -1, 1.5, None])
@pytest.mark.parametrize("declare", [static, percpu])
def test_a_word_that_would_share_its_address_with_the_next_one_is_refused(
    declare: Callable[..., int], words: Any
) -> None:
    with pytest.raises(ValueError, match=r"'ram_test_none' has .* words; give a whole number, 1 or more"):
        declare("ram_test_none", words)
    assert declare("ram_test_none") != declare("ram_test_behind_none")


@pytest.mark.parametrize("name", ["", 3, None])
def test_a_word_that_no_report_could_name_is_refused(name: Any) -> None:
    for declare in (static, percpu, lock):
        with pytest.raises(ValueError, match="the name of a word is"):
            declare(name)
