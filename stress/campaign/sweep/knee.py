"""The search for a knee: the smallest of some candidates at which a race shows in at least a given share of runs.

The search assumes that no candidate shows it less often than a smaller one, and says when runs contradict that.
A search says which candidate runs next, and gets the result; it starts nothing and has no clock.
Called by `stress.campaign.sweep.finding`, which has the cells.
"""

import math
from collections.abc import Sequence

import attrs

from stress.campaign.sweep.shares import Runs, bet_above, bet_below

LEANING = 2.0
"""The capital that the bet on "above" needs before a lesser candidate is tried: enough to guess, not to decide."""
MOST_LOST = 3
"""Runs without an outcome after which a search is given up."""


@attrs.define
class Tried:
    """What is known of one candidate.

    `worth` is the capital at which a bet decides, None while nothing has been run; `decided` is "above" or
    "below" once one has, and until then it may be `leaning` to be above. `lost` runs had no outcome.
    """

    runs: Runs = attrs.field(factory=Runs)
    lost: int = 0
    worth: float | None = None
    decided: str | None = None
    leaning: bool = False

    def take(self, shown: bool, share: float) -> None:
        """One more run; once it is decided none counts any more, so that the counts are those that decided."""
        if self.decided is None and self.worth is not None:
            self.runs = self.runs.and_one(shown)
            above = bet_above(self.runs.shown, self.runs.missed, share)
            below = bet_below(self.runs.shown, self.runs.missed, share)
            self.decided = "above" if above >= self.worth else "below" if below >= self.worth else None
            self.leaning = self.decided is None and above >= LEANING


@attrs.define
class Search:
    """A search among candidates, which are numbered from the smallest on, each of which has runs of its own.

    The error, 1 - `confidence`, is dealt out to candidates in the order in which they are first tried: a decision on
    one is wrong with at most its part, whatever was tried before, since its runs are new; and only one of the two
    decisions can be wrong. `most` is how many runs a candidate gets.
    """

    candidates: int
    share: float
    confidence: float
    most: int
    tried: list[Tried] = attrs.field(init=False)

    def __attrs_post_init__(self) -> None:
        self.tried = [Tried() for _ in range(self.candidates)]

    @property
    def low(self) -> int:
        """The greatest candidate that was decided to be below, -1 if none was."""
        return max((at for at, one in enumerate(self.tried) if one.decided == "below"), default=-1)

    @property
    def high(self) -> int:
        """The smallest candidate that was decided to be above; as many as there are if none was."""
        return min((at for at, one in enumerate(self.tried) if one.decided == "above"), default=self.candidates)

    @property
    def contradicted(self) -> bool:
        """Whether the race shows more often at a candidate than at a greater one."""
        return self.low > self.high

    @property
    def given_up(self) -> bool:
        """Whether too many runs had no outcome."""
        return sum(one.lost for one in self.tried) >= MOST_LOST

    @property
    def found(self) -> bool:
        """Whether the knee is known to lie between two candidates that were decided, or to be the smallest of all."""
        sound = self.wanted is None and not self.given_up and not self.contradicted
        return sound and self.high < self.candidates and (self.low >= 0 or self.high == 0)

    @property
    def wanted(self) -> int | None:
        """Which candidate is to be run next; None if the search is over."""
        if self.given_up or self.contradicted:
            return None
        last = self.candidates - 1
        if self.low == last:
            return self._doubted()
        if self._open(last) and not self.tried[last].leaning:
            return last
        spent = [at for at in range(self.low + 1, self.high) if not self._open(at)]
        if not spent:
            return self._between(self.low, self.high)
        below = self._between(self.low, spent[0])
        return self._between(spent[-1], self.high) if below is None else below

    def _open(self, at: int) -> bool:
        """Whether a candidate is undecided and has runs left."""
        one = self.tried[at]
        return one.decided is None and one.runs.total + one.lost < self.most

    def _between(self, low: int, high: int) -> int | None:
        """Which of the open candidates between two others is to be run.

        The middle one of those below the first that leans to be above; then that one, until it is decided.
        """
        top = next((at for at in range(low + 1, high) if self.tried[at].leaning), high)
        if top > low + 1:
            return (low + top) // 2
        return top if top < high else None

    def _doubted(self) -> int | None:
        """Where the race does not show at the greatest candidate: a lesser one, where it should not show either."""
        at = self.candidates - 1
        while at > 0:
            at //= 2
            if self._open(at):
                return at
        return None

    def next_repeat(self, at: int) -> int:
        """Which run of a candidate comes next, counted from 1."""
        return self.tried[at].runs.total + self.tried[at].lost + 1

    def lose(self, at: int) -> None:
        """The next run of a candidate had no outcome."""
        self.tried[at].lost += 1

    def tell(self, at: int, shown: bool) -> None:
        """Whether the next run of a candidate has shown the race."""
        one = self.tried[at]
        one.worth = one.worth or 1 / self._error()
        one.take(shown, self.share)

    def _error(self) -> float:
        """The part of the error that the next candidate to be tried gets.

        As many as a search by halves takes, and the greatest, share one half of it; as many more half of the rest.
        """
        usual = math.ceil(math.log2(self.candidates + 1)) + 1
        before = sum(one.worth is not None for one in self.tried)
        return float((1 - self.confidence) / usual / 2 ** (1 + before // usual))


@attrs.define
class Nested(Search):
    """A search among durations: each run is as long as the longest, and tells of every shorter one too.

    A run that shows the race within a duration shows it within any longer one, so the capital of the bets is in the
    order of the durations, after every run: if any that is below the knee is decided to be above, then so is the
    greatest of these by then, and if any other is decided to be below, then so is the knee itself. So one is wrong in
    one of two ways, however many candidates there are, and each gets half of the error.
    """

    results: int = 0

    @property
    def wanted(self) -> int | None:
        """The longest, until every candidate between the two ends is decided or there are no runs left."""
        last = self.candidates - 1
        over = self.given_up or self.low + 1 == self.high or self.next_repeat(last) > self.most
        return None if over else last

    def next_repeat(self, at: int) -> int:
        """Which run comes next, counted from 1."""
        return self.results + self.tried[at].lost + 1

    def tell_all(self, shown: Sequence[bool]) -> None:
        """Whether the next run has shown the race within each of the durations."""
        self.results += 1
        for one, within in zip(self.tried, shown, strict=True):
            one.worth = 2 / (1 - self.confidence)
            one.take(within, self.share)
