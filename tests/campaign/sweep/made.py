"""Sweeps made for the tests of `stress.campaign.sweep`: plans, cells that have ended, and run directories."""

import functools
import json
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import pytest

from stress.campaign.journal import Journal
from stress.campaign.records import Session
from stress.campaign.sweep.matrix import Matrix, read_plan
from stress.campaign.sweep.plan import new_plan, order, seed_of_cell
from stress.campaign.sweep.records import CellResult, Plan
from stress.campaign.sweep.sweep import session_of_host
from stress.campaign.sweep.sweepdir import CELLS, KIND
from stress.config import Config
from stress.errors import UserError
from stress.judge.tally import Tally
from stress.runs.report import Report
from tests.frontdoor.results import made_result

PAIR = ("modlist_spinlock", "stop_machine")
CPUS = (2, 3)
LOST = Report(("FAILED: the machine's process died of SIGSEGV", "Fatal Python error"), {"reason": "SIGSEGV"})


@functools.cache
def plan_of(*scenarios: str, repeat: int = 2) -> Plan:
    """A plan of the pair on two CPU counts of the python engine."""
    axes = {"engine": ("python",), "cpus": CPUS}
    return new_plan(Matrix(scenarios=scenarios or PAIR, axes=axes, repeat=repeat, seed=7, duration_s=0.05))


@functools.cache
def session() -> Session:
    """A session that begins now."""
    return session_of_host(plan_of())


@functools.cache
def run_text(verdict: str) -> str:
    """A run of `stop_machine` with this verdict, as JSON."""
    return json.dumps(made_result("held", verdict, Config(), Tally()).as_json())


def run_json(verdict: str = "held", **more: Any) -> dict[str, Any]:
    """A run of `stop_machine` with this verdict."""
    counts = {"lookups": 100, "unloads": 10, "race_windows": 50, "violations": 0, "duration_s": 0.05}
    return {**json.loads(run_text(verdict)), **counts, **more}


def ended(number: int, repeat: int = 1, **more: Any) -> CellResult:
    """A cell that is done, unless told otherwise."""
    values: dict[str, Any] = {"end": "done", "run": run_json(), "trouble": None, "first_lookup_s": 0.25, **more}
    seed = seed_of_cell(plan_of(), number, repeat)
    return CellResult(
        at="2026-01-01T00:00:01Z", session=0, number=number, repeat=repeat, seed=seed, seconds=0.5, **values
    )  # fmt: skip


ENDED = tuple(ended(number, repeat) for number, repeat in list(order(plan_of()))[:5])


def open_journal(results: Path, cells: Iterable[CellResult] = ENDED) -> Journal:
    """A journal in a new run directory in `results`, with these cells in it."""
    journal = Journal.create(KIND, results, plan_of(), session())
    for one in cells:
        journal.add_line(CELLS, one)
    return journal


def make_sweep(results: Path, cells: Iterable[CellResult] = ENDED) -> Path:
    """A run directory of a sweep whose process is gone."""
    journal = open_journal(results, cells)
    journal.close()
    return journal.folder


def plan_file(folder: Path, text: str) -> Path:
    """A plan."""
    path = folder / "plan.toml"
    path.write_text(text)
    return path


def errors_of(path: Path) -> list[str]:
    """The lines with which a plan is refused."""
    with pytest.raises(UserError) as caught:
        read_plan(path)
    lines = str(caught.value).split("\n")
    assert all(line.isprintable() for line in lines)
    return lines
