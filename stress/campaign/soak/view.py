"""What somebody who watches a soak sees: a snapshot, handed on whole and never changed. Threads share nothing more."""

from collections.abc import Sequence
from itertools import pairwise
from pathlib import Path

import attrs

from stress.campaign import watcher
from stress.campaign.soak.messages import Glance
from stress.campaign.soak.records import Plan, Sample, Standing
from stress.judge.trials import Trials
from stress.machine.latency import percentile

STRETCHES = 60


@attrs.frozen
class Span:
    """What happened to one scenario between two standings; rates are a second of its own time.

    `elapsed_s` is that of the later one.
    """

    elapsed_s: float
    seconds: float
    lookups_per_s: float
    unloads_per_s: float
    windows_per_s: float
    stop_p99_us: float | None
    twin_rate: float | None


def span(before: Standing, after: Standing) -> Span:
    """From `before` to `after`. `twin_rate` is the share of the twin's trials that were caught."""
    old, new = before.tally, after.tally
    seconds = max(new.seconds - old.seconds, 1e-9)
    latencies = [late - early for early, late in zip(old.latencies, new.latencies, strict=True)]
    p99 = percentile(latencies, 0.99) if sum(latencies) else None
    return Span(
        after.elapsed_s,
        new.seconds - old.seconds,
        (new.lookups - old.lookups) / seconds,
        (new.unloads - old.unloads) / seconds,
        (new.race_windows - old.race_windows) / seconds,
        None if p99 is None else p99 / 1000,
        _twin_rate(before, after),
    )


def _twin_rate(before: Standing, after: Standing) -> float | None:
    """The twin's catches per trial in between; None without trials."""
    if after.twin is None:
        return None
    earlier = before.twin.caught if before.twin else Trials()
    late = after.twin.caught
    return Trials(late.trials - earlier.trials, late.catches - earlier.catches).rate


def stretches(samples: Sequence[Sample], most: int = STRETCHES) -> list[Span]:
    """The history of one scenario in at most so many parts of the same number of samples; lost turns are in none."""
    if not samples:
        return []
    standings, lost = [Standing(scenario=samples[0].standing.scenario)], 0
    for standing in (sample.standing for sample in samples):
        if standing.lost_turns == lost or standing.slices > standings[-1].slices:
            standings.append(standing)
        lost = standing.lost_turns
    step = -(-len(samples) // most)
    marks = [*range(0, len(standings) - 1, step), len(standings) - 1]
    return [span(standings[a], standings[b]) for a, b in pairwise(marks)]


@attrs.frozen(kw_only=True)
class View:
    """A soak as it stands. `current` is whose turn it is or was last, `spans` the latest of that scenario's intervals.

    `glance` is None until a CPU was seen in the turn under way.
    """

    plan: Plan
    folder: Path
    elapsed_s: float
    standings: Sequence[Standing]
    current: Standing
    glance: Glance | None = None
    sample: Sample | None = None
    spans: tuple[Span, ...] = ()

    @property
    def left_s(self) -> float:
        """Seconds until the soak's time is up."""
        running = self.glance.seconds if self.glance else 0.0
        return max(self.plan.duration_s - self.elapsed_s - running, 0.0)


class Watcher(watcher.Watcher):
    """Who watches a soak. What takes long here delays the record of the next interval.

    `wants_glances` says whether `glance` is of use.
    """

    wants_glances = False

    def glance(self, view: View) -> None:
        """The CPUs were seen, twice a second."""

    def sample(self, view: View) -> None:
        """An interval has ended, and is on the disk."""

    def close(self) -> None:
        """Nothing more will come."""
