"""What the shadow and the poison find, and what they must not: correct releases, uses that nobody asks about, writes.

    python -m benchmarks.shadow releases --engine native --duration 60s
    python -m benchmarks.shadow broken --engine python --rounds 50
    python -m benchmarks.shadow planted --engine native --rounds 50

`releases` must find nothing in the correct patterns, `broken` something in each of their twins, `planted` each planted
scenario's own outcome, in every round. The last two end a run at its first violation.
"""

import argparse
import sys
from collections.abc import Iterable

from benchmarks.patterns import BROKEN, CORRECT
from benchmarks.planted import PLANTED
from stress.config import Config
from stress.runs.result import Result
from stress.runs.runner import run_scenario, world_for
from stress.scenario import Scenario
from stress.units import parse_duration

NOTHING = ""
Wanted = tuple[Scenario, str]
"""A scenario and the forbidden outcome that it must show: any if that is "any", none if it is NOTHING."""

PARTS: dict[str, tuple[Wanted, ...]] = {
    "releases": tuple((scenario, NOTHING) for scenario in CORRECT),
    "broken": tuple((scenario, "any") for scenario in BROKEN),
    "planted": tuple((scenario, outcome) for outcome, scenarios in PLANTED.items() for scenario in scenarios),
}


def as_wanted(result: Result, wanted: str) -> bool:
    """Whether a run showed what it must, and nothing else that is forbidden where it must show nothing."""
    tally = result.tally
    if wanted == NOTHING:
        return tally.violations == 0 and tally.lookups > 0
    return tally.violations > 0 if wanted == "any" else tally.outcomes[wanted] > 0


def once(scenario: Scenario, wanted: str, engine: str, seconds: float, cpus: int = 4) -> Result:
    """One run, up to its first violation where one is wanted."""
    config = Config(engine=engine, cpus=cpus, duration_s=seconds, stop_on_violation=wanted != NOTHING)
    return run_scenario(scenario, world_for(config), config)


def row(scenario: Scenario, wanted: str, results: Iterable[Result]) -> tuple[str, bool]:
    """A scenario's row of the table, and whether all its runs were as wanted."""
    runs = list(results)
    good = sum(as_wanted(result, wanted) for result in runs)
    operations = sum(result.tally.lookups for result in runs)
    found = f"{sum(result.tally.violations for result in runs):,} in {operations:,}"
    return f"| {scenario.name} | {wanted or 'nothing'} | {good} of {len(runs)} | {found} |", good == len(runs)


def arguments() -> argparse.Namespace:
    """The command line."""
    parser = argparse.ArgumentParser(description="what the shadow and the poison find, and what they must not")
    parser.add_argument("part", choices=PARTS)
    parser.add_argument("--engine", default="native")
    parser.add_argument("--rounds", type=int, default=1)
    parser.add_argument("--duration", default="2s")
    return parser.parse_args()


def main() -> int:
    """Run a part, print its table; 1 if any run was another than wanted."""
    given = arguments()
    seconds = parse_duration(given.duration, "--duration")
    print("| scenario | wanted | as wanted | violations in operations |\n| --- | --- | --- | --- |", flush=True)
    good = True
    for scenario, wanted in PARTS[given.part]:
        runs = (once(scenario, wanted, given.engine, seconds) for _ in range(given.rounds))
        text, all_good = row(scenario, wanted, runs)
        print(text, flush=True)
        good = good and all_good
    return int(not good)


if __name__ == "__main__":
    sys.exit(main())
