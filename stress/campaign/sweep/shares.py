"""Whether a share of runs is at least, or less than, what it is held against: tests that may look after every run.

Each test is a bet against what it is to refute. Its worth, which begins at 1, is a supermartingale if that is true, and
by Ville's inequality it then ever reaches 1/error with a chance of at most `error`, however often it is looked at and
whenever one stops. The bets are mixtures over all shares on the other side (Robbins, 1970).
"""

import math
from collections.abc import Callable

import attrs

STEPS = 40
"""How often a bound is halved in on: to 1e-12."""
NOTHING = 1e-17
"""The share of a sum below which further terms, each a smaller part of the last, do not change it."""
MOST_LOG = 700.0
"""The logarithm of what is as good as infinite."""


def _mixture(against: int, beside: int, odds: float) -> float:
    """The capital of a bet on all shares on one side alike, held against a share whose odds are `odds`.

    `against` runs lowered it and `beside` runs raised it. It is an incomplete beta integral over the likelihood at that
    share, as a finite sum of positive terms, so that nothing cancels.
    """
    term = total = 1 / (against + 1)
    for at in range(beside):
        term *= (beside - at) / (against + 2 + at) * odds
        total += term
        if term < total * NOTHING:
            break
    return total


def bet_below(shown: int, missed: int, share: float) -> float:
    """The capital of a bet that less than `share` of all runs show it; its mean is at most 1 if at least that do."""
    return _mixture(shown, missed, share / (1 - share))


def bet_above(shown: int, missed: int, share: float) -> float:
    """The capital of a bet that more than `share` of all runs show it; its mean is at most 1 if at most that do.

    Half of the stake is on runs that all show it, which is what races do that are not rare.
    """
    never_missed = 0.0 if missed else math.exp(min(-shown * math.log(share), MOST_LOG))
    return (never_missed + _mixture(missed, shown, (1 - share) / share)) / 2


@attrs.frozen
class Runs:
    """Runs that showed it, and that missed it."""

    shown: int = 0
    missed: int = 0

    @property
    def total(self) -> int:
        """How many runs."""
        return self.shown + self.missed

    def and_one(self, shown: bool) -> "Runs":
        """One more."""
        return Runs(self.shown + shown, self.missed + (not shown))

    def bounds(self, confidence: float) -> tuple[float, float]:
        """Bounds on the share that shows it, which hold with `confidence` whenever the runs were stopped.

        They are the least and the greatest share that neither test refutes, each with half of the error.
        """
        worth = 2 / (1 - confidence)
        lower = _turn(lambda share: bet_above(self.shown, self.missed, share) >= worth)
        upper = _turn(lambda share: bet_below(self.shown, self.missed, share) < worth)
        return (lower if self.shown else 0.0), (upper if self.missed else 1.0)


def _turn(holds: Callable[[float], bool]) -> float:
    """Up to which share something holds that holds for all lesser ones too."""
    low, high = 0.0, 1.0
    for _ in range(STEPS):
        middle = (low + high) / 2
        low, high = (middle, high) if holds(middle) else (low, middle)
    return (low + high) / 2
