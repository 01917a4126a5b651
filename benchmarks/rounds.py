"""Run the whole catalogue again and again and count how often each scenario gets the verdict that it expects.

    python -m benchmarks.rounds --engine native --rounds 20 --json rounds.json

Scenarios that expect VIOLATED end at their first violation, unless `--full` is given.
"""

import argparse
import json
import sys
from pathlib import Path
from typing import Any

from stress.config import Config
from stress.runs.runner import run_scenario, world_for
from stress.scenario import Scenario
from stress.scenario_files import catalogue, find_scenario
from stress.units import parse_duration


def one_run(scenario: Scenario, engine: str, cpus: int, seconds: float, full: bool) -> dict[str, Any]:
    """One scenario once, with a random seed; its JSON."""
    stop = scenario.expect == "violated" and not full
    config = Config(engine=engine, cpus=cpus, duration_s=seconds, stop_on_violation=stop)
    return run_scenario(scenario, world_for(config), config).as_json()


def row(name: str, runs: list[dict[str, Any]]) -> str:
    """A scenario's row of the table: how often as expected, and sums over all rounds."""
    good = sum(run["as_expected"] for run in runs)
    windows, violations = (sum(run[key] for run in runs) for key in ("race_windows", "violations"))
    twins = [run["twin"] for run in runs if run["twin"]]
    twin = f"{sum(t['violations'] for t in twins):,} in {sum(t['race_windows'] for t in twins):,}" if twins else ""
    return f"| {name} | {runs[0]['expect'].upper()} | {good} of {len(runs)} | {violations:,} in {windows:,} | {twin} |"


def table(runs: dict[str, list[dict[str, Any]]]) -> str:
    """All rows, as Markdown."""
    head = "| scenario | expected | as expected | violations in race windows | twin's |\n" + "| --- " * 5 + "|\n"
    return head + "".join(f"{row(name, of_one)}\n" for name, of_one in runs.items() if of_one)


def arguments() -> argparse.Namespace:
    """The command line."""
    parser = argparse.ArgumentParser(description="how often each scenario gets the verdict that it expects")
    parser.add_argument("scenarios", nargs="*", help="names; all without any")
    parser.add_argument("--engine", default="native")
    parser.add_argument("--cpus", type=int, default=4)
    parser.add_argument("--rounds", type=int, default=20)
    parser.add_argument("--duration", default="2s")
    parser.add_argument("--full", action="store_true", help="let violated scenarios run their time")
    parser.add_argument("--json", type=Path)
    return parser.parse_args()


def main() -> int:
    """Run the rounds, print the table; 1 if any verdict was another than expected."""
    given = arguments()
    seconds = parse_duration(given.duration, "--duration")
    scenarios = [find_scenario(name) for name in given.scenarios] or catalogue()
    runs: dict[str, list[dict[str, Any]]] = {scenario.name: [] for scenario in scenarios}
    for number in range(given.rounds):
        for scenario in scenarios:
            seen = one_run(scenario, given.engine, given.cpus, seconds, given.full)
            runs[scenario.name].append(seen)
            if not seen["as_expected"]:
                print(f"round {number + 1}: {scenario.name}: {seen['verdict']}: {seen['reason']}", file=sys.stderr)
        if given.json:
            given.json.write_text(json.dumps(runs))
    print(table(runs))
    return int(any(not run["as_expected"] for of_one in runs.values() for run in of_one))


if __name__ == "__main__":
    sys.exit(main())
