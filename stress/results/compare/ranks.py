"""The rank test of Mann and Whitney, exact, and the ratio of Hodges and Lehmann that goes with it.

It assumes no distribution: a repeat during which the host was busy is one rank, however far off it is, and zeros and
times that were cut short are ranks too. It asks one thing only: that the repeats of both sides might as well have
changed places if nothing differs.

Sources: Mann and Whitney, "On a test of whether one of two random variables is stochastically larger than the other"
(1947); Hodges and Lehmann, "Estimates of location based on rank tests" (1963).
"""

import math
from bisect import bisect_right
from collections.abc import Sequence
from functools import cache
from itertools import accumulate
from statistics import NormalDist, median

MOST_EXACT = 2_500
"""Pairs of repeats (50 on each side) up to which chances are counted out; beyond, the normal distribution will do."""


def orders(n: int, m: int) -> list[int]:
    """In how many orders of n and m values just u of the n * m pairs are won by the first side, for each u.

    The coefficients of the Gaussian binomial: the product of (1 - x^(n + i)) / (1 - x^i) for i from 1 to m.
    """
    counts = [1] + [0] * (n * m)
    for i in range(1, m + 1):
        for u in range(n * m, n + i - 1, -1):
            counts[u] -= counts[u - n - i]
        for u in range(i, n * m + 1):
            counts[u] += counts[u - i]
    return counts


@cache
def _tails(n: int, m: int) -> tuple[float, ...]:
    """For each u, the chance that the first side wins at least u pairs if nothing differs."""
    total = math.comb(n + m, n)
    sums = [part / total for part in accumulate(reversed(orders(n, m)))]
    return tuple(reversed(sums))


def tail(u: int, n: int, m: int) -> float:
    """The chance that the first side wins at least u of the n * m pairs if nothing differs."""
    pairs = n * m
    if pairs <= MOST_EXACT:
        return _tails(n, m)[u]
    return NormalDist().cdf((pairs / 2 - u + 0.5) / math.sqrt(pairs * (n + m + 1) / 12))


def chance_of_less(lesser: Sequence[float], greater: Sequence[float]) -> float:
    """One-sided p: how likely it is to see the first values so far below the others if nothing differs.

    A tie counts against that, so that p is never too small: stops are counted in buckets, and ties are common.
    """
    ordered = sorted(greater)
    won = sum(len(ordered) - bisect_right(ordered, value) for value in lesser)
    return tail(won, len(lesser), len(greater))


def smallest_chance(n: int, m: int) -> float:
    """The least two-sided p that so many values can have: one side wholly below the other."""
    return min(2 * tail(n * m, n, m), 1.0)


def _ratio(a: float, b: float) -> float:
    """How many times `a` `b` is; two zeros are equal."""
    return b / a if a else (math.inf if b else 1.0)


def ratio_of(a: Sequence[float], b: Sequence[float], level: float) -> tuple[float, tuple[float, float] | None]:
    """How many times `a` `b` is: the median over all pairs, and the interval that holds it with confidence 1 - level.

    There is no interval where there are too few values for one.
    """
    ratios = sorted(_ratio(x, y) for x in a for y in b)
    pairs = len(ratios)
    outside = bisect_right(range(pairs + 1), level / 2, key=lambda u: tail(pairs - u, len(a), len(b)))
    return median(ratios), (ratios[outside - 1], ratios[pairs - outside]) if outside else None
