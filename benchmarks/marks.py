"""The stress marks side by side with their peers, on the same planted bugs, in the same time.

    python -m benchmarks.marks --times 20                       # all four bugs, about five minutes
    python -m benchmarks.marks --bug lru --json lru.json
    python -m benchmarks.marks --once "bare threads" pool       # one attempt, here and now

Each attempt is a process of its own; the methods take turns, so that a host that gets slower hits all of them. Prints a
JSON object for each bug and method, then a table: how often the bug was found, and the median of the seconds that took.
"""

import argparse
import json
import sys
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path
from statistics import median

import attrs

from benchmarks.exhibits import Exhibit, Tell, run_exhibit
from benchmarks.methods import METHODS, NothingMeasuredError, is_installed
from benchmarks.peers.races import RACES
from stress.machine.python_engine import gil_enabled

TIMES = 20
TIMEOUT_SECONDS = 60.0
NEEDS_GIL = ("lru",)
"""An OrderedDict that threads share crashes or hangs Python 3.13 without a GIL (CPython issue 125996)."""


@attrs.frozen
class Score:
    """What a method came to on one bug: after how many seconds it found it, None where it did not, for each attempt."""

    bug: str
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
            "bug": self.bug,
            "method": self.method,
            "attempts": len(self.attempts),
            "found": len(self.times),
            "times": self.times,
            "median_s": self.median_s,
        }


def once(method: str, bug: str) -> float | None:
    """One attempt: after how many seconds the method found the bug; None if it did not before its time was up.

    Raises:
        NothingMeasuredError: when it ended before its time without finding it.
    """
    witness = METHODS[method](RACES[bug])
    if not witness.is_over():
        raise NothingMeasuredError(f"{method} ended after {witness.elapsed():.3f} s of {witness.seconds:g} s")
    return witness.first if witness.first is not None and witness.first <= witness.seconds else None


def attempt(method: str, bug: str) -> float | None:
    """The same in a fresh process; ExhibitError when that fails."""
    command = (sys.executable, "-m", "benchmarks.marks", "--once", method, bug)
    seconds = run_exhibit(Exhibit(f"{method} on {bug}", command, TIMEOUT_SECONDS))["seconds"]
    return seconds if isinstance(seconds, float) else None


def compare(bugs: Sequence[str], methods: Sequence[str], times: int, tell: Tell) -> Iterator[Score]:
    """All methods on each bug, `times` times in turn."""
    for bug in bugs:
        tried: dict[str, list[float | None]] = {method: [] for method in methods}
        for number in range(1, times + 1):
            tell(f"{bug}: {number} of {times}")
            for method in methods:
                tried[method].append(attempt(method, bug))
        yield from (Score(bug, method, tuple(attempts)) for method, attempts in tried.items())


def table(scores: Iterable[Score]) -> str:
    """A row for each bug, a column for each method, as Markdown."""
    cells = {(score.bug, score.method): score.cell for score in scores}
    bugs, methods = dict.fromkeys(bug for bug, _ in cells), dict.fromkeys(method for _, method in cells)
    rows = [("bug", *methods), ("---",) * (1 + len(methods))]
    rows += [(bug, *(cells.get((bug, method), "") for method in methods)) for bug in bugs]
    return "".join(f"| {' | '.join(row)} |\n" for row in rows)


def installed(tell: Tell) -> list[str]:
    """The methods that can be run; the others are told."""
    for method in METHODS:
        if not is_installed(method):
            tell(f"{method} is not installed and is left out")
    return [method for method in METHODS if is_installed(method)]


def runnable(tell: Tell) -> list[str]:
    """The bugs that do not end the interpreter; the others are told."""
    broken = () if gil_enabled() else NEEDS_GIL
    for bug in broken:
        tell(f"{bug} needs a GIL and is left out")
    return [bug for bug in RACES if bug not in broken]


def tell(line: str) -> None:
    """How far it is, beside what it prints."""
    print(line, file=sys.stderr, flush=True)


def arguments() -> argparse.Namespace:
    """The command line."""
    parser = argparse.ArgumentParser(description="how often and how soon planted bugs are found")
    parser.add_argument("--times", type=int, default=TIMES, help="attempts of each method on each bug")
    parser.add_argument("--bug", choices=RACES, help="only this one")
    parser.add_argument("--json", type=Path, help="write all figures to this file")
    parser.add_argument("--once", nargs=2, metavar=("METHOD", "BUG"), help="one attempt in this process")
    return parser.parse_args()


def main() -> None:
    """Run it all, or one attempt."""
    given = arguments()
    if given.once:
        print(json.dumps({"seconds": once(*given.once)}))
        return
    scores = []
    for score in compare([given.bug] if given.bug else runnable(tell), installed(tell), given.times, tell):
        print(json.dumps(score.as_json()), flush=True)
        scores.append(score)
    if given.json:
        given.json.write_text(json.dumps([score.as_json() for score in scores]))
    print(table(scores), end="")


if __name__ == "__main__":
    main()
