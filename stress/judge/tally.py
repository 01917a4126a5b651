"""Counts of a run: harvested from RAM when a machine is off, added up over its slices."""

from collections import Counter
from collections.abc import Mapping

import attrs

from stress.judge.outcomes import Outcome, names_of
from stress.judge.trials import Trials, trials_of_slice
from stress.kernel import updates
from stress.kernel.module import LOADS, UNLOADS
from stress.machine.latency import BUCKETS, percentile
from stress.machine.ram import Ram
from stress.machine.words import (
    DISAGREEMENTS,
    FIRST_TRIAL,
    FIRST_VIOLATION,
    LATENCIES,
    MOST_OUTCOMES,
    OUTCOMES,
    OVERLAPPED,
    VIOLATIONS,
    WINDOWS,
)


@attrs.frozen
class Updates:
    """What updates of a structure cost: how many there were, their times in nanoseconds, blocks that waited for a free.

    `waiting` is the sum of those that waited at the end of each update, `most_waiting` the largest; `memory_short` how
    often there was no memory for an object.
    """

    count: int = 0
    nanoseconds: int = 0
    longest: int = 0
    waiting: int = 0
    most_waiting: int = 0
    memory_short: int = 0

    def __add__(self, other: "Updates") -> "Updates":
        return Updates(
            self.count + other.count,
            self.nanoseconds + other.nanoseconds,
            max(self.longest, other.longest),
            self.waiting + other.waiting,
            max(self.most_waiting, other.most_waiting),
            self.memory_short + other.memory_short,
        )

    def as_json(self) -> dict[str, float | int] | None:
        """The object `updates` of a run's JSON; None without any."""
        if not self.count:
            return None
        return {
            "count": self.count,
            "mean_us": round(self.nanoseconds / self.count / 1000, 3),
            "max_us": self.longest / 1000,
            "waiting_mean": round(self.waiting / self.count, 3),
            "waiting_max": self.most_waiting,
            "memory_short": self.memory_short,
        }


def updates_of(ram: Ram) -> Updates:
    """What one machine's updates cost."""
    return Updates(
        _total(ram, updates.UPDATES),
        _total(ram, updates.UPDATES_TOOK),
        max(_noted(ram, updates.LONGEST_UPDATE), default=0),
        _total(ram, updates.WAITING_SUM),
        max(_noted(ram, updates.MOST_WAITING), default=0),
        _total(ram, updates.MEMORY_SHORT),
    )


@attrs.define
class Tally:
    """What was counted in `seconds` of a scenario's own time; `first_violation_s` is on the same clock.

    `caught` is what rates and bounds are made of: see `stress.judge.trials`. `trial_seconds` is the time of all
    machines in trial, each up to its first violation; None if a part is by an earlier version, which did not count it.
    """

    seconds: float = 0.0
    lookups: int = 0
    loads: int = 0
    unloads: int = 0
    race_windows: int = 0
    violations: int = 0
    disagreements: int = 0
    first_violation_s: float | None = None
    outcomes: Counter[str] = attrs.field(factory=Counter)
    latencies: list[int] = attrs.field(factory=lambda: [0] * BUCKETS)
    caught: Trials = attrs.field(factory=Trials)
    updates: Updates = attrs.field(factory=Updates)
    trial_seconds: float | None = 0.0

    def add(self, ram: Ram, graded: Mapping[str, Outcome], started_ns: int, seconds: float) -> None:
        """Add one slice of `seconds`, whose machine started at `started_ns` and is off."""
        sums = [sum(column) for column in zip(*ram.log_words(OUTCOMES, MOST_OUTCOMES), strict=True)]
        named = zip(names_of(graded), sums, strict=True)
        self.outcomes.update({name: count for name, count in named if count})
        self.lookups += sum(sums)
        self.loads += _total(ram, LOADS)
        self.unloads += _total(ram, UNLOADS)
        windows = _total(ram, WINDOWS)
        self.race_windows += windows
        self.violations += _total(ram, VIOLATIONS)
        self.caught += trials_of_slice(_total(ram, OVERLAPPED), windows, _noted(ram, FIRST_TRIAL))
        self.disagreements += _total(ram, DISAGREEMENTS)
        self.updates += updates_of(ram)
        histograms = ram.log_words(LATENCIES, BUCKETS)
        self.latencies = [sum(column) for column in zip(self.latencies, *histograms, strict=True)]
        firsts = _noted(ram, FIRST_VIOLATION)
        first = (min(firsts) - started_ns) / 1e9 if firsts else None
        if first is not None and self.first_violation_s is None:
            self.first_violation_s = self.seconds + first
        # A violation that is found when the machine is off comes after its time.
        self.trial_seconds = _sum(self.trial_seconds, seconds if first is None else min(first, seconds))
        self.seconds += seconds

    def joined(self, later: "Tally") -> "Tally":
        """Both together, as if the other one's time came after this one's."""
        first = self.first_violation_s
        if first is None and later.first_violation_s is not None:
            first = self.seconds + later.first_violation_s
        return Tally(
            self.seconds + later.seconds,
            self.lookups + later.lookups,
            self.loads + later.loads,
            self.unloads + later.unloads,
            self.race_windows + later.race_windows,
            self.violations + later.violations,
            self.disagreements + later.disagreements,
            first,
            self.outcomes + later.outcomes,
            [mine + other for mine, other in zip(self.latencies, later.latencies, strict=True)],
            self.caught + later.caught,
            self.updates + later.updates,
            _sum(self.trial_seconds, later.trial_seconds),
        )

    @property
    def mean_to_catch_s(self) -> float | None:
        """How long a machine runs on average until it is caught; None where that is not known."""
        catches = self.caught.catches if self.caught.independent else 0
        return self.trial_seconds / catches if catches and self.trial_seconds is not None else None

    @property
    def stops(self) -> int:
        """How often the machine was stopped."""
        return sum(self.latencies)

    def stop_latency_us(self, share: float) -> float | None:
        """The time of a stop, from its first state to its last, that `share` of all do not exceed, in microseconds."""
        nanoseconds = percentile(self.latencies, share)
        return None if nanoseconds is None else nanoseconds / 1000


def _sum(one: float | None, other: float | None) -> float | None:
    """Both together; None if either is not known."""
    return None if one is None or other is None else one + other


def _noted(ram: Ram, offset: int) -> list[int]:
    """A word of every CPU that has stored it."""
    return [word for [word] in ram.log_words(offset) if word]


def _total(ram: Ram, offset: int) -> int:
    """The sum of a counter over all CPUs."""
    return sum(count for [count] in ram.log_words(offset))
