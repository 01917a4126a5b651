"""Judging a lookup: found, freed, missed and absent; when the detectors disagree; the targets that are drawn."""

import pytest

from stress.corpus import Corpus, KernelSymbol, Module, Region, Symbol
from stress.judge import lookups
from stress.judge.lookups import (
    TARGET_ADDRESS,
    TARGET_BYTES,
    TARGET_LISTED,
    TARGET_MODNAME,
    draw_target,
    judge_absence,
    judge_address,
    judge_name,
    judge_text,
)
from stress.judge.oracle import targets_of
from stress.judge.outcomes import ACCEPTABLE, MORE_OUTCOMES, OUTCOMES, Code, Outcome, forbidden_mask, with_more
from stress.judge.tables import padded
from stress.kernel.kallsyms import NAMEBUF
from stress.machine.blocks import SHADOW_FREED, SHADOW_REDZONE
from stress.machine.python_engine import PythonCpu
from stress.machine.ram import Ram
from stress.machine.words import DISAGREEMENTS, EDGES, HIT_ADDRESS, HIT_SHADOW, RANDOM, WRITERS
from tests.support import booted, python_cpu, simple_corpus


class Reader:
    """A CPU that has looked a target up, just before its judging."""

    def __init__(self) -> None:
        """Boot three modules; the target is mod1_sym2."""
        self.ram: Ram = booted(simple_corpus(3))
        self.cpu: PythonCpu = python_cpu(self.ram)
        self.ram.poke(lookups.KASAN, 1)
        self.ram.poke(WRITERS, 1)
        self.target = self.ram.peek(lookups.TARGETS) + 5 * TARGET_BYTES
        self.listed = self.ram.peek(self.target + TARGET_LISTED)

    def note_hit(self, shadow: int = SHADOW_FREED) -> None:
        """The shadow saw an access to freed memory."""
        self.ram.poke(self.cpu.log + HIT_ADDRESS, self.ram.map.heap)
        self.ram.poke(self.cpu.log + HIT_SHADOW, shadow)

    def copied(self, name: bytes) -> Code:
        """The outcome of a lookup that copied `name`."""
        buffer = self.cpu.area + NAMEBUF
        self.ram.write(buffer, padded(name))
        return Code(judge_name(self.cpu, self.target, buffer))

    def modname(self, name: bytes) -> Code:
        """The outcome of a copy of the module's name that came out as `name`, with rubbish behind its NUL."""
        buffer = self.cpu.area + NAMEBUF
        self.ram.write(buffer, (name + b"\0").ljust(128, b"?"))
        return Code(judge_text(self.cpu, self.ram.peek(self.target + TARGET_MODNAME), buffer))

    def address(self, address: int) -> Code:
        """The outcome of a lookup by name that gave `address`."""
        return Code(judge_address(self.cpu, self.target, address))

    def nothing(self, listed_before: int) -> Code:
        """The outcome of a lookup that found nothing."""
        return Code(judge_absence(self.cpu, self.target, listed_before))

    def disagreements(self) -> int:
        """How often the detectors disagreed."""
        return self.ram.peek(self.cpu.log + DISAGREEMENTS)


@pytest.fixture
def reader() -> Reader:
    """A CPU that has looked a target up."""
    return Reader()


def test_the_right_name_is_found_and_freed_if_the_shadow_saw_freed_memory(reader: Reader) -> None:
    assert reader.copied(b"mod1_sym2") == Code.FOUND
    reader.note_hit()
    assert reader.copied(b"mod1_sym2") == Code.FREED


def test_a_wrong_name_keeps_its_outcome_whatever_the_shadow_saw(reader: Reader) -> None:
    for _ in range(2):
        assert reader.copied(b"mod1_sym1") == Code.ALIEN
        assert reader.copied(b"mod1_sXm2") == Code.GARBLED
        assert reader.copied(b"mod1_sym2_sym0") == Code.TORN
        assert reader.copied(b"kkkkkkk\xa5") == Code.POISONED
        reader.note_hit()


def test_a_modules_name_is_found_only_if_it_is_whole_and_freed_if_the_shadow_saw_freed_memory(reader: Reader) -> None:
    assert reader.modname(b"mod1") == Code.FOUND
    assert {reader.modname(name) for name in (b"", b"m", b"mod", b"mod11", b"mod2")}.isdisjoint(
        {Code.FOUND, Code.FREED}
    )
    assert reader.modname(b"mod2") == Code.ALIEN
    reader.note_hit()
    assert reader.modname(b"mod1") == Code.FREED
    assert reader.modname(b"mod2") == Code.ALIEN


def test_an_address_is_found_only_if_it_is_the_targets_own(reader: Reader) -> None:
    own = reader.ram.peek(reader.target + TARGET_ADDRESS)
    assert [reader.address(address) for address in (own, own + 1, own - 64, 8)] == [Code.FOUND] + [Code.GARBLED] * 3
    reader.note_hit()
    assert [reader.address(address) for address in (own, own + 1)] == [Code.FREED, Code.GARBLED]


def test_nothing_found_is_missed_only_if_the_module_was_listed_throughout(reader: Reader) -> None:
    assert reader.nothing(1) == Code.MISSED
    reader.ram.poke(reader.listed, 2)
    assert (reader.nothing(1), reader.nothing(2)) == (Code.ABSENT, Code.ABSENT)
    reader.ram.poke(reader.listed, 3)
    assert [reader.nothing(before) for before in (1, 2, 3)] == [Code.ABSENT, Code.ABSENT, Code.MISSED]


@pytest.mark.parametrize("listed_before", [1, 2])
def test_nothing_found_on_a_walk_through_freed_memory_is_freed(reader: Reader, listed_before: int) -> None:
    reader.note_hit()
    assert reader.nothing(listed_before) == Code.FREED


def test_a_redzone_is_no_freed_memory_and_left_to_the_loop(reader: Reader) -> None:
    reader.note_hit(SHADOW_REDZONE)
    own = reader.ram.peek(reader.target + TARGET_ADDRESS)
    outcomes = [reader.copied(b"mod1_sym2"), reader.modname(b"mod1"), reader.address(own), reader.nothing(2)]
    assert outcomes == [Code.FOUND, Code.FOUND, Code.FOUND, Code.ABSENT]


def test_poison_without_a_hit_and_without_a_writer_is_a_disagreement(reader: Reader) -> None:
    assert reader.copied(b"kkkkkkk") == Code.POISONED
    assert reader.disagreements() == 1


def test_a_name_that_is_wrong_without_poison_is_never_a_disagreement(reader: Reader) -> None:
    for name in (b"mod1_sym1", b"mod1_sXm2", b"mod1_sym2_sym0"):
        reader.copied(name)
        reader.modname(name)
    assert reader.disagreements() == 0


def test_poison_in_a_modules_name_is_cross_checked_too(reader: Reader) -> None:
    assert reader.modname(b"kkkkkkk") == Code.POISONED
    assert reader.disagreements() == 1


def test_poison_is_no_disagreement_with_a_hit_or_in_a_window_or_without_a_shadow(reader: Reader) -> None:
    reader.note_hit()
    reader.copied(b"kkkkkkk")
    reader.ram.poke(reader.cpu.log + HIT_ADDRESS, 0)
    reader.ram.poke(reader.cpu.log + EDGES, 1)
    reader.copied(b"kkkkkkk")
    reader.ram.poke(reader.cpu.log + EDGES, 0)
    reader.ram.poke(lookups.KASAN, 0)
    reader.copied(b"kkkkkkk")
    assert reader.disagreements() == 0


def test_targets_have_the_padded_name_the_address_and_the_word_of_their_modules_slot(reader: Reader) -> None:
    expected = simple_corpus(3).modules[1].symbols[2]
    assert reader.ram.mapping[reader.target : reader.target + 128] == padded(b"mod1_sym2")
    assert reader.ram.peek(reader.target + TARGET_ADDRESS) == expected.value
    words = {reader.ram.peek(reader.target + TARGET_LISTED + step * TARGET_BYTES) for step in (-2, -1, 0)}
    assert words == {reader.listed}
    assert reader.ram.peek(reader.target + TARGET_LISTED + TARGET_BYTES) != reader.listed


def test_every_target_is_drawn(reader: Reader) -> None:
    reader.ram.poke(reader.cpu.log + RANDOM, 1)
    first = reader.ram.peek(lookups.TARGETS)
    assert {draw_target(reader.cpu) for _ in range(300)} == {first + n * TARGET_BYTES for n in range(9)}


def symbol(value: int, name: str, shndx: int = 1) -> Symbol:
    """A symbol of a corpus."""
    return Symbol(value, 8, shndx, 2, name)


def test_targets_are_the_first_names_of_core_addresses_that_stand_nowhere_else() -> None:
    first = (
        symbol(0x1000, "own"),
        symbol(0x1000, "alias"),
        symbol(0x1010, "shared"),
        symbol(0x1020, "in_kernel"),
        symbol(0x1030, "second"),
        symbol(0x1040, "undefined", shndx=0),
        symbol(0x1050, "$d.1"),
        symbol(0x5000, "in_init"),
        symbol(0x9000, "outside"),
        symbol(0x1060, "n" * 127 + "a"),
        symbol(0x1070, "m" * 127 + "a"),
    )
    second = (symbol(0x3000, "shared"), symbol(0x3010, "n" * 127 + "b"))
    none = Region(0, 0, 0)
    corpus = Corpus(
        "made for a test",
        0,
        (KernelSymbol(0x10, "in_kernel"),),
        (
            Module("first", Region(0x1000, 0x100, 0x100), Region(0x5000, 0x100, 0x100), first),
            Module("second", Region(0x3000, 0x100, 0x100), none, second),
        ),
    )
    expected = [(0x1000, b"own", 0), (0x1070, b"m" * 127, 0)]
    assert [(target.address, target.name, target.slot) for target in targets_of(corpus)] == expected


def test_forbidden_is_every_number_that_is_not_graded_acceptable_and_never_the_unjudged() -> None:
    mask = forbidden_mask(OUTCOMES)
    acceptable = {code for code in range(1, 32) if not mask >> code & 1}
    assert acceptable == {Code.FOUND, Code.ABSENT}
    assert not mask & 1
    assert mask < 1 << 32


def test_a_scenarios_own_outcome_is_acceptable_only_if_it_says_so() -> None:
    own = {**OUTCOMES, "skipped": Outcome(11, "skipped", ACCEPTABLE, "legal under churn")}
    assert forbidden_mask(OUTCOMES) ^ forbidden_mask(own) == 1 << 11
    assert forbidden_mask({}) == (1 << 32) - 2


def test_of_the_outcomes_that_scenarios_add_only_right_is_acceptable() -> None:
    added = forbidden_mask(OUTCOMES) ^ forbidden_mask(with_more(*MORE_OUTCOMES))
    assert added == 1 << Code.RIGHT
    assert with_more("going").keys() == {*OUTCOMES, "going"}


def test_outcomes_are_numbered_in_the_order_in_which_the_first_that_fits_is_taken() -> None:
    order = ["wild", "endless", "poisoned", "torn", "alien", "freed", "missed", "garbled", "absent", "found"]
    assert sorted(OUTCOMES, key=lambda name: OUTCOMES[name].code) == order
    assert {OUTCOMES[name].code for name in order} == set(range(1, 11))
