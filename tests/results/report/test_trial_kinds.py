"""What a trial is: of a scenario, of rounds, of an earlier version; a test without rounds has none, and no bound."""

import re
from pathlib import Path
from typing import Any

from stress.results.load.entries import Source
from stress.results.load.gather import gather
from stress.results.report.bars import COUNTS, bars_of
from stress.results.report.curves import families
from stress.results.report.sections import hosts, not_seen
from stress.results.report.statistics import rows_of, standings_of, summary_of
from stress.results.report.trial_kinds import CHANGES, ROUNDS, WINDOWS
from tests.results.report.made import a_run, small_sweep, write_runs

NO_TRIALS: dict[str, Any] = {"trials": None, "catches": None, "catch_rate_upper_95": None}
TOLD = "these are no independent trials, so nothing bounds the rate"


def a_held_run() -> Any:
    """A run of a scenario that is HELD."""
    return a_run("stop_machine", "held", "modlist_spinlock")


def of_a_test(**more: Any) -> Any:
    """A run of a test's own bodies that is HELD, as `pytest --stress-results` keeps it."""
    noise = "switches at lines and instructions: test_it.py 1,064"
    stops = {"count": 0, "p50_us": None, "p99_us": None, "max_us": None}
    bodies = {"scenario": "test_it.py::test_it", "again": "pytest test_it.py", "noise": noise, "stop_machine": stops}
    none = {"twin": None, "unloads": 0, "rate_upper_95": None, **NO_TRIALS}
    return {**a_held_run(), **bodies, **none, "race_windows": 3637, **more}


def earlier(run: Any) -> Any:
    """The same run as a version wrote it that counted no trials."""
    return {name: value for name, value in run.items() if not re.match("trials|catch", name)}


def source_of(folder: Path, *runs: Any) -> Source:
    [source] = gather([write_runs(folder / "run-1.json", *runs)])
    return source


def test_a_test_without_rounds_has_no_rate_and_no_bound_anywhere(tmp_path: Path) -> None:
    held = of_a_test()
    violated = of_a_test(verdict="violated", violations=58, as_expected=False, first_violation_s=0.1)
    source = source_of(tmp_path, held, violated)
    [row] = rows_of(source)
    assert (row.rate, row.bound) == (None, None)
    assert not_seen([source]) == [
        f"test_it.py::test_it, python engine, 4 CPUs: not reproduced: 3,637 operations overlapped others; {TOLD}"
    ]
    assert [bars.title for bars in bars_of(source, source.scenarios())] == [COUNTS]
    titles = [chart.title for family in families(source) for chart in family.charts]
    assert titles == ["time to first violation", "operations a second"]


def test_a_trial_of_a_test_with_rounds_is_a_round(tmp_path: Path) -> None:
    source = source_of(tmp_path, of_a_test(trials=3000, catches=0))
    assert [(bars.title, bars.unit) for bars in bars_of(source, source.scenarios())] == [
        (ROUNDS.title, "catches per round"), (COUNTS, "times"),
    ]  # fmt: skip
    [line] = not_seen([source])
    assert "not reproduced: 3,000 rounds, 0 caught; at most 0.001 per round (95 %)" in line
    assert ROUNDS.axis in [chart.title for family in families(source) for chart in family.charts]


def test_bars_say_what_the_rate_of_each_kind_is_of(tmp_path: Path) -> None:
    source = source_of(tmp_path, a_run(), earlier(a_held_run()))
    rates = [bars for bars in bars_of(source, source.scenarios()) if bars.title != COUNTS]
    assert [(bars.title, bars.unit, bars.exact) for bars in rates] == [
        (kind.title, kind.axis, kind.bar) for kind in (CHANGES, WINDOWS)
    ]
    assert [[bar.label for bar in bars.bars] for bars in rates] == [["modlist_spinlock"], ["stop_machine"]]


def test_conditions_of_a_test_have_its_own_noise_and_nothing_that_bodies_have_not(tmp_path: Path) -> None:
    [host] = hosts([source_of(tmp_path, of_a_test(), of_a_test(noise="no switches at lines or instructions"))])
    facts = dict(host.facts)
    assert facts["noise"] == "switches at lines and instructions: test_it.py 1,064 (the first of 2 runs)"
    assert not {"KASAN", "pace"} & set(facts)
    [quiet] = hosts([source_of(tmp_path, of_a_test(noise=None))])
    assert dict(quiet.facts)["noise"] == "none"
    [scenario] = hosts([source_of(tmp_path, a_held_run())])
    assert {"KASAN": "on", "noise": "1/64", "pace": "1ms"}.items() <= dict(scenario.facts).items()


def test_trials_and_race_windows_are_never_added_up(tmp_path: Path) -> None:
    new, old = a_held_run(), earlier(a_held_run())
    source = source_of(tmp_path, new, old, old)
    told = [
        ("trials were counted", 1, new["race_windows"], 3 / new["trials"]),
        ("earlier version without trials", 2, 2 * old["race_windows"], 3 / (2 * old["race_windows"])),
    ]
    for rows in (rows_of(source), summary_of(source)):
        assert [(row.settings, row.applicable, row.windows, row.bound) for row in rows] == told
    assert [row.applicable for row in standings_of(source)] == [3]
    trials, windows = not_seen([source])
    assert f"{new['trials']:,} overlapped changes, 0 caught" in trials
    assert f"{2 * old['race_windows']:,} race windows, 0 caught" in windows


def test_what_broke_has_no_trials_and_stands_in_the_row_of_its_cell(tmp_path: Path) -> None:
    [source] = gather([small_sweep(tmp_path / "sweep", {0: "hung", 5: "crashed"})])
    assert [(len(row.entries), row.note) for row in rows_of(source)] == [(2, "")] * 12
