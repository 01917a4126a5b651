"""The command line: what it prints, its JSON, its exit codes, and how it takes signals."""

import json
import signal
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from stress.config import Config
from stress.errors import HostError
from stress.exits import exit_code
from stress.runs import runner
from stress.runs.codec import violation_json
from stress.runs.result import Result
from stress.scenario import Scenario
from tests.frontdoor.command import (
    BOUND_SECONDS,
    CHECKOUT,
    called,
    command_line,
    environment,
    kstress,
    wait_until_cpus_run,
)
from tests.frontdoor.promised import CONDITION_KEYS, RUN_KEYS
from tests.frontdoor.results import made_result
from tests.frontdoor.violations import VIOLATION

SHORT = ("--engine", "python", "--duration", "1s", "--cpus", "3")
FIRST = ("--engine", "python", "--duration", "60s", "--stop-on-violation")
"""Up to the first violation, which comes within a second."""


@pytest.fixture(scope="module")
def kept(tmp_path_factory: pytest.TempPathFactory) -> tuple[str, Path]:
    """What a run printed, and the folder that it was to keep its results in."""
    folder = tmp_path_factory.mktemp("kept")
    done = kstress("run", "modlist_spinlock", *SHORT, "--seed", "7", "--reports", "2", "--results", str(folder))
    assert done.returncode == 0, done.stderr
    return done.stdout, folder


def run_json(*arguments: str) -> dict[str, Any]:
    """The JSON of a run that was as expected."""
    done = kstress("run", *arguments, "--json", "-")
    assert done.returncode == 0, done.stderr
    document: dict[str, Any] = json.loads(done.stdout)
    return document


@pytest.mark.native
def test_without_arguments_run_plays_the_pair() -> None:
    for duration in ("1s", "4s"):  # a busy host makes too little of the first to tell
        done = kstress("run", "--duration", duration, "--json", "-")
        if "INCONCLUSIVE" not in done.stderr:
            break
    document = json.loads(done.stdout)
    assert done.returncode == 0
    assert document["schema"] == 1
    before, after = document["runs"]
    assert (before["scenario"], before["verdict"]) == ("modlist_spinlock", "violated")
    assert (after["scenario"], after["verdict"]) == ("stop_machine", "held")
    assert after["violations"] == 0 < after["race_windows"]
    assert after["twin"]["scenario"] == "modlist_spinlock"
    assert after["twin"]["violations"] > 0


def test_results_are_kept_in_a_file_of_their_own_with_the_keys_that_are_promised(kept: tuple[str, Path]) -> None:
    [file] = kept[1].iterdir()
    [run] = json.loads(file.read_text())["runs"]
    assert run["scenario"] == "modlist_spinlock"
    assert set(run) == RUN_KEYS
    assert set(run["conditions"]) == CONDITION_KEYS
    assert set(run["stop_machine"]) == {"count", "p50_us", "p99_us", "max_us"}
    assert run["lookups"] == sum(run["outcomes"].values())
    assert run["violations"] == sum(
        run["outcomes"][name] for name in run["outcomes"] if name not in ("found", "absent")
    )
    assert run["first_violation_s"] < run["duration_s"]


def keys_of(value: Any) -> set[str]:
    """Every key of a JSON value, at any depth."""
    if isinstance(value, list):
        return {key for item in value for key in keys_of(item)}
    return set(value) | keys_of(list(value.values())) if isinstance(value, dict) else set()


def test_results_readme_documents_every_key_of_reports() -> None:
    text = (CHECKOUT / "results" / "README.md").read_text()
    keys = keys_of(violation_json(VIOLATION, ""))
    assert len(keys) > 30
    assert [key for key in keys if f"`{key}`" not in text] == []


def test_reports_are_printed_as_asked_for(kept: tuple[str, Path]) -> None:
    assert kept[0].count("BUG: kstress:") == 2
    none = kstress("run", "modlist_spinlock", *FIRST, "--reports", "0")
    assert "VIOLATED as expected" in none.stdout
    assert "BUG: kstress:" not in none.stdout
    assert called("run", "--reports", "9").returncode == 2


def test_results_readme_documents_every_key() -> None:
    text = (CHECKOUT / "results" / "README.md").read_text()
    assert [key for key in RUN_KEYS | CONDITION_KEYS if f"`{key}`" not in text] == []


def test_the_table_says_verdict_outcomes_and_how_to_run_again(kept: tuple[str, Path]) -> None:
    text, _ = kept
    for part in ("VIOLATED as expected", "wild", "a real CPU would have oopsed", "race windows", "99 %"):
        assert part in text
    [again] = [line for line in text.splitlines() if line.startswith("again")]
    for part in (
        "kstress run modlist_spinlock",
        "--engine python",
        "--cpus 3",
        "--seed 7",
        "--noise 1/64",
        "--pace 1ms",
    ):
        assert part in again


def test_the_command_to_run_again_runs(kept: tuple[str, Path]) -> None:
    [again] = [line for line in kept[0].splitlines() if line.startswith("again")]
    assert kstress(*again.split()[2:]).returncode == 0


def test_too_few_cpus_are_inconclusive_and_exit_3() -> None:
    done = called("run", "stop_machine", "--engine", "python", "--cpus", "1")
    assert done.returncode == 3
    assert "needs at least 2 CPUs" in done.stdout


def test_stop_on_violation_ends_the_run_early() -> None:
    [run] = run_json("modlist_spinlock", *FIRST)["runs"]
    assert run["violations"] >= 1
    assert run["duration_s"] < 60


def test_list_shows_every_scenario_in_every_form() -> None:
    rows = json.loads(called("list", "--json").stdout)["scenarios"]
    assert {row["scenario"] for row in rows} == {path.stem for path in (CHECKOUT / "scenarios").glob("*.py")}
    for form in ([], ["--markdown"]):
        text = called("list", *form).stdout
        assert all(row["scenario"] in text for row in rows)


def test_corpus_show_shows_the_bundled_corpus() -> None:
    done = called("corpus", "show")
    assert done.returncode == 0
    assert "linux-image" in done.stdout


def interrupted(number: signal.Signals, *scenarios: str, json_file: str = "-") -> tuple[int, str]:
    """Exit code and standard output of an hour's run that gets a signal once it runs."""
    command = command_line(["run", *scenarios, "--engine", "python", "--duration", "1h", "--json", json_file])
    process = subprocess.Popen(
        command, env=environment(), stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, start_new_session=True
    )
    wait_until_cpus_run(process)
    process.send_signal(number)
    out, _ = process.communicate(timeout=BOUND_SECONDS)
    return process.returncode, out


@pytest.mark.parametrize(("number", "code"), [(signal.SIGINT, 130), (signal.SIGTERM, 143)])
def test_a_signal_ends_the_run_with_what_it_learnt(number: signal.Signals, code: int) -> None:
    returned, out = interrupted(number, "stop_machine")
    assert returned == code
    [run] = json.loads(out)["runs"]
    assert run["interrupted"]
    assert run["lookups"] > 0


def test_what_a_signal_kept_from_running_is_told_in_every_form(tmp_path: Path) -> None:
    file, left = tmp_path / "run.json", ["modlist_spinlock", "reused_memory"]
    code, out = interrupted(signal.SIGINT, "stop_machine", *left, json_file=str(file))
    assert code == 130
    assert "not run: modlist_spinlock, reused_memory" in out.splitlines()
    assert json.loads(file.read_text())["asked"] == {"scenarios": ["stop_machine", *left], "ended": "interrupted"}
    told = called("report", str(file), "--csv", str(tmp_path / "table.csv"))
    assert told.returncode == 0, told.stderr
    assert "\nInterrupted in 1 of 3 runs, not run: modlist_spinlock, reused_memory" in told.stdout


def test_what_was_not_run_for_want_of_memory_is_told_too(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    file, run = tmp_path / "run.json", runner.run_scenario

    def starved(scenario: Scenario, *more: Any) -> Result:
        if scenario.name == "stop_machine":
            raise HostError("out of memory: planted")
        return run(scenario, *more)

    monkeypatch.setattr(runner, "run_scenario", starved)
    done = called("run", "modlist_spinlock", "stop_machine", *FIRST, "--json", str(file))
    assert done.returncode == 2
    assert "not run: stop_machine" in done.stdout.splitlines()
    assert done.stderr.splitlines()[-1] == "kstress: out of memory: planted"
    asked = {"scenarios": ["modlist_spinlock", "stop_machine"], "ended": "failed"}
    assert json.loads(file.read_text())["asked"] == asked


def test_a_run_that_came_to_its_end_says_so(tmp_path: Path) -> None:
    file = tmp_path / "run.json"
    done = called("run", "modlist_spinlock", *FIRST, "--json", str(file))
    assert "not run" not in done.stdout
    assert json.loads(file.read_text())["asked"] == {"scenarios": ["modlist_spinlock"], "ended": "complete"}


def test_a_reader_that_goes_away_is_no_error() -> None:
    command = command_line(["list", "--json"])
    process = subprocess.Popen(command, env=environment(), stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
    assert process.stdout is not None
    process.stdout.close()
    _, errors = process.communicate(timeout=BOUND_SECONDS)
    assert "Traceback" not in errors


@pytest.mark.parametrize(
    ("verdicts", "signal_number", "code"),
    [
        ([("held", "held")], 0, 0),
        ([("held", "violated")], 0, 1),
        ([("violated", "inconclusive")], 0, 3),
        ([("violated", "inconclusive"), ("held", "violated")], 0, 1),
        ([("held", "violated")], 2, 1),
        ([("held", "held")], 15, 143),
        ([("held", "inconclusive")], 2, 130),
        ([], 2, 130),
    ],
)
def test_exit_codes_follow_their_order(verdicts: list[tuple[str, str]], signal_number: int, code: int) -> None:
    results = [made_result(expect, verdict, Config()) for expect, verdict in verdicts]
    assert exit_code(results, signal_number) == code


def test_what_is_exported_is_not_hidden_by_a_module_of_its_name() -> None:
    code = (
        "import stress, stress.campaign.soak.soak, stress.doctor\n"
        "print([name for name in stress.__all__ if not callable(getattr(stress, name))], 'hidden')"
    )
    done = subprocess.run(
        [sys.executable, "-c", code],
        env=environment(),
        capture_output=True,
        text=True,
        timeout=BOUND_SECONDS,
        check=True,
    )
    assert done.stdout == "[] hidden\n"
