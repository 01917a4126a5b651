"""How often the rule of HELD is wrong, by simulation: `python -m benchmarks.verdicts [--runs 1000]`.

A twin is caught at a known rate; a scenario that is given just as many trials as HELD then takes has a tenth of that
rate, the same rate, or none (then twice as many trials). What is made is what machines leave behind: for each slice how
many changes were overlapped, how many windows there were, and in which trial each CPU saw its first violation; it is
counted and judged by `stress.judge`. The shapes are how violations come:

* `alone`: each is seen by one reader, and does no damage;
* `together`: all readers that overlap the change see it;
* `lasting`: it damages memory, and every window after it is a violation;
* `clusters`: 20 more follow it, on average;
* `uneven`: machines differ, the rate of each is drawn from an exponential distribution;
* `bursts`: one machine in four has all of them.
"""

import argparse
import math
import random
from collections.abc import Callable, Iterable, Iterator

import attrs

from stress.judge.tally import Tally
from stress.judge.trials import Trials, trials_of_slice
from stress.judge.verdict import HELD, TwinSide, judge, trials_needed

RATES = (1e-5, 1e-4, 1e-3, 0.01, 0.1, 0.5)
SHARES = (0.1, 0.7, 10.0)
"""Trials in a slice, times the rate: from rare catches to machines that are all caught at once."""
MACHINES = 40
READERS = 3
CLUSTER = 20
LIMITS = {"a tenth": 0.06, "the same": 0.001, "none": 0.95}


@attrs.frozen
class Shape:
    """How violations come: the factor on one machine's rate, and how many follow the first in so many more windows."""

    factor: Callable[[random.Random], float] = lambda dice: 1.0
    following: Callable[[random.Random, int], int] = lambda dice, windows: 0
    seen_by: int = 1


SHAPES = {
    "alone": Shape(),
    "together": Shape(seen_by=READERS),
    "lasting": Shape(following=lambda dice, windows: windows),
    "clusters": Shape(following=lambda dice, windows: min(round(dice.expovariate(1 / CLUSTER)), windows)),
    "uneven": Shape(factor=lambda dice: dice.expovariate(1.0)),
    "bursts": Shape(factor=lambda dice: 4.0 * (dice.random() < 0.25)),
}


def first_trial(dice: random.Random, rate: float) -> float:
    """In which trial of a machine the first violation comes, from 1; infinity for never."""
    if rate <= 0:
        return math.inf
    return 1.0 if rate >= 1 else math.ceil(math.log(1 - dice.random()) / math.log(1 - rate)) or 1.0


def a_slice(dice: random.Random, shape: Shape, rate: float, trials: int) -> tuple[Trials, int]:
    """What one machine counts in so many overlapped changes, each overlapped by READERS windows; its violations."""
    windows, first = trials * READERS, first_trial(dice, min(rate * shape.factor(dice), 1.0))
    if first > trials:
        return trials_of_slice(trials, windows, []), 0
    more = shape.following(dice, windows - int(first) * READERS)
    return trials_of_slice(trials, windows, [int(first)] * shape.seen_by), shape.seen_by + more


def some_slices(dice: random.Random, shape: Shape, rate: float, trials: int, each: int, most: int) -> Tally:
    """So many trials in all, in slices of `each`, of which at most so many with a violation."""
    caught, violations = Trials(), 0
    for done in range(0, trials, each):
        one, seen = a_slice(dice, shape, rate, min(each, trials - done))
        caught, violations = caught + one, violations + seen
        if caught.catches == most:
            break
    return Tally(race_windows=trials * READERS, violations=violations, caught=caught)


def a_scenario(dice: random.Random, shape: Shape, rate: float, trials: int, each: int) -> Tally:
    """A scenario, of which one violation decides; without any there is no need for slices."""
    return some_slices(dice, shape, rate, trials, each if rate else trials, most=1)


def held(dice: random.Random, shape: Shape, rate: float, each: int, runs: int) -> dict[str, float]:
    """How often a scenario of each kind is HELD, of those runs whose twin was caught."""
    kinds = {"a tenth": (rate / 10, 1), "the same": (rate, 1), "none": (0.0, 2)}
    count, caught = dict.fromkeys(kinds, 0), 0
    for _ in range(runs):
        twin = TwinSide(some_slices(dice, shape, rate, MACHINES * each, each, MACHINES), "violated")
        needed = trials_needed(twin.tally)
        if needed is None:
            continue
        caught += 1
        for kind, (of, times) in kinds.items():
            count[kind] += judge(a_scenario(dice, shape, of, needed * times, each), twin, None).name == HELD
    return {kind: count[kind] / max(caught, 1) for kind in kinds}


def rows(
    runs: int, seed: int, names: Iterable[str] = SHAPES, rates: Iterable[float] = RATES
) -> Iterator[tuple[str, float, float, dict[str, float]]]:
    """Every shape, rate and length of a slice, with what became of it."""
    dice, rates = random.Random(seed), tuple(rates)
    for name in names:
        shape = SHAPES[name]
        for rate in rates:
            for share in SHARES:
                yield name, rate, share, held(dice, shape, rate, max(round(share / rate), 1), runs)


def within(found: dict[str, float]) -> bool:
    """Whether figures are within LIMITS."""
    bad = found["a tenth"] > LIMITS["a tenth"] or found["the same"] > LIMITS["the same"]
    return not bad and found["none"] >= LIMITS["none"]


def main() -> int:
    """Print a table; 1 if a figure is outside of its limit."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--runs", type=int, default=1000)
    parser.add_argument("--seed", type=int, default=1)
    given = parser.parse_args()
    print("| violations | rate of the twin | trials in a slice x rate | HELD at a tenth | at the same | with none |")
    print("| --- | --- | --- | --- | --- | --- |")
    good = True
    for name, rate, share, found in rows(given.runs, given.seed):
        figures = " | ".join(f"{100 * one:.2f} %" for one in found.values())
        good, mark = good and within(found), "" if within(found) else " (outside of its limit)"
        print(f"| {name} | {rate:g} | {share:g} | {figures}{mark} |", flush=True)
    return 0 if good else 1


if __name__ == "__main__":
    raise SystemExit(main())
