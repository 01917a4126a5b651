"""What README and help promise a newcomer: hints that work, nearest names, folders, `pytest scenarios/`."""

import shlex
import subprocess
import sys
from importlib.util import find_spec
from pathlib import Path
from types import SimpleNamespace

import pytest

from stress.corpus import bundled
from stress.corpus.show import symbols_text
from stress.doctor import examine
from stress.extras import EXTRAS, install_hint, missing_modules, package_version
from stress.results.load.gather import gather
from stress.results.report.sections import hosts, not_seen
from stress.runs.conditions import StealMeter, version_of_llvmlite
from tests.campaign.soak.made import make_run
from tests.frontdoor.command import BOUND_SECONDS, CHECKOUT, called
from tests.results.report.made import a_run, small_sweep, write_runs


def test_scenarios_run_as_tests_with_the_readmes_first_command_alone() -> None:
    """That environment has pytest and none of its plugins but kstress's own."""
    words = ["-p", "no:timeout", "-p", "no:xdist", "scenarios/going_still_listed.py", "--collect-only", "-q"]
    done = subprocess.run(
        [sys.executable, "-m", "pytest", *words],
        cwd=CHECKOUT, capture_output=True, text=True, timeout=BOUND_SECONDS, check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stdout + done.stderr
    assert "going_still_listed[python-4cpus]" in done.stdout


@pytest.mark.everywhere
@pytest.mark.parametrize("extra", EXTRAS)
def test_the_command_that_installs_an_extra_is_one_that_pip_takes(extra: str) -> None:
    words = shlex.split(install_hint(extra))
    assert {word.partition(">=")[0].replace("pyelftools", "elftools").replace("-", "_") for word in words} >= {
        *EXTRAS[extra]
    }
    if missing_modules(extra):
        pytest.skip("pip would fetch it")
    done = subprocess.run(
        [*words, "--dry-run", "--no-index", "--no-deps"],
        cwd=Path.cwd(), capture_output=True, text=True, timeout=BOUND_SECONDS, check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr


def test_an_environment_without_pip_is_filled_from_outside(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("stress.extras.find_spec", lambda name: None if name == "pip" else find_spec(name))
    monkeypatch.setattr("shutil.which", lambda name: "/usr/bin/python3")
    assert install_hint("report").startswith("python3 -m pip --python ")


def test_an_activated_environment_is_filled_by_the_python_that_made_it(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("stress.extras.find_spec", lambda name: None if name == "pip" else find_spec(name))
    monkeypatch.setattr(sys, "prefix", "/home/.venv")
    monkeypatch.setattr("shutil.which", lambda name: "/home/.venv/bin/python3")
    assert install_hint("report").startswith(f"{sys.base_prefix}/bin/python3 -m pip --python ")


def test_a_misspelt_name_is_told_with_the_nearest_and_not_with_all() -> None:
    done = called("run", "stop_machin")
    assert done.returncode == 2
    assert "there is no scenario 'stop_machin' (did you mean stop_machine or " in done.stderr
    assert len(done.stderr) < 200
    done = called("soack")
    assert (done.returncode, done.stdout) == (2, "")
    assert "there is no command 'soack'; did you mean soak? (kstress --help)" in done.stderr


@pytest.mark.parametrize("arguments", [[], ["corpus"]])
def test_without_a_command_the_help_comes_as_help(arguments: list[str]) -> None:
    done = called(*arguments)
    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout.startswith("Usage: kstress")
    assert done.stdout == called(*arguments, "--help").stdout


def test_a_report_takes_a_folder_of_everything(tmp_path: Path) -> None:
    small_sweep(tmp_path / "sweep-1")
    make_run(tmp_path)
    write_runs(tmp_path / "run-1.json", a_run())
    (tmp_path / "notes").mkdir()
    assert [(source.kind, len(source.entries)) for source in gather([tmp_path])] == [
        ("runs", 1), ("soak", 2), ("sweep", 24),
    ]  # fmt: skip


def test_results_are_kept_in_a_folder_that_is_made(tmp_path: Path) -> None:
    done = called("run", "stop_machine", "--cpus", "1", "--results", "a/b", cwd=tmp_path)
    assert done.returncode == 3, done.stderr
    assert len(list((tmp_path / "a" / "b").glob("run-*.json"))) == 1


def test_what_was_not_seen_is_told_for_each_engine_and_cpu_count(tmp_path: Path) -> None:
    held = a_run("stop_machine", "held", "modlist_spinlock")
    open_ = {**held, "engine": "native", "verdict": "inconclusive", "as_expected": False, "reason": "too few"}
    more = {**held, "cpus": 8}
    [source] = gather([write_runs(tmp_path / "run-1.json", held, open_, more, held, open_)])
    told = not_seen([source])
    assert [line.split(": ")[0] for line in told] == [
        "stop_machine, python engine, 4 CPUs",
        "stop_machine, python engine, 8 CPUs",
        "stop_machine, native engine, 4 CPUs",
    ]
    assert f"{2 * held['trials']:,} overlapped changes, 0 caught" in told[0]
    assert told[2].endswith("inconclusive in 2 runs, the first because of: too few")


@pytest.mark.everywhere
def test_the_version_of_llvmlite_in_results_is_that_of_its_package() -> None:
    assert version_of_llvmlite() == package_version("llvmlite")


def test_steal_time_is_told_of_what_was_long_enough_to_measure_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    times = iter([(7.0, 100.0), (7.01, 100.02), (7.0, 100.0), (7.5, 102.0)])
    monkeypatch.setattr(StealMeter, "_read", staticmethod(lambda: next(times)))
    monkeypatch.setattr("psutil.cpu_times", lambda: SimpleNamespace(steal=7.0))
    assert StealMeter().percent() is None
    assert StealMeter().percent() == 25.0
    run = a_run()
    short = {**run, "duration_s": 0.0, "conditions": {**run["conditions"], "steal_percent": 100.0}}
    [source] = gather([write_runs(tmp_path / "run-1.json", run, short)])
    [steal] = {text for host in hosts([source]) for name, text in host.facts if name == "steal time"}
    assert "100" not in steal


@pytest.mark.parametrize(
    ("steals", "told"), [((0.47, 0.47), "0.47 %"), ((0.0,), "0 %"), ((1.5, 0.25), "0.25 to 1.5 %")]
)
def test_steal_time_is_a_range_only_where_it_differs(steals: tuple[float, ...], told: str, tmp_path: Path) -> None:
    run = a_run()
    runs = [{**run, "duration_s": 9.0, "conditions": {**run["conditions"], "steal_percent": steal}} for steal in steals]
    [source] = gather([write_runs(tmp_path / "run-1.json", *runs)])
    assert {text for host in hosts([source]) for name, text in host.facts if name == "steal time"} == {told}


def test_doctor_counts_symbols_as_corpus_show_does() -> None:
    assert symbols_text(bundled()) in next(check.text for check in examine() if check.name == "corpus")
    assert symbols_text(bundled()) in called("corpus", "show").stdout
