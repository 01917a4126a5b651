"""Twelve programs that are known for their difficulty for schedulers: how soon `kstress explore` finds each.

    python -m benchmarks.twelve                                  # 20 seeds each, half a minute on two cores
    python -m benchmarks.twelve --holds --seconds 60 --seeds 1   # their mended twins: nothing may be found
    python -m benchmarks.twelve --json twelve.json --engine python --seeds 3

Each program says in its file how many preemptions it takes (LEAST_PREEMPTIONS) and how many operations of each CPU
(OPERATIONS). Prints a row for each: found in how many searches, the medians of schedules and seconds, the most seconds,
the most preemptions that are left once the schedule is shrunk, and how long shrinking took at most.
"""

import argparse
import json
import re
from collections.abc import Iterator
from pathlib import Path
from statistics import median
from typing import Any

from stress.corpus import bundled
from stress.runs.controlled.exploration import explore
from stress.runs.controlled.search import Search
from stress.scenario_files import find_scenario

FOLDER = Path(__file__).parent / "schedules"
NUMBER = re.compile(r"^(OPERATIONS|LEAST_PREEMPTIONS) = ([0-9]+)$", re.MULTILINE)
STRIDE = 1_000_003
"""Between the seeds of two searches, so that they have no schedule in common."""


def programs() -> dict[Path, dict[str, int]]:
    """The files, with what each says of itself."""
    told = {path: dict(NUMBER.findall(path.read_text())) for path in sorted(FOLDER.glob("*.py"))}
    return {path: {name: int(value) for name, value in of.items()} for path, of in told.items() if of}


def searched(path: Path, operations: int, given: argparse.Namespace) -> dict[str, Any]:
    """What the searches of one program came to."""
    scenario = find_scenario(f"{path}:{'mended' if given.holds else 'faulty'}")
    found, schedules = [], 0
    for seed in range(given.seeds):
        search = Search(
            engine=given.engine,
            duration_s=given.seconds,
            operations=operations,
            seed=seed * STRIDE,
            stop_on_violation=True,
        )
        exploration = explore(scenario, bundled(), search).explored
        found += list(exploration.found.values())[:1]
        schedules += exploration.count
    return {
        "program": path.stem,
        "searches": given.seeds,
        "found": len(found),
        "schedules": schedules,
        "median_schedule": median(one.number for one in found) if found else None,
        "median_s": round(median(one.seconds for one in found), 4) if found else None,
        "most_s": round(max(one.seconds for one in found), 4) if found else None,
        "preemptions": max(one.shrunk.preemptions for one in found) if found else None,
        "shrinking_s": round(max(one.shrinking_s for one in found), 4) if found else None,
    }


def rows(given: argparse.Namespace) -> Iterator[dict[str, Any]]:
    """All programs."""
    for path, told in programs().items():
        if not given.programs or path.stem in given.programs:
            yield searched(path, told["OPERATIONS"], given) | {"least": told["LEAST_PREEMPTIONS"]}


def main() -> None:
    """Read the command line."""
    parser = argparse.ArgumentParser(description="Explore twelve programs that are hard for schedulers.")
    parser.add_argument("programs", nargs="*", metavar="PROGRAM")
    parser.add_argument("--seeds", type=int, default=20)
    parser.add_argument("--seconds", type=float, default=60.0)
    parser.add_argument("--engine", default="native")
    parser.add_argument("--holds", action="store_true")
    parser.add_argument("--json", type=Path)
    given = parser.parse_args()
    done = []
    for row in rows(given):
        print("  ".join(f"{name} {value}" for name, value in row.items()), flush=True)
        done.append(row)
    if given.json:
        given.json.write_text(json.dumps(done, indent=1) + "\n")


if __name__ == "__main__":
    main()
