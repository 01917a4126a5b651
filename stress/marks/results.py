"""Kept results: a run file for each stress item, which `kstress report` shows and `kstress compare` compares."""

import os
import time
from collections import Counter
from fractions import Fraction
from itertools import count
from pathlib import Path
from typing import Any
from zlib import crc32

import attrs
import pytest

from stress.config import Config
from stress.errors import UserError
from stress.marks import report
from stress.marks.cell import Cell
from stress.marks.crews.run_end import GRACE_SECONDS
from stress.marks.mark_run import MarkRun
from stress.marks.noise import noise_summary
from stress.marks.operations.tally import FREED
from stress.results.terminal.places import make_folder, write_results
from stress.runs.conditions import StealMeter, host_conditions
from stress.runs.result import json_text
from stress.safe_text import escaped, shortened

OPTION = "--stress-results"
LONGEST_NAME = 1000
LONGEST_CUT = 900
"""The most characters of a name that a run file may have, and how many are kept of one that is longer."""
STOPS = {"count": 0, "p50_us": None, "p99_us": None, "max_us": None}
_numbers = count(1)


def folder_of(config: pytest.Config) -> Path | None:
    """The folder for run files, from the command line or the settings file; None if there is none.

    Raises:
        UserError: when it cannot be made, or nothing can be written in it.
    """
    line, ini = config.getoption(OPTION), config.getini("stress_results")
    if not (line or ini):
        return None
    # Not from the folder of the moment: a test may have changed to another one when this is asked at its end.
    began = config.invocation_params.dir
    folder: Path = began / line if line else (config.inipath.parent if config.inipath else began) / ini
    make_folder(folder, OPTION if line else "stress_results in the settings file")
    return folder


def keep(folder: Path, run: dict[str, Any]) -> None:
    """Write one run as a file of its own; if that is not possible, the teardown of its item fails in one line."""
    name = f"run-{time.strftime('%Y%m%d-%H%M%S')}-{os.getpid()}-{next(_numbers)}.json"
    try:
        write_results(folder / name, json_text([run]), OPTION)
    except UserError as error:
        raise pytest.fail.Exception(str(error), pytrace=False) from None


def scenario_name(nodeid: str, cell: Cell) -> str:
    """The name under which an item's runs are repeats of each other: its node ID without its cell.

    The test's own parameters stay in it: runs with other parameters are no repeats.
    """
    file, colons, rest = nodeid.partition("::")
    test, _, ids = rest.partition("[")
    own = f"-{ids.removesuffix(']')}-".replace(f"-{cell.name}-", "-", 1)[1:-1]
    name = f"{file}{colons}{test}[{own}]" if own else f"{file}{colons}{test}"
    return name if len(name) <= LONGEST_NAME else f"{name[:LONGEST_CUT]}~{crc32(name.encode()):08x}"


def run_json(run: MarkRun, nodeid: str, again: str) -> dict[str, Any] | None:
    """A run of a test's bodies as JSON, with the keys of `kstress run`; None for one that a body has ended.

    `lookups` are its operations, `race_windows` those that overlapped a writer's. An exception is an outcome, "raised"
    and its type, and a violation. Beside those keys: `again`, the command that runs it again, `rounds`, and `noise`.
    """
    if any(isinstance(error, report.ENDINGS) for error in run.errors):
        return None
    beside = Counter(f"raised {type(error).__name__}" for error in run.errors) + Counter([FREED] if run.stray else [])
    violations = run.violations + beside.total()
    cell, rounds = run.cell, run.rounds.current.number if run.rounds else None
    verdict = "violated" if violations else (report.headline(run).partition(":")[0].lower() or "held")
    return {
        "scenario": escaped(scenario_name(nodeid, cell)),
        "engine": "python",
        "cpus": run.cpus,
        "seed": cell.seed,
        "duration_s": round(run.seconds, 6),
        "expect": "held",
        "verdict": verdict,
        "reason": escaped(report.headline(run)) or f"no fault in {run.operations:,} operations",
        "as_expected": verdict == "held",
        "applicable": True,
        "interrupted": False,
        "lookups": run.operations,
        "loads": 0,
        "unloads": 0,
        "race_windows": run.overlapped,
        "violations": violations,
        "trials": rounds,
        "catches": None if rounds is None else min(violations, rounds),
        "first_violation_s": min((first.seconds for first in run.firsts), default=None),
        "rate_upper_95": None,
        "outcomes": _named(sum((tally.outcomes for tally in run.tallies), start=beside)),
        "forbidden": list(_named(run.forbidden + beside)),
        "stop_machine": STOPS,
        "stall": None,
        "reports": [],
        "twin": None,
        "conditions": _conditions(cell),
        "again": escaped(again),
        "rounds": rounds,
        "noise": escaped(noise_summary.line(run.noise)) if run.noise else None,
    }


def _named(outcomes: Counter[str]) -> dict[str, int]:
    """How often each outcome came, by names that a file can have; names that become the same are one."""
    named = Counter[str]()
    for name, times in outcomes.items():
        named[shortened(escaped(name))] += times
    return dict(named)


def _conditions(cell: Cell) -> dict[str, Any]:
    """The host, and the settings of a run as far as bodies have them: they take no noise of the machine's own."""
    config = Config(
        engine="python", cpus=cell.cpus, duration_s=cell.duration_s, seed=cell.seed, noise=Fraction(0), pace_s=0.0
    )
    return attrs.asdict(host_conditions(attrs.evolve(config, stall_after_s=GRACE_SECONDS), StealMeter()))
