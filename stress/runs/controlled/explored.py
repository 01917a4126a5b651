"""The schedules of one scenario that were tried: what they showed, and the first of each kind, shrunk."""

import time
from collections import Counter
from collections.abc import Sequence

import attrs

from stress.errors import HarnessError
from stress.judge.trials import Trials
from stress.runs.controlled.machine import CUT, Controlled
from stress.runs.controlled.search import SEED_BITS, Search
from stress.schedule.choosing import DEPTH_FIRST, POS
from stress.schedule.schedule import Made, Run, as_runs
from stress.schedule.shrink import Shrunk, shrink
from stress.schedule.strategies.depth_first import IS_EXHAUSTED

AND = " and "
MOST_DISTINCT = 1 << 22
"""So many fingerprints are kept; there may be more distinct schedules."""


@attrs.frozen
class Found:
    """The first schedule that showed something: after how many others, and what is left of it once it is shrunk."""

    shows: tuple[str, ...]
    number: int
    seconds: float
    seed: int
    original: tuple[Run, ...]
    shrunk: Shrunk
    shrinking_s: float


@attrs.define
class Explored:
    """One scenario's schedules: how many, how many distinct ones, what they showed.

    If it `keeps` what it finds, the first of each kind too. `shown` has each schedule once, under all that it showed.
    """

    machine: Controlled
    search: Search
    keeps: bool = True
    count: int = 0
    seconds: float = 0.0
    steps: int = 0
    shown: Counter[str] = attrs.field(factory=Counter)
    found: dict[tuple[str, ...], Found] = attrs.field(factory=dict)
    is_exhausted: bool = False
    seen: set[int] = attrs.field(factory=set)
    """Their fingerprints."""

    @property
    def distinct(self) -> int:
        """How many different schedules there were."""
        return len(self.seen)

    @property
    def cpus(self) -> int:
        """The CPUs of its machine."""
        return self.machine.ram.map.cpus

    @property
    def ended(self) -> int:
        """How many were not cut: of those that were, nobody knows how they would have gone on."""
        return self.count - self.shown[CUT]

    @property
    def caught(self) -> Trials:
        """A schedule is a trial; one that showed something is a catch."""
        return Trials(self.count, self.caught_count)

    @property
    def caught_count(self) -> int:
        """The schedules that showed a violation or a stall."""
        return sum(count for name, count in self.shown.items() if name != CUT)

    def try_one(self, mixture: tuple[int, ...]) -> tuple[str, ...]:
        """Run the next schedule; what it showed."""
        strategy, seed = self._way(mixture, self.count)
        began = time.perf_counter()
        shows = self.machine.follow(strategy, seed)
        self.count += 1
        self.steps += self.machine.steps
        if len(self.seen) < MOST_DISTINCT:
            self.seen.add(self.machine.fingerprint)
        if strategy == DEPTH_FIRST:
            self.is_exhausted = bool(self.machine.state(IS_EXHAUSTED))
        self.seconds += time.perf_counter() - began
        if shows:
            self.shown[AND.join(shows)] += 1
            if self.keeps and shows != (CUT,) and shows not in self.found and self.search.keeps(shows):
                self._keep(shows, seed)
        return shows

    def _way(self, mixture: tuple[int, ...], number: int) -> tuple[int, int]:
        """The strategy and the seed of a schedule."""
        strategy = mixture[number % len(mixture)]
        # Depth first is one search: all of its schedules have the same draws.
        return strategy, (self.search.seed + (0 if strategy == DEPTH_FIRST else number)) % (1 << SEED_BITS)

    def recall(self) -> None:
        """Run the last schedule of POS again, where there was one: SURW draws from the words that it has seen."""
        mixture = self.search.mixture
        for number in reversed(range(max(self.count - len(mixture), 0), self.count)):
            strategy, seed = self._way(mixture, number)
            if strategy == POS:
                self.machine.follow(strategy, seed)
                return

    def _keep(self, shows: tuple[str, ...], seed: int) -> None:
        """Shrink the schedule that was run last."""
        original, reporter = as_runs(self.machine.made()), self.machine.reporter

        def replay(runs: Sequence[Run]) -> list[Made] | None:
            return self.machine.made() if self.machine.replay(runs, seed) == shows else None

        began = time.perf_counter()
        shrunk = shrink(original, replay, centre=reporter)
        if shrunk is None:
            raise HarnessError(
                f"{self.machine.scenario.name}: a schedule showed {' and '.join(shows)} once and not again"
            )
        self.found[shows] = Found(shows, self.count, self.seconds, seed, original, shrunk, time.perf_counter() - began)
