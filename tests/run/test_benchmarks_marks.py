"""The benchmark of the stress marks: its faults are found by them, and are faults of threads alone; its twins hold."""

import subprocess
import sys
from pathlib import Path

import pytest

from benchmarks.marks import Score, installed, once, runnable, table
from benchmarks.methods import METHODS, bare, is_installed, ours, rounds
from benchmarks.peers.shapes import SHAPES
from benchmarks.peers.shapes.shape import RIGHT, THREADS
from benchmarks.reach import installed as reached
from tests.frontdoor.command import BOUND_SECONDS, CHECKOUT, environment

TWIN_SECONDS = 0.3
FIND_SECONDS = 20.0
"""Milliseconds on an idle host; a busy one gives the threads no core for seconds."""
CALLS = 200
OF_ONE_THREAD = [name for name, shape in SHAPES.items() if not shape.hangs and name != "thread's ident again"]
"""An ident is used again for one thread after the other, too; and one thread alone waits for itself in no shape."""


@pytest.mark.parametrize("name", runnable(lambda line: None))
def test_a_stress_mark_finds_a_fault(name: str) -> None:
    assert once("stress mark", name, seconds=FIND_SECONDS) is not None


@pytest.mark.parametrize("name", SHAPES)
def test_the_mended_twin_of_a_fault_shows_nothing_under_a_stress_mark(name: str) -> None:
    assert ours(SHAPES[name], SHAPES[name].mended, TWIN_SECONDS).first is None


@pytest.mark.parametrize("name", SHAPES)
def test_the_mended_twin_of_a_fault_shows_nothing_to_bare_threads(name: str) -> None:
    method = rounds if SHAPES[name].in_rounds else bare
    assert method(SHAPES[name], SHAPES[name].mended, TWIN_SECONDS).first is None


@pytest.mark.parametrize("name", OF_ONE_THREAD)
def test_a_fault_does_not_show_in_a_single_thread(name: str) -> None:
    shape = SHAPES[name]
    subject = shape.faulty()
    for _ in range(CALLS):
        subject = shape.faulty() if shape.in_rounds else subject
        returned = [shape.body(number)(subject) for number in range(THREADS)]
        assert shape.has_check or set(returned) == {RIGHT}
        assert shape.check(subject, returned) == RIGHT


@pytest.mark.parametrize("method", METHODS)
def test_a_method_that_is_installed_runs_for_its_time_or_finds_the_fault(method: str) -> None:
    if not is_installed(method):
        pytest.skip(f"{method} is not installed")
    done = subprocess.run(
        [sys.executable, "-m", "benchmarks.marks", "--once", method, "two numbers"],
        cwd=CHECKOUT, env=environment(), capture_output=True, text=True, timeout=BOUND_SECONDS, check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    assert '{"seconds": ' in done.stdout


def test_a_method_that_is_not_installed_is_told_and_left_out(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("benchmarks.methods.find_spec", lambda name: None)
    told: list[str] = []
    assert installed(told.append) == ["stress mark", "with boot", "bare threads", "barrier rounds"]
    peers = ("racecheck", "pytest-run-parallel", "frontrun")
    assert told == [f"{name} is not installed and is left out" for name in peers]


def test_what_breaks_the_interpreter_without_a_gil_is_told_and_left_out(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("benchmarks.marks.gil_enabled", lambda: False)
    told: list[str] = []
    assert set(SHAPES) - set(runnable(told.append)) == {"cache: looks, then acts"}
    assert told == ["cache: looks, then acts needs a GIL and is left out"]


def test_the_table_has_a_row_for_each_shape_and_a_column_for_each_method() -> None:
    scores = [
        Score("lru", "stress mark", (0.002, 0.004)),
        Score("lru", "bare threads", (None, 0.5)),
        Score("pool", "stress mark", (0.1, None)),
        Score("pool", "bare threads", (None, None)),
    ]
    assert table(scores).splitlines() == [
        "| fault | stress mark | bare threads |",
        "| --- | --- | --- |",
        "| lru | 2 of 2, 3.0 ms | 1 of 2, 500.0 ms |",
        "| pool | 1 of 2, 100.0 ms | 0 of 2 |",
    ]


def test_the_planted_bugs_of_an_installed_package_are_found_and_their_twins_hold(tmp_path: Path) -> None:
    assert reached(tmp_path, times=1, duration="1s") == {
        f"test_{name}[{way}]": (1, 1)
        for name in ("lazy", "shelf", "listeners", "tickets")
        for way in ("races", "holds")
    }
