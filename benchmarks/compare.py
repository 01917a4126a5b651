"""How often `kstress compare` calls equal sweeps different, and how often it finds one that is slowed by 20 %.

    python -m benchmarks.compare                     # 100 pairs of each, about 25 minutes, on an idle machine
    python -m benchmarks.compare --pairs 10 --engine python

A round is three sweeps of one cell, one after the other and each round in another order: two of `slowdown/equal.py`,
and one of `slowdown/slowed.py`, in which four of five lookups are counted. The first is compared with each of the
others at the default level and tolerance. An equal pair counts as different if any figure is called better or worse;
the slowed one counts as found if its lookups are called worse. Prints a JSON object; exit code 1 if a figure misses its
floor.
"""

import argparse
import json
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from functools import partial
from pathlib import Path
from statistics import mean, median, stdev

import attrs

from stress.campaign.sweep.matrix import Matrix
from stress.campaign.sweep.sweep import sweep
from stress.comparison.comparison import BETTER, WORSE, Comparison, compare

SIDES = Path(__file__).parent / "slowdown"
EQUAL, SLOWED = SIDES / "equal.py", SIDES / "slowed.py"
MOST_DIFFERENT, LEAST_FOUND = 0.05, 0.9
LOOKUPS = "lookups"


@attrs.frozen
class Round:
    """An equal pair and a slowed one."""

    equal: Comparison
    slowed: Comparison

    @property
    def different(self) -> list[str]:
        """The figures of the equal pair that are called different."""
        facts = [fact.end for cell in self.equal.cells for fact in cell.facts]
        return facts + [one.tested.name for _, one in self.equal.all(WORSE, BETTER)]

    @property
    def found(self) -> bool:
        """Whether the slowed side's lookups are called worse."""
        return any(one.tested.name == LOOKUPS for _, one in self.slowed.all(WORSE))


def matrix(scenario: Path, engine: str, cpus: int, repeat: int, seconds: float) -> Matrix:
    """One cell, so many times."""
    axes = {"engine": (engine,), "cpus": (cpus,)}
    return Matrix(scenarios=(str(scenario),), axes=axes, repeat=repeat, duration_s=seconds)


def rounds(pairs: int, place: Path, made: Callable[[Path], Matrix]) -> Iterator[Round]:
    """So many rounds; their run directories are left in `place`."""
    for at in range(pairs):
        sides = [EQUAL, EQUAL, SLOWED]
        turned = [(at + turn) % len(sides) for turn in range(len(sides))]
        swept = {which: sweep(made(sides[which]), place).swept.folder for which in turned}
        yield Round(compare(swept[0], swept[1]), compare(swept[0], swept[2]))


def ratios(comparisons: Sequence[Comparison]) -> list[float]:
    """B's lookups to A's, of each comparison that has them."""
    tested = [one.tested for comparison in comparisons for cell in comparison.cells for one in cell.compared]
    return [one.ratio for one in tested if one.name == LOOKUPS and one.ratio is not None]


def spread(comparison: Comparison) -> float:
    """How far the lookups of A's repeats are apart: standard deviation to mean."""
    runs = [entry.run for entry in comparison.a.entries if entry.run]
    known = [rate for run in runs if (rate := run.per_second(run.lookups)) is not None]
    return stdev(known) / mean(known)


def figures(seen: Sequence[Round], took: float) -> dict[str, object]:
    """What it came to."""
    equal, slowed = ratios([one.equal for one in seen]), ratios([one.slowed for one in seen])
    return {
        "pairs": len(seen),
        "equal_called_different": sum(bool(one.different) for one in seen),
        "different": [one.different for one in seen if one.different],
        "slowed_found": sum(one.found for one in seen),
        "equal_ratio": [round(value, 3) for value in (min(equal), median(equal), max(equal))],
        "slowed_ratio": [round(value, 3) for value in (min(slowed), median(slowed), max(slowed))],
        "spread_of_repeats": round(median(spread(one.equal) for one in seen), 3),
        "took_s": round(took),
    }


def main(arguments: Sequence[str] | None = None) -> int:
    """Measure, print, and compare with the floors."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--pairs", type=int, default=100)
    parser.add_argument("--engine", choices=("native", "python"), default="native")
    parser.add_argument("--cpus", type=int, default=4)
    parser.add_argument("--repeat", type=int, default=8)
    parser.add_argument("--seconds", type=float, default=0.3, help="for each cell")
    parser.add_argument("--keep", type=Path, metavar="DIR", help="an empty folder for the run directories")
    given = parser.parse_args(arguments)
    settings = {name: getattr(given, name) for name in ("engine", "cpus", "repeat", "seconds")}
    made = partial(matrix, **settings)
    began, seen = time.monotonic(), []
    with tempfile.TemporaryDirectory() as folder:
        for one in rounds(given.pairs, given.keep or Path(folder), made):
            seen.append(one)
            told = f"{len(seen)} of {given.pairs}: equal {one.different or 'equal'}, slowed found: {one.found}"
            print(told, file=sys.stderr, flush=True)
    print(json.dumps({**settings, **figures(seen, time.monotonic() - began)}))
    different, found = mean(bool(one.different) for one in seen), mean(one.found for one in seen)
    return int(different > MOST_DIFFERENT or found < LEAST_FOUND)


if __name__ == "__main__":
    sys.exit(main())
