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
from stress.errors import HarnessError, UserError
from stress.judge.verdict import HELD, INCONCLUSIVE, STALLED, VIOLATED
from stress.marks import report
from stress.marks.bodies import printable
from stress.marks.cell import Cell
from stress.marks.crews.run_end import GRACE_SECONDS
from stress.marks.mark_run import MarkRun
from stress.marks.noise import noise_summary
from stress.marks.operations.tally import FREED
from stress.results.terminal.places import make_folder, write_results
from stress.runs.conditions import StealMeter, host_conditions
from stress.runs.result import json_text
from stress.safe_text import escaped, shortened
from stress.units import show_duration

OPTION = "--stress-results"
LONGEST_NAME = 1000
LONGEST_CUT = 900
"""The most characters of a name that a run file may have, and how many are kept of one that is longer."""
INTERRUPTS = (KeyboardInterrupt, pytest.exit.Exception)
"""What ends pytest, and says nothing of the code under test."""
STOPS = {"count": 0, "p50_us": None, "p99_us": None, "max_us": None}
OF_MACHINES_ALONE: dict[str, Any] = {"stop_machine": STOPS, "stall": None, "reports": [], "twin": None}
"""The keys of `kstress run` that a test's own bodies have nothing for."""
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


@attrs.frozen
class ItemEnd:
    """How an item ended. `error`: what ended its test, or else its teardown (`in_teardown`); None for a plain end.

    `accepted`: pytest counts no failure. `xfailed`: it failed as its `xfail` expects.
    """

    error: BaseException | None = None
    in_teardown: bool = False
    accepted: bool = True
    xfailed: bool = False

    @property
    def interrupted(self) -> bool:
        """Whether pytest itself ended there."""
        return isinstance(self.error, INTERRUPTS)


def run_json(run: MarkRun, nodeid: str, again: str, end: ItemEnd) -> dict[str, Any] | None:
    """A run of a test's bodies as JSON, with the keys of `kstress run`; None for one that says nothing.

    `lookups` are its operations, `race_windows` those that overlapped a writer's. An exception is an outcome, "raised"
    and its type, and a violation; so is a check that failed after the run. Beside those keys: `again`, the command that
    runs it again, `rounds`, and `noise`.
    """
    if _says_nothing(run):
        return None
    verdict, reason = _judged(run, end)
    beside = _beside(run, end, verdict)
    violations = run.violations + beside.total()
    cell, rounds = run.cell, run.rounds.current.number if run.rounds else None
    expect = _expected(verdict, end)
    return {
        "scenario": escaped(scenario_name(nodeid, cell)),
        "engine": "python",
        "cpus": run.cpus,
        "seed": cell.seed,
        "duration_s": round(run.seconds, 6),
        "expect": expect,
        "verdict": verdict,
        "reason": escaped(reason),
        "as_expected": verdict == expect,
        "applicable": True,
        "interrupted": run.cut is not None or end.interrupted,
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
        **OF_MACHINES_ALONE,
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


def _says_nothing(run: MarkRun) -> bool:
    """Whether it never began, the harness failed in it, or a body has ended it as skipped or as expected to fail."""
    failed = isinstance(run.cut, HarnessError | UserError)
    return not run.players or failed or any(isinstance(error, report.ENDINGS) for error in run.errors)


def _beside(run: MarkRun, end: ItemEnd, verdict: str) -> Counter[str]:
    """The violations that no body returned: exceptions, a use of something freed outside of operations."""
    # A check of the test that failed after a run without a fault is the one exception then.
    after = [end.error] if end.error and verdict == VIOLATED and not report.headline(run) else []
    raised = Counter(f"raised {type(error).__name__}" for error in run.errors or after)
    return raised + Counter([FREED] if run.stray else [])


def _judged(run: MarkRun, end: ItemEnd) -> tuple[str, str]:
    """The verdict, and why: what the run showed, else what cut it short, else how the rest of the test went."""
    headline = report.headline(run)
    name = headline.partition(":")[0].lower()
    if run.violations or run.errors or run.stray:
        return VIOLATED, headline
    if run.cut and name != STALLED:
        after = f"after {show_duration(run.seconds)} of {show_duration(run.cell.duration_s)}"
        return INCONCLUSIVE, f"{_told(run.cut)} {after}, {report.so_far(run)}"
    if headline:
        return name, headline
    if end.interrupted:
        return INCONCLUSIVE, "interrupted before the end of the test"
    if isinstance(end.error, pytest.PytestWarning):  # a filter makes an error of it
        return INCONCLUSIVE, _told(end.error)
    if end.error:
        return VIOLATED, f"{'the teardown' if end.in_teardown else 'a check after the run'} failed: {_told(end.error)}"
    return HELD, report.no_fault(run)


def _told(error: BaseException) -> str:
    """An exception in a line."""
    if isinstance(error, KeyboardInterrupt):
        return "interrupted"
    text = str(printable(error)).partition("\n")[0]
    return f"{type(error).__name__}: {shortened(text)}" if text else type(error).__name__


def _expected(verdict: str, end: ItemEnd) -> str:
    """The verdict that was expected: that of an item which pytest accepts, else the one that it asks for.

    Only a strict `xfail` is no success of pytest although nothing failed. What says too little is never expected.
    """
    if end.accepted and verdict != INCONCLUSIVE:
        return verdict
    return VIOLATED if verdict == HELD or (end.accepted and end.xfailed) else HELD


def _conditions(cell: Cell) -> dict[str, Any]:
    """The host, and the settings of a run as far as bodies have them: they take no noise of the machine's own."""
    config = Config(
        engine="python", cpus=cell.cpus, duration_s=cell.duration_s, seed=cell.seed, noise=Fraction(0), pace_s=0.0
    )
    return attrs.asdict(host_conditions(attrs.evolve(config, stall_after_s=GRACE_SECONDS), StealMeter()))
