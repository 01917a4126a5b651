"""The rank test: its chances are those of all orders, ties never help a claim, the interval covers the truth."""

import math
import random
from itertools import combinations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from stress.results.compare.ranks import MOST_EXACT, chance_of_less, orders, ratio_of, smallest_chance, tail
from tests.results.compare.made import drawn
from tests.support import bounded

SIDE = st.lists(st.integers(0, 4).map(float), min_size=1, max_size=6)


@pytest.mark.parametrize(("n", "m"), [(1, 1), (1, 4), (2, 3), (3, 3), (4, 3), (5, 4)])
def test_the_chances_are_those_of_all_orders(n: int, m: int) -> None:
    won = [
        sum(low < high for low in places for high in set(range(n + m)) - set(places))
        for places in combinations(range(n + m), n)
    ]
    assert orders(n, m) == [won.count(u) for u in range(n * m + 1)]
    assert [tail(u, n, m) for u in range(n * m + 1)] == [
        pytest.approx(sum(one >= u for one in won) / len(won)) for u in range(n * m + 1)
    ]


@pytest.mark.parametrize(("n", "critical"), [(4, 0), (5, 2), (6, 5), (8, 13), (10, 23), (15, 64), (20, 127)])
def test_the_critical_values_are_those_of_the_published_tables(n: int, critical: int) -> None:
    at_most = [2 * tail(n * n - u, n, n) for u in (critical, critical + 1)]
    assert at_most[0] <= 0.05 < at_most[1]


def test_beyond_what_is_counted_out_the_chances_are_never_much_too_small() -> None:
    n, m = 50, 51
    assert n * m > MOST_EXACT
    counts, total = orders(n, m), math.comb(n + m, n)
    for u in (1275, 1400, 1500, 1600, 1700):
        assert 0.99 <= tail(u, n, m) / (sum(counts[u:]) / total) <= 1.1


@bounded(200)
@given(SIDE, SIDE, st.randoms(use_true_random=False))
def test_ties_never_help_a_claim(lesser: list[float], greater: list[float], dice: random.Random) -> None:
    broken = [[value + dice.uniform(0, 0.9) for value in side] for side in (lesser, greater)]
    assert chance_of_less(lesser, greater) >= chance_of_less(*broken)


def test_what_is_all_below_has_the_smallest_chance_and_what_is_equal_the_greatest() -> None:
    assert chance_of_less([1, 2, 3], [4, 5, 6]) == pytest.approx(smallest_chance(3, 3) / 2) == pytest.approx(1 / 20)
    assert chance_of_less([4, 5, 6], [1, 2, 3]) == chance_of_less([7, 7], [7, 7]) == 1.0
    assert smallest_chance(1, 1) == 1.0


def test_the_ratio_is_that_of_the_sides_and_zeros_are_equal() -> None:
    assert ratio_of([1, 2, 3], [3, 6, 9], 0.05) == (3.0, None)
    assert ratio_of([0, 0, 0, 0], [0, 0, 0, 0], 0.05) == (1.0, (1.0, 1.0))
    assert ratio_of([0, 0, 0, 0], [1, 2, 3, 4], 0.05) == (math.inf, (math.inf, math.inf))
    assert ratio_of([1, 2, 3, 4], [0, 0, 0, 0], 0.05) == (0.0, (0.0, 0.0))


def test_one_wild_repeat_does_not_move_the_ratio_far() -> None:
    plain, _ = ratio_of([10, 11, 12, 13, 14], [10, 11, 12, 13, 14], 0.05)
    wild, _ = ratio_of([10, 11, 12, 13, 14], [10, 11, 12, 13, 9000], 0.05)
    assert plain == pytest.approx(1.0)
    assert wild == pytest.approx(1.0, abs=0.15)


def test_the_interval_covers_the_truth_as_often_as_it_says_and_hardly_more() -> None:
    dice, covered = random.Random(2005), 0
    for _ in range(1000):
        _, interval = ratio_of(drawn(dice, 7, 0.2), drawn(dice, 7, 0.2, 0.8), 0.05)
        assert interval is not None
        covered += interval[0] <= 0.8 <= interval[1]
    assert 935 <= covered <= 985
