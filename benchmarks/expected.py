"""How often scenarios get the verdict that they expect: each is run so many times, one after the other.

    python -m benchmarks.expected scenarios/lineage --times 20                   # both engines: two hours and a half
    python -m benchmarks.expected scenarios/studies --expect held --seconds 120 --engine native    # two hours
    python -m benchmarks.expected scenarios/studies --expect violated --times 20
    python -m benchmarks.expected scenarios/lineage/a07_pointer_after_preempt.py --times 3 --json runs.jsonl

Prints a row for each scenario and engine: how many of its runs ended as expected, the verdicts, forbidden outcomes,
lookups, overlapped changes, and the median time to the first violation. `--json FILE` gets a line for each run, with
the reason. A run of a scenario that expects a violation ends with the first one. Ends with exit code 1 if a run was
not as expected; what expects `held` may also be inconclusive, without any forbidden outcome.
"""

import argparse
import json
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from statistics import median
from typing import Any

from stress import Config, Scenario, run
from stress.judge.verdict import INCONCLUSIVE
from stress.runs.result import Result
from stress.scenario_files import find_scenarios


def files(paths: list[Path]) -> Iterator[Path]:
    """The scenario files of these paths; of a folder, those right in it."""
    for path in paths:
        yield from sorted(path.glob("*.py")) if path.is_dir() else [path]


def chosen(given: argparse.Namespace) -> Iterator[Scenario]:
    """The scenarios to run, in the order of their files."""
    for path in files(given.paths):
        yield from (one for one in find_scenarios(str(path)) if given.expect in (None, one.expect))


def once(scenario: Scenario, engine: str, seed: int, seconds: float) -> Result:
    """One run."""
    ends = scenario.expect != "held"
    [result] = run([scenario], Config(duration_s=seconds, engine=engine, seed=seed, stop_on_violation=ends))
    return result


def entry(result: Result, engine: str) -> dict[str, Any]:
    """What is kept of a run."""
    tally, verdict = result.tally, result.verdict
    return {
        "scenario": result.scenario.name,
        "engine": engine,
        "expects": result.scenario.expect,
        "verdict": verdict.name,
        "as_expected": result.as_expected,
        "violations": tally.violations,
        "lookups": tally.lookups,
        "trials": tally.caught.trials,
        "first_s": tally.first_violation_s,
        "reason": verdict.reason,
    }


def good(one: dict[str, Any]) -> bool:
    """Whether a run is as expected; what should hold may also be left open, with its reason."""
    undecided = one["expects"] == "held" and one["verdict"] == INCONCLUSIVE and not one["violations"]
    return one["as_expected"] or undecided


def row(runs: list[dict[str, Any]]) -> str:
    """The runs of one scenario in one line."""
    firsts = [one["first_s"] for one in runs if one["first_s"] is not None]
    verdicts = ", ".join(f"{count} {name}" for name, count in Counter(one["verdict"] for one in runs).items())
    sums = {name: sum(one[name] for one in runs) for name in ("violations", "lookups", "trials")}
    cells = [
        f"{runs[0]['scenario']:42} {runs[0]['engine']:7}",
        f"{sum(one['as_expected'] for one in runs)} of {len(runs)}",
        verdicts,
        *(f"{name} {value:,}" for name, value in sums.items()),
    ]
    return "  ".join([*cells, f"first {median(firsts):.4f} s"] if firsts else cells)


def main() -> int:
    """Read the command line; 1 if a run was not as expected."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("paths", nargs="+", type=Path, metavar="PATH")
    parser.add_argument("--times", type=int, default=1)
    parser.add_argument("--seconds", type=float, default=2.0)
    parser.add_argument("--engine", action="append", choices=["native", "python"])
    parser.add_argument("--expect")
    parser.add_argument("--json", type=Path)
    given = parser.parse_args()
    bad = 0
    for scenario in chosen(given):
        for engine in given.engine or ["native", "python"]:
            runs = [entry(once(scenario, engine, seed, given.seconds), engine) for seed in range(given.times)]
            bad += not all(map(good, runs))
            print(row(runs), flush=True)
            if given.json:
                with given.json.open("a") as file:
                    file.writelines(json.dumps(one) + "\n" for one in runs)
    return 1 if bad else 0


if __name__ == "__main__":
    raise SystemExit(main())
