"""`kstress sweep`: every cell once, each in a process of its own; plans, exit codes, signals, and going on."""

import json
import signal
from pathlib import Path

import pytest

from stress import Matrix, resume_sweep
from stress import sweep as run_sweep
from tests.frontdoor.command import called
from tests.frontdoor.soaking import assert_fails, contents, running, scenario_file, wait_until
from tests.frontdoor.sweeping import (
    QUICK,
    all_once,
    cells,
    last_facts,
    lines_of_cells,
    sweep,
    swept,
    the_sweep,
    times_of_cells,
)

MANY = ("modlist_spinlock", "stop_machine", *QUICK, "--cpus", "2,3", "--repeat", "50")


def test_every_cell_runs_once_and_all_is_told(tmp_path: Path) -> None:
    done = sweep(tmp_path, "modlist_spinlock", "stop_machine", *QUICK, "--cpus", "2,3", "--repeat", "2", "--json", "-")
    assert done.returncode in (0, 1, 3), done.stderr
    folder = the_sweep(tmp_path)
    assert times_of_cells(folder) == all_once(4, 2)
    runs = json.loads(done.stdout)["runs"]
    assert runs == [cell["run"] for cell in cells(folder)]
    assert {(run["scenario"], run["cpus"], run["engine"]) for run in runs} == {
        (name, cpus, "python") for name in ("modlist_spinlock", "stop_machine") for cpus in (2, 3)
    }
    told = last_facts(done.stderr)
    assert (told["status"], told["cells"], told["ended"]) == ("complete", "8", "8")
    assert int(told["as_expected"]) + int(told["other_verdict"]) == 8
    assert len(list(lines_of_cells(done.stderr))) == 8
    assert len({cell["seed"] for cell in cells(folder)}) == 8
    assert all(0 < cell["first_lookup_s"] < cell["seconds"] for cell in cells(folder))


def test_a_plan_says_it_all(tmp_path: Path) -> None:
    plan = tmp_path / "plan.toml"
    plan.write_text(
        'scenarios = ["modlist_spinlock"]\nduration = "50ms"\nrepeat = 1\nseed = 3\nstop-on-violation = true\n'
        '[axes]\nengine = "python"\ncpus = [2]\nfate = ["poisoned", "unmapped"]\npace = ["0s", "1ms"]\n'
    )
    done = swept(tmp_path, str(plan))
    assert done.returncode in (0, 1, 3), done.stderr
    runs = [cell["run"] for cell in cells(the_sweep(tmp_path))]
    assert {(run["conditions"]["fate"], run["conditions"]["pace_s"]) for run in runs} == {
        (fate, pace) for fate in ("poisoned", "unmapped") for pace in (0.0, 0.001)
    }
    assert last_facts(done.stdout)["seed"] == "3"


def test_the_exit_code_says_what_the_cells_came_to(tmp_path: Path) -> None:
    held, stopped = scenario_file(tmp_path, "hopeful", expect="held"), ("--stop-on-violation", "--repeat", "1")
    quick = ("--engine", "python", "--cpus", "3")
    good = swept(tmp_path / "good", "modlist_spinlock", *quick, *stopped, "--duration", "20s")
    other = swept(tmp_path / "other", str(held), *quick, *stopped, "--duration", "20s")
    few = swept(tmp_path / "few", "stop_machine", "--engine", "python", "--cpus", "1", *stopped, "--duration", "50ms")
    assert (good.returncode, other.returncode, few.returncode) == (0, 1, 3)


@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        ([], "SCENARIO: a sweep needs at least one scenario"),
        (["nosuch"], "nosuch"),
        (["stop_machine", "--cpus", "0,2"], "--cpus: must be from 1 to 1024 (got 0)"),
        (["stop_machine", "--gap", "1ms"], "--gap: stop_machine has no hypervisor"),
        (["nosuch.toml"], "cannot read nosuch.toml"),
        (["--resume", "nowhere"], "--resume: nowhere cannot be opened"),
        (["--resume", ".", "stop_machine", "--cpus", "2"], "leave stop_machine, --cpus out"),
    ],
)
def test_wrong_input_is_one_line_and_nothing_starts(arguments: list[str], told: str, tmp_path: Path) -> None:
    assert_fails(called("sweep", *arguments, cwd=tmp_path), told)
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_a_signal_ends_it_with_what_has_ended_and_the_rest_runs_later(number: signal.Signals, tmp_path: Path) -> None:
    with running(*MANY, "--results", str(tmp_path), verb="sweep") as sweeping:
        folder = sweeping.hear_directory()
        wait_until(lambda: len(cells(folder)) >= 2, "two cells")
        sweeping.signal(number)
        code = sweeping.wait()
    told = last_facts(sweeping.printed)
    assert code in (1, 128 + number)
    assert (told["status"], int(told["ended"])) == ("interrupted", len(cells(folder)))
    assert 2 <= len(cells(folder)) < 200
    assert len(list(lines_of_cells(sweeping.printed))) == len(cells(folder))


def test_what_is_left_runs_and_nothing_else(tmp_path: Path) -> None:
    matrix = Matrix(
        scenarios=("modlist_spinlock",), axes={"engine": ("python",), "cpus": (2, 3)}, repeat=2, duration_s=0.05
    )
    started: list[int] = []

    def after_two() -> bool:
        started.append(1)
        return len(started) > 30

    first = run_sweep(matrix, tmp_path, interrupted=after_two)
    before = contents(first.swept.folder)["cells.jsonl"]
    resumed = resume_sweep(first.swept.folder)
    assert contents(first.swept.folder)["cells.jsonl"].startswith(before)
    assert times_of_cells(first.swept.folder) == all_once(2, 2)
    assert resumed.swept.manifest.status == "complete"
    assert len(resumed.swept.manifest.sessions) == 2
    again = called("sweep", "--resume", str(first.swept.folder))
    assert again.returncode in (0, 1, 3), again.stderr
    assert times_of_cells(first.swept.folder) == all_once(2, 2)
    assert list(lines_of_cells(again.stdout)) == []


def test_a_cell_that_is_cut_short_is_not_kept(tmp_path: Path) -> None:
    matrix = Matrix(scenarios=("modlist_spinlock",), axes={"engine": ("python",)}, repeat=1, duration_s=600.0)
    asked: list[int] = []

    def after_some_time() -> bool:
        asked.append(1)
        return len(asked) > 40

    ending = run_sweep(matrix, tmp_path, interrupted=after_some_time)
    assert (ending.swept.manifest.status, ending.swept.ended) == ("interrupted", ())
    assert cells(ending.swept.folder) == []
