"""Both engines leave the same RAM behind: the same operations, one by one, from the same image, byte for byte.

Only words that hold times may differ, and those for stacks, which the python engine keeps elsewhere. So what one
engine's tests prove of the kernel's code holds for both.
"""

from collections.abc import Sequence
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from stress.judge.lookups import KASAN, TARGET_ADDRESS, TARGET_BYTES, TARGETS
from stress.judge.names import NAME_BYTES
from stress.kernel.kallsyms import NAMEBUF
from stress.kernel.list import LIST_POISON1
from stress.kernel.stop_machine import STOPMACHINE_BEGUN
from stress.kernel.struct_module import (
    IMAGE_BYTES,
    MODLIST_LOCK,
    MODULE_BYTES,
    MODULE_CORE,
    MODULES,
    REFCOUNT,
    STRTAB,
    SYMTAB,
)
from stress.machine.blocks import ALLOCATED_BY, BY_CLOCK, FREED_BY, RECORD_BYTES, RETIRED_BY
from stress.machine.evidence import KEPT_CLOCK, KEPT_RECORD, SLOT_BYTES, SLOTS_BYTES
from stress.machine.ram import Ram
from stress.machine.words import (
    CAUSE_WILD,
    FAULT_ADDRESS,
    FIRST_VIOLATION,
    FORBIDDEN,
    HIT_ADDRESS,
    LATENCIES,
    LOG_BYTES,
    LOW,
    RANDOM,
    TIMESPEC,
    WRITERS,
    area_address,
)
from tests.support import booted, bounded, image_of, loaded_modules, name_in_image, put_string, simple_corpus

from . import stepper
from .stack_words import stack_words

pytestmark = pytest.mark.native

NUMBER_OF_MODULES = 4
Step = tuple[int, int, int]


def clock_words(ram: Ram) -> list[int]:
    """The addresses of all words that hold a time."""
    slots = range(ram.map.reports, ram.map.reports + SLOTS_BYTES, SLOT_BYTES)
    copies = [slot + KEPT_RECORD for slot in slots]
    records = [*range(ram.map.records, ram.map.tables, RECORD_BYTES), *copies]
    clocks = [slot + KEPT_CLOCK for slot in slots]
    clocks += [record + by + BY_CLOCK for record in records for by in (ALLOCATED_BY, RETIRED_BY, FREED_BY)]
    log = ram.map.log(0)
    latencies = range(log + LATENCIES, log + LATENCIES + 640 * 8, 8)
    return [*clocks, *latencies, log + TIMESPEC, log + TIMESPEC + 8, log + FIRST_VIOLATION, STOPMACHINE_BEGUN]


class Pair:
    """Two machines of one CPU from one image, one for each engine, which take every step together."""

    def __init__(self) -> None:
        """Boot one and copy it. CPU 0 is counted as a writer, and every outcome as forbidden."""
        import numpy

        self.numpy: Any = numpy
        self.python = booted(simple_corpus(NUMBER_OF_MODULES))
        self.python.poke(self.python.map.log(0) + RANDOM, 12345)
        for word, value in ((WRITERS, 1), (FORBIDDEN, 0xFFFF_FFFE), (KASAN, 1)):
            self.python.poke(word, value)
        self.native = Ram(self.python.map, self.python.image())
        self.mask = self.numpy.full(self.python.map.end // 8, -1, dtype="i8")
        self.mask[[word // 8 for word in (*clock_words(self.python), *stack_words(self.python))]] = 0

    def words(self, ram: Ram, start: int, end: int) -> Any:
        """The words from `start` to `end` without those that may differ."""
        span = slice(start // 8, end // 8)
        return self.numpy.frombuffer(ram.mapping, dtype="i8")[span] & self.mask[span]

    def assert_equal(self) -> None:
        """Compare the shadow and all of RAM, logs, records and tables included."""
        for start, end in ((LOW >> 3, self.python.map.end + 63 >> 3), (LOW, self.python.map.end)):
            differing = self.words(self.python, start, end) != self.words(self.native, start, end)
            assert not differing.any(), f"differ first at {start + 8 * int(differing.argmax()):#x}"

    def step(self, number: int, a: int = 0, b: int = 0) -> int:
        """One operation on both; its value, which must be the same."""
        results = [stepper.on_python(self.python, number, a, b), stepper.on_native(self.native, number, a, b)]
        assert results[0] == results[1]
        self.assert_equal()
        return results[0]

    def poke(self, address: int, value: int) -> None:
        """Change a word of both."""
        self.python.poke(address, value)
        self.native.poke(address, value)

    def write(self, address: int, data: bytes) -> None:
        """Write bytes into both."""
        put_string(self.python, address, data)
        put_string(self.native, address, data)

    def target(self, number: int) -> int:
        """Address of a judge's target."""
        return self.python.peek(TARGETS) + number * TARGET_BYTES

    def address_of(self, number: int) -> int:
        """The address that a target is looked up by."""
        return self.python.peek(self.target(number) + TARGET_ADDRESS)


def scratch(number: int) -> int:
    """Address of one of 16 buffers of 128 bytes at the end of CPU 0's area."""
    return area_address(0) + 0x800 + 128 * number


NUMBERS = st.integers(0, NUMBER_OF_MODULES - 1)
MODULE_STEPS = st.lists(
    st.tuples(st.sampled_from([stepper.INSMOD, stepper.RMMOD, stepper.LOOKUP]), NUMBERS, st.integers(0, 2)), max_size=15
)


@bounded(20)
@given(MODULE_STEPS)
def test_loading_unloading_looking_up_and_judging_are_alike(steps: Sequence[Step]) -> None:
    pair = Pair()
    buffer = area_address(0) + NAMEBUF
    for number, which, symbol in steps:
        if number == stepper.INSMOD:
            pair.step(number, image_of(pair.python, which))
        elif number == stepper.RMMOD:
            pair.step(number, name_in_image(pair.python, which))
        else:
            target = which * 3 + symbol
            found = pair.step(number, pair.address_of(target) + symbol, buffer)
            verdict = stepper.JUDGE_NAME if found else stepper.JUDGE_ABSENCE
            pair.step(verdict, pair.target(target), buffer if found else 1)


SLAB_STEPS = st.lists(st.tuples(st.booleans(), st.integers(-1, 3000)), max_size=25)


@bounded(25)
@given(SLAB_STEPS)
def test_allocating_and_freeing_are_alike(steps: Sequence[tuple[bool, int]]) -> None:
    pair = Pair()
    live: list[int] = []
    for alloc, number in steps:
        if alloc or not live:
            live += filter(None, [pair.step(stepper.KMALLOC, number)])
        else:
            pair.step(stepper.KFREE, live.pop(number % len(live)))


SMALL_STEPS = st.lists(
    st.tuples(
        st.sampled_from([stepper.STRNCPY, stepper.STRCMP, stepper.SPIN, stepper.STOP, stepper.DRAW, stepper.LATENCY]),
        st.integers(0, 7),
        st.integers(0, 7),
    ),
    max_size=20,
)


@bounded(25)
@given(st.lists(st.binary(max_size=127), min_size=8, max_size=8), SMALL_STEPS)
def test_strings_locks_stops_and_random_numbers_are_alike(texts: Sequence[bytes], steps: Sequence[Step]) -> None:
    pair = Pair()
    for number, text in enumerate(texts):
        pair.write(scratch(number), text)
    for number, a, b in steps:
        arguments = {
            stepper.STRNCPY: (scratch(8 + a), scratch(b)),
            stepper.STRCMP: (scratch(a), scratch(b)),
            stepper.SPIN: (MODLIST_LOCK, 0),
            stepper.DRAW: (7**a + b, 0),
        }
        pair.step(number, *arguments.get(number, (a - 1, b)))


COPIES = st.lists(st.sampled_from([b"mod1_sym0", b"mod", b"1_sym2", b"0", b"k", b"kk", b"\xa5", b"x"]), max_size=5)


@bounded(60)
@given(COPIES)
def test_judging_wrong_names_is_alike(parts: Sequence[bytes]) -> None:
    pair = Pair()
    pair.write(scratch(0), b"".join(parts).ljust(NAME_BYTES - 1, b"\0"))
    pair.step(stepper.JUDGE_WRONG, scratch(0))
    pair.step(stepper.JUDGE_NAME, pair.target(4), scratch(0))


@pytest.mark.parametrize("link", [0, 8, LIST_POISON1, 0x6B6B_6B6B_6B6B_6B6B, -16, LOW + 4])
def test_a_lookup_along_a_bad_link_oopses_alike(link: int) -> None:
    pair = Pair()
    pair.poke(MODULES, link)
    assert pair.step(stepper.LOOKUP, pair.address_of(0), area_address(0) + NAMEBUF) == CAUSE_WILD


def test_a_lookup_in_a_freed_module_hits_the_shadow_and_oopses_alike() -> None:
    pair = Pair()
    mod = loaded_modules(pair.python)["mod3"]
    pair.step(stepper.KFREE, mod)
    log = pair.python.map.log(0)
    assert pair.step(stepper.LOOKUP, pair.address_of(0), area_address(0) + NAMEBUF) == CAUSE_WILD
    assert pair.python.peek(log + HIT_ADDRESS) in range(mod, mod + 256)
    assert pair.python.peek(log + FAULT_ADDRESS) - 0x6B6B_6B6B_6B6B_6B6B in range(MODULE_BYTES)


DAMAGE = ("none", "unload", "free", "link", "symtab", "name")


def damage(pair: Pair, how: str, which: int) -> None:
    """Do something to module `which`, which readers will stumble over, on both machines."""
    mod = loaded_modules(pair.python)[f"mod{which}"]
    if how == "unload":
        pair.step(stepper.RMMOD, name_in_image(pair.python, which))
    elif how == "free":
        pair.step(stepper.KFREE, mod)
    elif how == "name":
        pair.write(pair.python.peek(mod + STRTAB) + 1, b"mod9_sym0")
    elif how != "none":
        pair.poke(mod + (SYMTAB if how == "symtab" else 0), LIST_POISON1)


@bounded(25)
@given(st.sampled_from(DAMAGE), NUMBERS, st.lists(NUMBERS, min_size=1, max_size=4))
def test_the_evidence_of_violations_is_kept_alike(how: str, which: int, reads: Sequence[int]) -> None:
    pair = Pair()
    damage(pair, how, which)
    for read in (*reads, which):
        pair.step(stepper.READ, pair.target(read * 3), area_address(0) + NAMEBUF)
    pair.step(stepper.NESTED, pair.target(0), pair.python.map.bound - 8)
    slots = range(pair.python.map.reports, pair.python.map.reports + SLOTS_BYTES, SLOT_BYTES)
    assert any(pair.python.peek(slot) for slot in slots)


def test_a_lookup_with_a_wild_symbol_table_oopses_alike() -> None:
    pair = Pair()
    mod = loaded_modules(pair.python)["mod2"]
    pair.poke(mod + SYMTAB, LIST_POISON1)
    address = pair.python.peek(mod + MODULE_CORE)
    assert pair.step(stepper.LOOKUP, address, area_address(0) + NAMEBUF) == CAUSE_WILD


def test_a_module_in_use_a_full_heap_and_a_missing_name_are_refused_alike() -> None:
    pair = Pair()
    mod = loaded_modules(pair.python)["mod1"]
    pair.poke(mod + REFCOUNT, 1)
    refused = [pair.step(stepper.RMMOD, name_in_image(pair.python, 1))]
    pair.step(stepper.RMMOD, name_in_image(pair.python, 2))
    refused.append(pair.step(stepper.RMMOD, name_in_image(pair.python, 2)))
    while pair.step(stepper.KMALLOC, pair.python.peek(image_of(pair.python, 2) + IMAGE_BYTES)) != 0:
        pass
    refused += [pair.step(stepper.INSMOD, image_of(pair.python, which)) for which in (2, 0)]
    assert refused == [-11, -2, -12, -17]


def test_the_comparison_sees_a_single_byte_in_ram_log_and_shadow() -> None:
    pair = Pair()
    pair.assert_equal()
    heap = pair.native.map.heap
    for byte in (heap + 5, heap >> 3, pair.native.map.log(0) + LOG_BYTES - 1, pair.native.map.tables, area_address(0)):
        before = pair.native.mapping[byte]
        pair.native.mapping[byte] = before ^ 1
        with pytest.raises(AssertionError, match="differ first at"):
            pair.assert_equal()
        pair.native.mapping[byte] = before
