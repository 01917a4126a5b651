"""Shrinking: of a schedule that shows something, what matters. Fewest preemptions first, then fewest accesses.

A candidate leaves out some runs, or changes one; a replay says whether it still shows the same. What the replay made is
the next to be made smaller, so each one is a schedule that ran. It ends when no single change makes it smaller.
"""

import time
from bisect import bisect_left
from collections import Counter
from collections.abc import Callable, Iterator, Sequence

import attrs

from stress.schedule.schedule import Made, Run, as_runs, preemptions_of

MOST_REPLAYS = 4000
MOST_SECONDS = 10.0
"""After so many replays, or so long, a schedule is left as small as it is."""
MANY_RUNS = 64
SHORTEST_PART = 4
"""A schedule of many runs is coarsened first; its runs are gathered in parts of at least so many."""

Replay = Callable[[Sequence[Run]], Sequence[Made] | None]
"""Runs a schedule; the runs as they were made, or None if it does not show the same."""


@attrs.frozen
class Shrunk:
    """A schedule that cannot be made smaller by a single change, and how many replays that took.

    `is_least` is False where the replays were used up before.
    """

    runs: tuple[Run, ...]
    made: tuple[Made, ...]
    replays: int
    is_least: bool

    @property
    def preemptions(self) -> int:
        """How often a CPU has to stop that could go on."""
        return preemptions_of(self.made)


def size_of(made: Sequence[Made]) -> tuple[int, int, int, int]:
    """What is to be small: preemptions, then interrupts and NMIs, then accesses, then runs."""
    events = sum(one.event != 0 for one in made)
    return preemptions_of(made), events, sum(one.steps for one in made), len(made)


def changed(runs: Sequence[Run]) -> Iterator[tuple[Run, ...]]:
    """Schedules with one run that is somewhere else, or different."""
    yield from _joined(runs)
    for at, run in enumerate(runs):
        before, after = runs[:at], runs[at + 1 :]
        if run.event:
            yield (*before, run._replace(event=0), *after)
        if run.steps:
            yield (*before, run._replace(steps=0), *after)
        for steps in sorted({1, run.steps // 2, run.steps - 1} & set(range(1, run.steps))):
            yield (*before, run._replace(steps=steps), *after)


def _joined(runs: Sequence[Run]) -> Iterator[tuple[Run, ...]]:
    """The same runs with two of one CPU next to each other: the later one sooner, or the sooner one later."""
    for at, run in enumerate(runs):
        later = next((place for place in range(at + 2, len(runs)) if runs[place].cpu == run.cpu), None)
        if later is not None:
            yield (*runs[: at + 1], runs[later], *runs[at + 1 : later], *runs[later + 1 :])
            yield (*runs[:at], *runs[at + 1 : later], run, *runs[later:])


def gathered(part: Sequence[Made]) -> tuple[Run, ...]:
    """A run of each CPU with all of its accesses; none where that is no fewer runs, or an event comes between."""
    steps = Counter[int]()
    for one in part:
        steps[one.cpu] += one.steps
    if len(steps) == len(part) or any(one.event for one in part):
        return ()
    return tuple(Run(cpu, count) for cpu, count in steps.items())


@attrs.define
class Shrinking:
    """A schedule that becomes smaller: the runs as they were made last, how many replays are left, and until when.

    `runs` makes it again. It and its size are kept, since a long schedule takes as long to go through as to replay.
    """

    replay: Replay
    made: Sequence[Made]
    left: int
    until: float
    runs: tuple[Run, ...] = attrs.field(init=False)
    _size: tuple[int, int, int, int] = attrs.field(init=False)
    _tried: set[tuple[Run, ...]] = attrs.field(factory=set)

    def __attrs_post_init__(self) -> None:
        self.runs, self._size = as_runs(self.made), size_of(self.made)

    def takes(self, candidate: tuple[Run, ...]) -> bool:
        """Whether a candidate shows the same and is smaller; then it is gone on with."""
        if time.monotonic() > self.until:
            self.left = 0
        if candidate in self._tried or self.left <= 0:
            return False
        self._tried.add(candidate)
        self.left -= 1
        shown = self.replay(candidate)
        if shown is None or (size := size_of(shown)) >= self._size:
            return False
        self.made, self.runs, self._size = shown, as_runs(shown), size
        return True

    def coarsen(self, centre: int | None) -> None:
        """Take what makes a schedule of many runs smaller at once: fewer CPUs, longer runs."""
        if centre is not None:
            self.keep_few_cpus(centre)
        self.leave_out_cpus()
        self.gather()

    def keep_few_cpus(self, centre: int) -> None:
        """Keep the runs of `centre` and of some other CPUs alone, of few: often it and one more are enough."""
        others = sorted({run.cpu for run in self.runs} - {centre})
        length = len(others) // 2
        while length >= 1:
            for start in range(0, len(others), length):
                kept = {centre, *others[start : start + length]}
                if self.takes(tuple(run for run in self.runs if run.cpu in kept)):
                    others = others[start : start + length]
                    break
            length = min(length, len(others)) // 2

    def leave_out_cpus(self) -> None:
        """Leave out all runs of some CPUs, of many at a time at first: few of many take part in what is shown."""
        cpus = sorted({run.cpu for run in self.runs})
        length = len(cpus) // 2
        while length >= 1:
            for start in range(0, len(cpus), length):
                left = set(cpus[start : start + length])
                self.takes(tuple(run for run in self.runs if run.cpu not in left))
            length //= 2

    def gather(self) -> None:
        """Let each CPU make its accesses of a part of the schedule at once, in long parts at first."""
        length = len(self.made)
        while length >= SHORTEST_PART:
            made = self._chosen()
            for start in range(0, len(made), length):
                part = gathered(made[start : start + length])
                if part and self.takes((*self.runs[:start], *part, *self.runs[start + length :])):
                    made = self._chosen()
            length //= 2

    def _chosen(self) -> list[Made]:
        """The runs that do not come by themselves: those that `runs` has, as they were made."""
        return [one for one in self.made if not one.forced]

    def leave_out(self) -> bool:
        """Leave out runs, many at a time at first; whether that made it smaller."""
        before, length = self.made, max(len(self.made) // 2, 1)
        while length >= 1:
            start = 0
            while start < len(self.runs):
                if not self.takes((*self.runs[:start], *self.runs[start + length :])):
                    start += length
            length //= 2
        return self.made is not before

    def change(self) -> bool:
        """Change one run; whether that made it smaller."""
        return any(map(self.takes, changed(self.runs)))


def shrink(runs: Sequence[Run], replay: Replay, most: int = MOST_REPLAYS, centre: int | None = None) -> Shrunk | None:
    """The smallest schedule that this finds; None if the schedule does not show the same again.

    `centre` is the CPU whose operation showed it, if there is one.
    """
    made = replay(runs)
    if made is None:
        return None
    one = Shrinking(replay, made, most, time.monotonic() + MOST_SECONDS)
    if len(made) >= MANY_RUNS:
        one.coarsen(centre)
    while one.left > 0 and (one.leave_out() or one.change()):
        pass
    replays: list[int] = []

    def comes_by_itself(length: int) -> bool:
        replays.append(length)
        return replay(one.runs[:length]) == one.made

    # What a schedule makes by itself after some of its runs, it makes after more of them too.
    short = one.runs[: bisect_left(range(len(one.runs)), True, key=comes_by_itself)]
    return Shrunk(short, tuple(one.made), 1 + most - one.left + len(replays), one.left > 0)
