"""The search for a knee: exact where runs are all alike, seldom wrong where they are not, and at an end in any case."""

import math
import random
from collections.abc import Callable

import pytest
from hypothesis import given
from hypothesis import strategies as st

from benchmarks.knees import DURATIONS, SHARE, Answer, gridded, knee_of, rising, searched, sudden, timed
from stress.campaign.sweep.knee import Nested, Search
from tests.support import bounded, part_of

TIMES = part_of(100)
MOST_WRONG = max(TIMES // 20, 3)  # what a confidence of 95 % allows, and of few answers in all but one of 30 cases
Ask = Callable[[random.Random], Answer]


def wrong(ask: Ask, knee: int) -> int:
    """How many answers were wrong."""
    return sum(ask(random.Random(seed)).wrong(knee) for seed in range(TIMES))


@pytest.mark.parametrize(
    ("curve", "most"),
    [([0.949] * 31, 150), ([0.95] * 15, 150), ([0.9] * 7 + [0.95] * 8, 120), ([0.3, 0.8, 0.94, 0.97, 1.0], 300)],
)
def test_no_more_answers_are_wrong_than_the_confidence_allows(curve: list[float], most: int) -> None:
    assert wrong(lambda dice: searched(curve, dice, most), knee_of(curve)) <= MOST_WRONG


@pytest.mark.parametrize("at_knee", [0.9499, 0.9501])
def test_among_durations_too(at_knee: float) -> None:
    mean = DURATIONS[12] / -math.log(1 - at_knee)
    knee = knee_of([1 - math.exp(-seconds / mean) for seconds in DURATIONS])
    assert knee == (12 if at_knee > SHARE else 13)
    assert wrong(lambda dice: timed(mean, dice, 150), knee) <= MOST_WRONG


@bounded(100)
@given(st.integers(1, 70).flatmap(lambda many: st.tuples(st.just(many), st.integers(0, many))))
def test_where_all_runs_are_alike_the_knee_is_found(sizes: tuple[int, int]) -> None:
    many, knee = sizes
    told = searched([float(at >= knee) for at in range(many)], random.Random(0))
    assert (told.low, told.high) == (knee - 1, knee)


@pytest.mark.parametrize("curve", [sudden(4), sudden(40), sudden(65), rising(8, 4.0)])
def test_it_takes_a_fifth_of_the_runs_of_a_grid_or_fewer(curve: list[float]) -> None:
    ask, grid = searched(curve, random.Random(1)), gridded(curve, random.Random(1))
    assert (ask.low, ask.high) == (grid.low, grid.high) or ask.high < len(curve)
    assert ask.runs * 5 <= grid.runs


@bounded(100)
@given(st.integers(1, 12), st.integers(1, 40), st.integers(0, 2**32))
def test_it_ends_whatever_runs_show_and_no_candidate_has_too_many(many: int, most: int, seed: int) -> None:
    dice = random.Random(seed)
    search = Search(many, 0.95, 0.95, most)
    while (at := search.wanted) is not None:
        assert search.next_repeat(at) <= most
        if dice.random() < 0.02:
            search.lose(at)
        else:
            search.tell(at, dice.random() < 0.9)
    assert max(one.runs.total + one.lost for one in search.tried) <= most


@bounded(60)
@given(st.lists(st.integers(0, 6), min_size=1, max_size=150))
def test_durations_are_decided_in_their_order(firsts: list[int]) -> None:
    search = Nested(6, 0.95, 0.95, 200)
    for first in firsts:
        search.tell_all([first <= at for at in range(6)])
        decided = [one.decided for one in search.tried]
        assert decided == sorted(decided, key=["below", None, "above"].index)


def test_each_candidate_errs_with_its_part_and_all_parts_together_are_the_error() -> None:
    search = Search(63, 0.95, 0.95, 500)
    for at in (*range(63), *range(63)):
        search.tell(at, True)
    parts = [1 / one.worth for one in search.tried if one.worth]
    assert parts == sorted(parts, reverse=True)
    assert parts[0] == pytest.approx(0.05 / 14)
    assert 0.049 < sum(parts) < 0.05


def test_a_race_that_shows_at_a_candidate_and_not_at_a_greater_one_is_a_contradiction() -> None:
    search = Search(15, 0.95, 0.95, 500)
    while (at := search.wanted) is not None:
        search.tell(at, at < 5)
    assert search.contradicted
    assert not search.found
    assert (search.low, search.high) == (14, 3)


def test_without_outcomes_it_is_given_up() -> None:
    search = Search(3, 0.95, 0.95, 500)
    for repeat in (1, 2, 3):
        assert search.wanted == 2
        assert search.next_repeat(2) == repeat
        search.lose(2)
    assert search.wanted is None
    assert search.given_up
    assert not search.found


def test_candidates_that_stay_undecided_are_between_the_ends_of_the_answer() -> None:
    told = searched([0.0, 0.0, 0.95, 0.95, 1.0, 1.0], random.Random(3), 200)
    assert (told.low, told.high) == (1, 4)


def test_what_is_not_decided_at_the_greatest_candidate_is_not_found() -> None:
    search = Search(2, 0.95, 0.95, 5)
    while (at := search.wanted) is not None:
        search.tell(at, at == 1)
    assert (search.low, search.high, search.found) == (0, 2, False)
