"""The stress marks side by side with their peers, on the same shapes of faults, in the same time.

    python -m benchmarks.marks --times 20                       # all shapes, about an hour
    python -m benchmarks.marks --shape counter --json counter.json
    python -m benchmarks.marks --holds --times 50 --method "stress mark"      # the mended twins: nothing may be found
    python -m benchmarks.marks --once "bare threads" counter    # one attempt, here and now

Each attempt is a process of its own; the methods take turns, so that a host that gets slower hits all of them. Prints a
JSON object for each shape and method, then a table: how often the fault was found, and the median of the seconds that
took; for a fault that hangs, until a call last began or ended.
"""

import argparse
import json
import os
import sys
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path
from statistics import median

import attrs

from benchmarks.exhibits import Exhibit, Tell, run_exhibit
from benchmarks.methods import METHODS, NothingMeasuredError, is_installed
from benchmarks.peers.shapes import SHAPES
from benchmarks.witness import SECONDS
from stress.machine.gil import gil_enabled

TIMES = 20
TIMEOUT_SECONDS = 60.0
NEEDS_GIL = ("cache: looks, then acts",)
"""An OrderedDict that threads share crashes or hangs Python 3.13 without a GIL (CPython issue 125996)."""


@attrs.frozen
class Score:
    """What a method came to on one bug: after how many seconds it found it, None where it did not, for each attempt."""

    shape: str
    method: str
    attempts: tuple[float | None, ...]

    @property
    def times(self) -> list[float]:
        """The seconds of the attempts that found the bug."""
        return [seconds for seconds in self.attempts if seconds is not None]

    @property
    def median_s(self) -> float | None:
        """Their median, if there are any."""
        return median(self.times) if self.times else None

    @property
    def cell(self) -> str:
        """What the table says."""
        found = f"{len(self.times)} of {len(self.attempts)}"
        return found if self.median_s is None else f"{found}, {self.median_s * 1000:,.1f} ms"

    def as_json(self) -> dict[str, object]:
        """All of it."""
        return {
            "shape": self.shape,
            "method": self.method,
            "attempts": len(self.attempts),
            "found": len(self.times),
            "times": self.times,
            "median_s": self.median_s,
        }


def once(method: str, name: str, holds: bool = False, seconds: float = SECONDS) -> float | None:
    """One attempt: after how many seconds the method found the fault; None if it did not before its time was up.

    `holds`: on the mended twin.

    Raises:
        NothingMeasuredError: when it ended before its time without finding it.
    """
    shape = SHAPES[name]
    witness = METHODS[method](shape, shape.mended if holds else shape.faulty, seconds)
    if not witness.is_over():
        raise NothingMeasuredError(f"{method} ended after {witness.elapsed():.3f} s of {witness.seconds:g} s")
    return witness.first if witness.first is not None and witness.first <= witness.seconds else None


def attempt(method: str, name: str, holds: bool) -> float | None:
    """The same in a fresh process; ExhibitError when that fails."""
    twin = ("--holds",) if holds else ()
    command = (sys.executable, "-m", "benchmarks.marks", "--once", method, name, *twin)
    seconds = run_exhibit(Exhibit(f"{method} on {name}", command, TIMEOUT_SECONDS))["seconds"]
    return seconds if isinstance(seconds, float) else None


def applies(method: str, name: str) -> bool:
    """Whether a method has a way to run a shape."""
    shape = SHAPES[name]
    return not (method == "bare threads" and shape.in_rounds) and not (method == "pytest-run-parallel" and shape.hangs)


def compare(names: Sequence[str], methods: Sequence[str], times: int, holds: bool, tell: Tell) -> Iterator[Score]:
    """All methods on each shape, `times` times in turn."""
    for name in names:
        tried: dict[str, list[float | None]] = {method: [] for method in methods if applies(method, name)}
        for number in range(1, times + 1):
            tell(f"{name}: {number} of {times}")
            for method, attempts in tried.items():
                attempts.append(attempt(method, name, holds))
        yield from (Score(name, method, tuple(attempts)) for method, attempts in tried.items())


def table(scores: Iterable[Score]) -> str:
    """A row for each shape, a column for each method, as Markdown."""
    cells = {(score.shape, score.method): score.cell for score in scores}
    shapes, methods = dict.fromkeys(shape for shape, _ in cells), dict.fromkeys(method for _, method in cells)
    rows = [("fault", *methods), ("---",) * (1 + len(methods))]
    rows += [(shape, *(cells.get((shape, method), "") for method in methods)) for shape in shapes]
    return "".join(f"| {' | '.join(row)} |\n" for row in rows)


def installed(tell: Tell) -> list[str]:
    """The methods that can be run; the others are told."""
    for method in METHODS:
        if not is_installed(method):
            tell(f"{method} is not installed and is left out")
    return [method for method in METHODS if is_installed(method)]


def runnable(tell: Tell) -> list[str]:
    """The shapes that do not end the interpreter; the others are told."""
    broken = () if gil_enabled() else NEEDS_GIL
    for name in broken:
        tell(f"{name} needs a GIL and is left out")
    return [name for name in SHAPES if name not in broken]


def tell(line: str) -> None:
    """How far it is, beside what it prints."""
    print(line, file=sys.stderr, flush=True)


def arguments() -> argparse.Namespace:
    """The command line."""
    parser = argparse.ArgumentParser(description="how often and how soon faults are found")
    parser.add_argument("--times", type=int, default=TIMES, help="attempts of each method on each shape")
    parser.add_argument("--shape", choices=SHAPES, action="append", help="only this one, or these")
    parser.add_argument("--method", choices=METHODS, action="append", help="only this one, or these")
    parser.add_argument("--holds", action="store_true", help="the mended twins, in which nothing may be found")
    parser.add_argument("--json", type=Path, help="write all figures to this file")
    parser.add_argument("--once", nargs=2, metavar=("METHOD", "SHAPE"), help="one attempt in this process")
    return parser.parse_args()


def main() -> None:
    """Run it all, or one attempt."""
    given = arguments()
    if given.once:
        method, name = given.once
        print(json.dumps({"seconds": once(method, name, given.holds)}), flush=True)
        os._exit(0)  # threads that wait for each other stay
    scores = []
    names, methods = given.shape or runnable(tell), given.method or installed(tell)
    for score in compare(names, methods, given.times, given.holds, tell):
        print(json.dumps(score.as_json()), flush=True)
        scores.append(score)
    if given.json:
        given.json.write_text(json.dumps([score.as_json() for score in scores]))
    print(table(scores), end="")


if __name__ == "__main__":
    main()
