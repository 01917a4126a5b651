"""What the tests of comparisons share: runs with figures of one's own, and two files of them compared."""

import random
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any

from stress.results.compare.comparison import Comparison, compare
from stress.results.compare.terms import Terms
from tests.results.report.made import a_run, write_runs

STEADY = tuple(range(1000, 1008))
"""Lookups of eight repeats that are less than the tolerance apart."""


def runs(lookups: Iterable[int] = STEADY, scenario: str = "modlist_spinlock", **more: Any) -> list[Any]:
    """A repeat for each number of lookups, all else alike."""
    return [a_run(scenario, lookups=number, **more) for number in lookups]


def held(repeats: int = 8, **more: Any) -> list[Any]:
    """Repeats of the patch, which is to hold."""
    return [a_run("stop_machine", "held", "modlist_spinlock", **more) for _ in range(repeats)]


def violated(repeats: int) -> list[Any]:
    """Repeats of it that were violated."""
    return held(repeats, verdict="violated", violations=3, as_expected=False)


def inconclusive(repeats: int, **more: Any) -> list[Any]:
    """Repeats of it that could not have seen anything."""
    return held(repeats, verdict="inconclusive", as_expected=False, **more)


def compared(folder: Path, a: Sequence[Any], b: Sequence[Any], **terms: float) -> Comparison:
    """Two sides of runs, compared."""
    return compare(write_runs(folder / "a.json", *a), write_runs(folder / "b.json", *b), Terms(**terms))


def standings(comparison: Comparison) -> dict[str, str]:
    """How each figure of the only cell stands."""
    [cell] = comparison.cells
    return {one.tested.name: one.standing for one in cell.compared}


def drawn(dice: random.Random, repeats: int, spread: float, middle: float = 1.0) -> list[float]:
    """A figure of so many repeats, which vary by about this share."""
    return [middle * dice.lognormvariate(0.0, spread) for _ in range(repeats)]
