"""Trials and catches: what a rate of violations is made of, so that one piece of damage counts once.

Operations that overlap the same change see what it did together, and memory that was damaged once may be seen to be
damaged ever after: neither windows nor violations are independent. What is independent is a *trial*: a change that
readers overlapped, on a machine whose memory no earlier violation has touched. So a machine is in trial up to its first
violation, which is its one *catch*; the next slice boots another machine. A rate is catches per trial.

With a constant rate, and machines that are watched until they are caught or their slice ends, the trials until so many
catches are distributed as of a censored exponential sample: the catches bound the rate like a Poisson count (Epstein
and Sobel 1953). For rates that are not small these bounds are wider than the exact binomial ones, never narrower.
"""

import math

import attrs

from stress.units import show_bound

ONE_SIDED_95 = 1.645
RULE_OF_THREE = 3.0
SHORTFALL = 0.016
"""The approximation of an upper bound is too low by less than this, divided by the root of the events."""


def lower_bound(events: int) -> float:
    """The lower 95 % bound on the expected count where `events` were seen, a Poisson count.

    The cube-root approximation of Wilson and Hilferty (1931) to the chi-squared quantile, never too high.
    """
    if events == 0:
        return 0.0
    return float(events * max(1 - 1 / (9 * events) - ONE_SIDED_95 / (3 * math.sqrt(events)), 0.0) ** 3)


def upper_bound(events: int) -> float:
    """The upper 95 % bound on the expected count: 3 for none (the rule of three), else by the same approximation.

    It is raised by what the approximation may fall short, so that it is never too low.
    """
    if events == 0:
        return RULE_OF_THREE
    more = events + 1
    approximation = more * (1 - 1 / (9 * more) + ONE_SIDED_95 / (3 * math.sqrt(more))) ** 3
    return float(approximation + SHORTFALL / math.sqrt(events))


@attrs.frozen
class Trials:
    """How many trials there were, and how many of them were caught; added up over slices and runs.

    `independent` is False if some are race windows and violations, which is all that earlier versions wrote down.
    """

    trials: int = 0
    catches: int = 0
    independent: bool = True

    def __add__(self, other: "Trials") -> "Trials":
        both = self.independent and other.independent
        return Trials(self.trials + other.trials, self.catches + other.catches, both)

    @property
    def rate(self) -> float | None:
        """Catches per trial; None without trials."""
        return min(self.catches / self.trials, 1.0) if self.trials else None

    @property
    def lower_95(self) -> float | None:
        """The lower 95 % bound on that rate; None without trials."""
        return min(lower_bound(self.catches) / self.trials, 1.0) if self.trials else None

    @property
    def upper_95(self) -> float | None:
        """The upper 95 % bound on that rate; None without trials."""
        return min(upper_bound(self.catches) / self.trials, 1.0) if self.trials else None

    @property
    def unit(self) -> str:
        """What a trial is."""
        return "overlapped change" if self.independent else "race window"


def bound_text(caught: Trials) -> str:
    """Trials, catches and the bound on their rate, in words."""
    if caught.upper_95 is None:
        return "no trials"
    counted = f"{caught.trials:,} {caught.unit}{'' if caught.trials == 1 else 's'}, {caught.catches:,} caught"
    return f"{counted}; at most {show_bound(caught.upper_95)} per {caught.unit.split()[-1]} (95 %)"


def windows_as_trials(windows: int, violations: int) -> Trials:
    """What there is of a run by an earlier version: every window counts as a trial, every violation as a catch."""
    return Trials(windows, violations, independent=False)


def trials_of_slice(overlapped: int, windows: int, first_trials: list[int]) -> Trials:
    """The trials of one machine, which readers watched through so many race windows.

    `overlapped` is how many changes the writers found overlapped; `first_trials` has, of each CPU that saw a
    violation, the number of the trial in which it saw its first. Several writers may each count one window for a change
    of their own, so there are never more trials than windows.
    """
    if first_trials:
        return Trials(max(min(*first_trials, windows), 1), 1)
    return Trials(min(overlapped, windows), 0)
