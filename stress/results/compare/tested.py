"""One figure of one cell, tested: how the sides stand, how far apart, and how likely that is if nothing differs."""

import math
from collections.abc import Iterator, Sequence
from statistics import median

import attrs

from stress.results.compare import decision, fisher, ranks
from stress.results.compare.facts import bad_end, expected, facts_of
from stress.results.compare.figures import FIGURES, Figure, figure_of
from stress.results.compare.pairing import Pair
from stress.results.compare.terms import Terms
from stress.results.load.entries import EXPECTED

AS_EXPECTED = "as expected"
RANKS, FISHER = "Mann-Whitney", "Fisher"


@attrs.frozen(kw_only=True)
class Tested:
    """A figure on both sides: `a` and `b` are medians, or shares of the repeats; `repeats` how many had it.

    `ratio` is B to A, `interval` holds it with confidence 1 - level; None where there is none. `p` is two-sided and not
    corrected yet, `least_p` the smallest that so many repeats could have given, `worse` to which side B is off.
    """

    name: str
    unit: str
    test: str
    a: float
    b: float
    repeats: tuple[int, int]
    ratio: float | None
    interval: tuple[float, float] | None
    p: float
    least_p: float
    worse: bool

    def repeats_needed(self, tests: int, level: float) -> int:
        """How many repeats on each side can tell, in so many tests at once; of shares, if these stay as they are."""
        if self.test == RANKS:
            return decision.repeats_needed(tests, level)
        return fisher.repeats_needed(self.good, sum(self.repeats), level / tests)

    @property
    def good(self) -> int:
        """Of a share: how many repeats of both sides together are as expected."""
        return round(self.a * self.repeats[0]) + round(self.b * self.repeats[1])

    @property
    def distance(self) -> float:
        """How far apart the sides are, as a factor: 2 where one is twice or half the other; of shares, of 1 + each."""
        ratio = (1 + self.b) / (1 + self.a) if self.ratio is None else self.ratio
        return max(ratio, 1 / ratio) if ratio else math.inf


def two_sided(worse: float, better: float) -> tuple[float, bool]:
    """Two one-sided p as one, and whether it speaks for "worse"."""
    return min(2 * min(worse, better), 1.0), worse < better


def test_ranks(a: Sequence[float], b: Sequence[float], more_is_better: bool, tolerance: float) -> tuple[float, bool]:
    """The p of "more than the tolerance apart", and whether B is the worse one.

    B has to be worse than A made worse by the tolerance, or A worse than B made so: whichever side is called A.
    """
    keep = 1 - tolerance
    less = ranks.chance_of_less(b, [keep * value for value in a])
    more = ranks.chance_of_less(a, [keep * value for value in b])
    return two_sided(less, more) if more_is_better else two_sided(more, less)


def tested(pair: Pair, terms: Terms) -> Iterator[Tested]:
    """Every figure that both sides of a cell have, and how often it was as expected, unless it always was or never."""
    for figure in FIGURES:
        a, b = figure_of(figure, pair.a), figure_of(figure, pair.b)
        if a and b:
            yield _by_ranks(figure, a, b, terms)
    a, b = _as_expected(pair)
    if a[1] and b[1] and 0 < a[0] + b[0] < a[1] + b[1]:
        yield _by_fisher(a, b)


def _by_ranks(figure: Figure, a: Sequence[float], b: Sequence[float], terms: Terms) -> Tested:
    """A figure that varies from repeat to repeat."""
    ratio, interval = ranks.ratio_of(a, b, terms.level)
    p, worse = test_ranks(a, b, figure.more_is_better, terms.tolerance)
    return Tested(
        name=figure.name, unit=figure.unit, test=RANKS, a=median(a), b=median(b), repeats=(len(a), len(b)), ratio=ratio,
        interval=interval, p=p, least_p=ranks.smallest_chance(len(a), len(b)), worse=worse,
    )  # fmt: skip


def _by_fisher(a: tuple[int, int], b: tuple[int, int]) -> Tested:
    """How often a cell had the expected verdict."""
    p, worse = two_sided(*fisher.chances(a, b))
    return Tested(
        name=AS_EXPECTED, unit="", test=FISHER, a=a[0] / a[1], b=b[0] / b[1], repeats=(a[1], b[1]), ratio=None,
        interval=None, p=p, least_p=fisher.smallest_chance(a, b), worse=worse,
    )  # fmt: skip


def _as_expected(pair: Pair) -> tuple[tuple[int, int], tuple[int, int]]:
    """How many of how many repeats of each side are as expected.

    Repeats of B whose end is a fact are left out: each way in which B is worse counts once.
    """
    known, facts = expected(pair.a), {fact.end for fact in facts_of(pair)}
    b = [entry for entry in pair.b if bad_end(entry, known) not in facts]
    good = sum(entry.standing == EXPECTED and bad_end(entry, known) is None for entry in b)
    return (sum(entry.standing == EXPECTED for entry in pair.a), len(pair.a)), (good, len(b))
