"""How often a search for a knee is wrong, and how many runs it takes, next to a grid with the same confidence.

    python -m benchmarks.knees                   # 200 searches on each curve, about five minutes

The runs are drawn from curves that are known, not run: what is tried is `kstress sweep --find` without its machines.
"""

import argparse
import math
import random
from collections.abc import Callable, Iterator, Sequence
from functools import partial

import attrs

from stress.campaign.sweep.knee import Nested, Search, Tried

SHARE = CONFIDENCE = 0.95
MOST = 500
CPUS = range(2, 65)
DURATIONS = tuple(1.25**step for step in range(38))


def sudden(first: int) -> list[float]:
    """Every run shows the race from so many CPUs on, and none with fewer."""
    return [float(cpus >= first) for cpus in CPUS]


def rising(knee: float, power: float) -> list[float]:
    """The race shows 3 times on average at the knee, and as some power of the CPU count around it."""
    return [1 - math.exp(-3 * (cpus / knee) ** power) for cpus in CPUS]


CURVES: dict[str, list[float]] = {
    "from 4 CPUs on, always": sudden(4),
    "from 40 CPUs on, always": sudden(40),
    "already with 2 CPUs": sudden(2),
    "never": sudden(65),
    "rising steeply, knee at 8": rising(8, 4.0),
    "rising slowly, knee at 8": rising(8, 1.0),
    "just too seldom, all alike": [0.949] * len(CPUS),
    "just often enough from 33 on": [0.9] * 31 + [0.95] * 32,
}
"""The share of runs that show the race, for each CPU count from 2 to 64."""


def knee_of(curve: Sequence[float]) -> int:
    """The first candidate at which the race shows often enough; as many as there are if there is none."""
    return next((at for at, share in enumerate(curve) if share >= SHARE - 1e-9), len(curve))


@attrs.frozen
class Answer:
    """What a search or a grid said: the greatest candidate below, the smallest above, after how many runs."""

    low: int
    high: int
    runs: int

    def wrong(self, knee: int) -> bool:
        """Whether the knee is not where it is said to be."""
        return not self.low < knee <= self.high

    @classmethod
    def of(cls, search: Search, runs: int) -> "Answer":
        """What a search said."""
        return cls(search.low, search.high, runs)


def searched(curve: Sequence[float], dice: random.Random, most: int = MOST) -> Answer:
    """The answer of a search."""
    search, runs = Search(len(curve), SHARE, CONFIDENCE, most), 0
    while (at := search.wanted) is not None:
        search.tell(at, dice.random() < curve[at])
        runs += 1
    return Answer.of(search, runs)


def gridded(curve: Sequence[float], dice: random.Random, most: int = MOST) -> Answer:
    """The answer of a grid: every candidate by itself, until it is decided, the error in equal parts."""
    search, runs = Search(len(curve), SHARE, CONFIDENCE, most), 0
    search.tried = [Tried(worth=len(curve) / (1 - CONFIDENCE)) for _ in curve]
    for at, one in enumerate(search.tried):
        while one.decided is None and one.runs.total < most:
            search.tell(at, dice.random() < curve[at])
            runs += 1
    return Answer.of(search, runs)


def timed(mean: float, dice: random.Random, most: int = MOST) -> Answer:
    """The answer of a search among durations, where the first violation comes after some time with this mean."""
    search = Nested(len(DURATIONS), SHARE, CONFIDENCE, most)
    while search.wanted is not None:
        first = dice.expovariate(1 / mean)
        search.tell_all([first <= seconds for seconds in DURATIONS])
    return Answer.of(search, search.results)


Ask = Callable[[random.Random], Answer]


def trial(ask: Ask, knee: int, times: int) -> tuple[float, float, float]:
    """How many answers of a hundred were wrong, how many candidates they left on average, after how many runs."""
    answers = [ask(random.Random(seed)) for seed in range(times)]
    wrong = sum(answer.wrong(knee) for answer in answers)
    width = sum(max(answer.high - answer.low, 1) for answer in answers)
    return 100 * wrong / times, width / times, sum(answer.runs for answer in answers) / times


def rows(times: int) -> Iterator[str]:
    """The table, in Markdown."""
    yield "| curve | wrong | candidates left | runs | of a grid: wrong | candidates left | runs |"
    yield f"| --- |{' ---: |' * 6}"
    for name, curve in CURVES.items():
        knee = knee_of(curve)
        told = [trial(partial(way, curve), knee, times) for way in (searched, gridded)]
        cells = [f"{wrong:.1f} % | {left:.1f} | {runs:,.0f}" for wrong, left, runs in told]
        yield f"| {name} | {' | '.join(cells)} |"
    for mean in (3.0, 20.0):
        knee = knee_of([1 - math.exp(-seconds / mean) for seconds in DURATIONS])
        wrong, left, runs = trial(partial(timed, mean), knee, times)
        yield f"| a duration, where the mean wait is {mean:g} | {wrong:.1f} % | {left:.1f} | {runs:,.0f} | | | |"


def main() -> None:
    """Print it."""
    parser = argparse.ArgumentParser(description="searches for a knee, on curves that are known")
    parser.add_argument("--times", type=int, default=200, metavar="N", help="searches on each curve")
    for line in rows(parser.parse_args().times):
        print(line, flush=True)


if __name__ == "__main__":
    main()
