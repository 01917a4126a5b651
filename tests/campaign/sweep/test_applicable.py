"""Cells with too few CPUs for their scenario: they are told, and count neither for nor against a sweep."""

from pathlib import Path
from typing import Any

import pytest

from stress.campaign.sweep.records import NOT_APPLICABLE, applies
from stress.campaign.sweep.sweep import SweepEnding
from stress.campaign.sweep.sweepdir import read_sweep
from stress.config import Config
from stress.results.compare.pairing import pair_up
from stress.results.load.gather import gather
from stress.results.report.sections import not_seen
from stress.results.report.statistics import answer, rows_of
from stress.results.terminal.sweep_summary import come_to, end_line
from stress.runs.runner import run
from tests.campaign.sweep.made import ended, make_sweep, run_json
from tests.results.report.made import a_run, write_runs

TOO_FEW: dict[str, Any] = {"applicable": False, "reason": "needs at least 3 CPUs, not 2", "as_expected": False}
NONE: dict[str, Any] = {"race_windows": 0, "violations": 0, "trials": 0, "catches": 0, "reports": []}


def swept(folder: Path, *runs: dict[str, Any]) -> SweepEnding:
    """A sweep whose cells have come to these runs."""
    cells = [ended(number, run=one) for number, one in enumerate(runs)]
    return SweepEnding(read_sweep(make_sweep(folder, cells)))


def test_a_run_on_too_few_cpus_says_that_it_does_not_apply() -> None:
    [result] = run(["stop_machine"], Config(cpus=1))
    assert (result.applicable, result.verdict.name, result.as_expected) == (False, "inconclusive", False)
    assert result.as_json()["applicable"] is False
    assert not applies({"reason": result.verdict.reason}), "an earlier version said it in the reason alone"
    assert applies({"reason": "no forbidden outcome in 3 race windows, but at the twin's rate it takes 9: run longer"})


def test_they_change_no_exit_code_of_a_sweep_unless_there_is_nothing_else(tmp_path: Path) -> None:
    none = run_json("inconclusive", **TOO_FEW)
    ending = swept(tmp_path / "a", none, run_json())
    assert ending.others == set()
    assert "as_expected=1 other_verdict=0 not_applicable=1 " in end_line(ending)
    assert swept(tmp_path / "b", none).others == {"inconclusive"}
    assert swept(tmp_path / "c", none, run_json("inconclusive", as_expected=False)).others == {"inconclusive"}
    assert come_to([ended(0, run=none), ended(0, 2)]) == "1 not applicable, 1 HELD"


@pytest.mark.parametrize("old", [False, True])
def test_a_report_is_about_the_others(tmp_path: Path, old: bool) -> None:
    none = a_run("stop_machine", "held", **NONE, verdict="inconclusive", cpus=1, **TOO_FEW)
    if old:
        del none["applicable"]
    [source] = gather([write_runs(tmp_path / "run-1.json", none, a_run())])
    assert answer([source]).headline == "It was as expected"
    assert answer([source]).sentence.endswith("1 not applicable: too few CPUs for the scenario.")
    assert [(row.standing, row.applicable) for row in rows_of(source)] == [(NOT_APPLICABLE, 0), ("as expected", 1)]
    assert not_seen([source]) == []
    assert [pair.scenario for pair in pair_up(source, source)] == ["modlist_spinlock"]
    [alone] = gather([write_runs(tmp_path / "run-2.json", none)])
    assert (answer([alone]).headline, answer([alone]).standing) == ("No run had CPUs enough", "inconclusive")
