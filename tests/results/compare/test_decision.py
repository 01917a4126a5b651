"""Which differences are real: one level over all tests; a test that cannot tell anything weakens none of the others."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from stress.results.compare import fisher
from stress.results.compare.decision import decide, holm, limit_of, repeats_needed
from stress.results.compare.ranks import chance_of_less, smallest_chance
from tests.support import bounded

CHANCES = st.lists(st.floats(1e-6, 1.0), max_size=30)


def test_chances_are_held_together_as_holm_says() -> None:
    assert holm([0.01, 0.04, 0.03, 0.005]) == pytest.approx([0.03, 0.06, 0.06, 0.02])
    assert holm([0.9, 0.8]) == [1.0, 1.0]
    assert holm([]) == []


@bounded(200)
@given(CHANCES)
def test_no_chance_gets_smaller_and_their_order_stays(chances: list[float]) -> None:
    together = holm(chances)
    assert all(new >= old for new, old in zip(together, chances, strict=True))
    ordered = sorted(range(len(chances)), key=chances.__getitem__)
    assert [together[at] for at in ordered] == sorted(together)


@bounded(200)
@given(CHANCES)
def test_all_that_is_worth_doing_could_come_out_and_all_is_that_could_come_out_together(least: list[float]) -> None:
    limit = limit_of(least, 0.05)
    able = sorted(one for one in least if one <= limit)
    assert all(one * len(able) <= 0.05 * (1 + 1e-9) for one in able)
    if all(one * len(least) <= 0.05 for one in least):
        assert len(able) == len(least)


def test_tests_that_cannot_tell_are_none_and_do_not_count() -> None:
    told = decide([(0.004, 0.004), *[(1.0, 1.0)] * 50], 0.05)
    assert told == [pytest.approx(0.004), *[None] * 50]
    assert decide([(0.1, 0.1)] * 3, 0.05) == [None] * 3


@bounded(200)
@given(st.integers(2, 200), st.integers(1, 199), st.integers(1, 1000))
def test_so_many_repeats_as_are_said_to_do_for_a_share_will_do_and_one_less_will_not(
    of: int, good: int, tests: int
) -> None:
    good = min(good, of - 1)

    def least(repeats: int) -> float:
        rare = 2 * repeats * min(good, of - good) // of
        return fisher.smallest_chance((rare, repeats), (0, repeats))

    needed = fisher.repeats_needed(good, of, 0.05 / tests)
    assert least(needed) <= 0.05 / tests < least(needed - 1)


def test_a_share_of_a_half_needs_no_more_repeats_than_ranks_and_one_nearer_to_all_or_none_more() -> None:
    assert fisher.repeats_needed(8, 16, 0.05 / 20) == repeats_needed(20, 0.05) == 6
    more, most = ({fisher.repeats_needed(good, 16, 0.05 / 20) for good in (rare, 16 - rare)} for rare in (5, 1))
    assert (more, most) == ({13}, {80})


@pytest.mark.parametrize("tests", [1, 2, 5, 10, 28, 140, 1000])
def test_so_many_repeats_as_are_said_to_do_will_do_and_one_less_will_not(tests: int) -> None:
    def apart(repeats: int) -> list[float | None]:
        side = [float(value) for value in range(repeats)]
        p = 2 * chance_of_less(side, [value + 1000 for value in side])
        return decide([(p, smallest_chance(repeats, repeats))] * tests, 0.05)

    needed = repeats_needed(tests, 0.05)
    assert all(p is not None and p <= 0.05 for p in apart(needed))
    assert apart(needed - 1) == [None] * tests


def test_fishers_chances_are_those_of_his_tea() -> None:
    """The lady who told four cups out of eight, three of them right: the example of his book of 1935."""
    fewer, more = fisher.chances((1, 4), (3, 4))
    assert more == pytest.approx(17 / 70)
    assert fewer == pytest.approx(69 / 70)
    assert fisher.smallest_chance((1, 4), (3, 4)) == pytest.approx(2 / 70)


def test_where_all_or_none_are_as_expected_there_is_nothing_to_test() -> None:
    assert fisher.smallest_chance((8, 8), (5, 5)) == fisher.smallest_chance((0, 8), (0, 5)) == 1.0
    assert fisher.chances((8, 8), (5, 5)) == (1.0, 1.0)
