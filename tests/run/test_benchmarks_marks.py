"""The benchmark of the stress marks: its bugs are found by them, and are bugs of threads alone; its twins hold."""

import subprocess
import sys
from functools import partial
from pathlib import Path

import pytest

from benchmarks.marks import Score, installed, once, runnable, table
from benchmarks.methods import METHODS, bare, is_installed, ours
from benchmarks.peers.races import RACES, RIGHT, twin
from benchmarks.reach import installed as reached
from tests.frontdoor.command import BOUND_SECONDS, CHECKOUT, environment

TWIN_SECONDS = 0.3
CALLS = 1000


@pytest.mark.parametrize("bug", runnable(lambda line: None))
def test_a_stress_mark_finds_a_planted_bug_within_a_second(bug: str) -> None:
    seconds = once("stress mark", bug)
    assert seconds is not None
    assert 0 < seconds < 1


@pytest.mark.parametrize("bug", RACES)
def test_the_twin_of_a_bug_shows_nothing_under_a_stress_mark(bug: str) -> None:
    assert ours(partial(twin, bug), TWIN_SECONDS).first is None


@pytest.mark.parametrize("bug", RACES)
def test_the_twin_of_a_bug_shows_nothing_to_bare_threads(bug: str) -> None:
    assert bare(partial(twin, bug), TWIN_SECONDS).first is None


@pytest.mark.parametrize("bug", RACES)
def test_a_bug_does_not_show_in_a_single_thread(bug: str) -> None:
    race = RACES[bug]()
    for _ in range(CALLS):
        race.write()
        assert race.read() == RIGHT


@pytest.mark.parametrize("method", METHODS)
def test_a_method_that_is_installed_runs_for_its_time_or_finds_the_bug(method: str) -> None:
    if not is_installed(method):
        pytest.skip(f"{method} is not installed")
    done = subprocess.run(
        [sys.executable, "-m", "benchmarks.marks", "--once", method, "list"],
        cwd=CHECKOUT, env=environment(), capture_output=True, text=True, timeout=BOUND_SECONDS, check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    assert '{"seconds": ' in done.stdout


def test_a_method_that_is_not_installed_is_told_and_left_out(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("benchmarks.methods.find_spec", lambda name: None)
    told: list[str] = []
    assert installed(told.append) == ["stress mark", "bare threads"]
    assert told == [f"{name} is not installed and is left out" for name in ("racecheck", "pytest-run-parallel")]


def test_what_breaks_the_interpreter_without_a_gil_is_told_and_left_out(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("benchmarks.marks.gil_enabled", lambda: False)
    told: list[str] = []
    assert runnable(told.append) == ["pool", "list", "bytecodes"]
    assert told == ["lru needs a GIL and is left out"]


def test_the_table_has_a_row_for_each_bug_and_a_column_for_each_method() -> None:
    scores = [
        Score("lru", "stress mark", (0.002, 0.004)),
        Score("lru", "bare threads", (None, 0.5)),
        Score("pool", "stress mark", (0.1, None)),
        Score("pool", "bare threads", (None, None)),
    ]
    assert table(scores).splitlines() == [
        "| bug | stress mark | bare threads |",
        "| --- | --- | --- |",
        "| lru | 2 of 2, 3.0 ms | 1 of 2, 500.0 ms |",
        "| pool | 1 of 2, 100.0 ms | 0 of 2 |",
    ]


def test_the_planted_bugs_of_an_installed_package_are_found_and_their_twins_hold(tmp_path: Path) -> None:
    assert reached(tmp_path, times=1, duration="300ms") == {
        f"test_{name}[{way}]": (1, 1)
        for name in ("lazy", "shelf", "listeners", "tickets")
        for way in ("races", "holds")
    }
