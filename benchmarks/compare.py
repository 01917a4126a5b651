"""How often `kstress compare` calls equal runs different, and how often it finds what is slowed by 20 %.

    python -m benchmarks.compare                     # 100 pairs of each, about 25 minutes, on an idle machine
    python -m benchmarks.compare --pairs 10 --apart

A round has three sides of one cell: two of `slowdown/equal.py`, and one of `slowdown/slowed.py`, in which four of five
lookups are counted. They are run in turns, as docs/compare.md says: a repeat of each in shuffled order, then the next.
With `--apart` each side is a sweep by itself, one after the other and each round in another order. The first side is
compared with each of the others at the default level and tolerance. An equal pair counts as different if anything is
called better or worse; the slowed one counts as found if its lookups are called worse. Prints a JSON object; exit
code 1 if a figure misses its floor.
"""

import argparse
import json
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from functools import partial
from pathlib import Path
from statistics import mean, median, stdev
from typing import Any

import attrs

from stress.campaign.sweep.matrix import Matrix
from stress.campaign.sweep.sweep import sweep
from stress.results.compare.comparison import Comparison, Standing, compare
from stress.runs.result import json_text

SIDES = Path(__file__).parent / "slowdown"
EQUAL, SLOWED = SIDES / "equal.py", SIDES / "slowed.py"
NAME, NAMED = "compared", 'name="compared"'
MOST_DIFFERENT, LEAST_FOUND = 0.05, 0.9
LOOKUPS = "lookups"

Sweeper = Callable[[Sequence[Path]], list[Path]]
"""Sweeps some scenario files together; a file of runs for each."""


@attrs.frozen
class Round:
    """An equal pair and a slowed one."""

    equal: Comparison
    slowed: Comparison

    @property
    def different(self) -> list[str]:
        """What of the equal pair is called different."""
        facts = [fact.end for cell in self.equal.cells for fact in cell.facts]
        return facts + [one.tested.name for _, one in self.equal.all(Standing.WORSE, Standing.BETTER)]

    @property
    def found(self) -> bool:
        """Whether the slowed side's lookups are called worse."""
        return any(one.tested.name == LOOKUPS for _, one in self.slowed.all(Standing.WORSE))


def sides(place: Path) -> list[Path]:
    """The scenario files of the three sides, each with a name of its own, so that one sweep takes them all."""
    made = []
    for at, source in enumerate((EQUAL, EQUAL, SLOWED)):
        made.append(place / f"side_{at}.py")
        made[-1].write_text(source.read_text().replace(NAMED, f'name="side_{at}"'))
    return made


def swept(files: Sequence[Path], place: Path, engine: str, cpus: int, repeat: int, seconds: float) -> list[Path]:
    """Sweep some scenario files together; the runs of each, under the name that they have in common."""
    axes = {"engine": (engine,), "cpus": (cpus,)}
    matrix = Matrix(scenarios=tuple(map(str, files)), axes=axes, repeat=repeat, duration_s=seconds)
    ending, written = sweep(matrix, place).swept, []
    for file in files:
        runs = [{**one.run, "scenario": NAME} for one in ending.ended if one.run and one.run["scenario"] == file.stem]
        written.append(ending.folder.with_name(f"{ending.folder.name}-{file.stem}.json"))
        written[-1].write_text(json_text(runs))
    return written


def rounds(pairs: int, files: Sequence[Path], sweeper: Sweeper, apart: bool) -> Iterator[Round]:
    """So many rounds."""
    for at in range(pairs):
        turned = [files[(at + turn) % len(files)] for turn in range(len(files))]
        groups = [[file] for file in turned] if apart else [turned]
        runs = {file: run for group in groups for file, run in zip(group, sweeper(group), strict=True)}
        first, equal, slowed = (runs[file] for file in files)
        yield Round(compare(first, equal), compare(first, slowed))


def ratios(comparisons: Sequence[Comparison]) -> list[float]:
    """The least, median and greatest ratio of B's lookups to A's."""
    tested = [one.tested for comparison in comparisons for cell in comparison.cells for one in cell.compared]
    known = [one.ratio for one in tested if one.name == LOOKUPS and one.ratio is not None]
    return [round(value, 3) for value in (min(known), median(known), max(known))]


def spread(comparison: Comparison) -> float:
    """How far the lookups of A's repeats are apart: standard deviation to mean."""
    runs = [entry.run for entry in comparison.a.entries if entry.run]
    known = [rate for run in runs if (rate := run.per_second(run.lookups)) is not None]
    return stdev(known) / mean(known)


def figures(seen: Sequence[Round], took: float) -> dict[str, object]:
    """What it came to."""
    return {
        "pairs": len(seen),
        "equal_called_different": sum(bool(one.different) for one in seen),
        "different": [one.different for one in seen if one.different],
        "slowed_found": sum(one.found for one in seen),
        "equal_ratio": ratios([one.equal for one in seen]),
        "slowed_ratio": ratios([one.slowed for one in seen]),
        "spread_of_repeats": round(median(spread(one.equal) for one in seen), 3),
        "took_s": round(took),
    }


def parsed(arguments: Sequence[str] | None) -> argparse.Namespace:
    """What the command line asks for."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--pairs", type=int, default=100)
    parser.add_argument("--engine", choices=("native", "python"), default="native")
    parser.add_argument("--cpus", type=int, default=2)
    parser.add_argument("--repeat", type=int, default=8)
    parser.add_argument("--seconds", type=float, default=0.3, help="for each cell")
    parser.add_argument("--apart", action="store_true", help="one side after the other, not in turns")
    return parser.parse_args(arguments)


def measure(settings: Mapping[str, Any], pairs: int, apart: bool) -> list[Round]:
    """So many rounds, each told as it ends."""
    seen: list[Round] = []
    with tempfile.TemporaryDirectory() as folder:
        sweeper = partial(swept, place=Path(folder), **settings)
        for one in rounds(pairs, sides(Path(folder)), sweeper, apart):
            seen.append(one)
            told = f"{len(seen)} of {pairs}: equal {one.different or 'equal'}, slowed found: {one.found}"
            print(told, file=sys.stderr, flush=True)
    return seen


def main(arguments: Sequence[str] | None = None) -> int:
    """Measure, print, and compare with the floors."""
    given, began = parsed(arguments), time.monotonic()
    settings = {name: getattr(given, name) for name in ("engine", "cpus", "repeat", "seconds")}
    seen = measure(settings, given.pairs, given.apart)
    print(json.dumps({**settings, "apart": given.apart, **figures(seen, time.monotonic() - began)}))
    different, found = mean(bool(one.different) for one in seen), mean(one.found for one in seen)
    return int(different > MOST_DIFFERENT or found < LEAST_FOUND)


if __name__ == "__main__":
    sys.exit(main())
