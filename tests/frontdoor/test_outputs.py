"""No output of a command replaces what the command reads, nor a file that its option has not written."""

import errno
import os
import shutil
import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest

from stress.corpus.files import BUNDLED
from stress.host.disk import check_takes_files
from stress.results.terminal.places import OWN, is_own
from tests.campaign.soak.made import make_run
from tests.frontdoor.command import called
from tests.frontdoor.soaking import assert_fails, contents
from tests.results.report.made import (
    a_run,
    an_exploration,
    pair,
    small_sweep,
    write_explorations,
    write_runs,
)

BEFORE = Path(__file__).parents[1] / "campaign" / "before"
PLAN = 'scenarios = ["stop_machine"]\nduration = "1s"\n'
BRIEF = ("--engine", "python", "--seed", "1", "--schedules", "5")
READ = "is read, so that it cannot be written; name another file to write to"


@pytest.fixture
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The current folder: a scenario, a plan, a log, results and a run directory, for a user to mistake."""
    monkeypatch.chdir(tmp_path)
    called("new", "my.py")
    (tmp_path / "plan.toml").write_text(PLAN)
    (tmp_path / "notes.md").write_text("# Notes\n\nThey are mine.\n")
    (tmp_path / "other.json").write_text('{"schema": 3, "name": "of another program"}')
    shutil.copy(BUNDLED, "corpus.json")
    write_runs(tmp_path / "run.json", *pair())
    write_runs(tmp_path / "other-run.json", *pair())
    write_explorations(tmp_path / "found.json", an_exploration())
    shutil.copy(BEFORE / "compare.json", "compared.json")
    (tmp_path / "log.txt").write_text(f"found {an_exploration()['found'][0]['token']}\n")
    make_run(tmp_path).rename("soak")
    return tmp_path


def everything(folder: Path) -> dict[str, bytes]:
    """Every file in a folder and in those in it."""
    return {str(path): path.read_bytes() for path in folder.rglob("*") if path.is_file()}


@pytest.mark.parametrize(
    ("line", "part"),
    [
        ("run my.py --json my.py", READ),
        (
            "run my.py --json my_twin.py",
            "--json: my_twin.py exists and is not JSON of kstress that has runs; name another file",
        ),
        ("run stop_machine --json notes.md", "--json: notes.md exists and is not JSON of kstress"),
        ("run stop_machine --json corpus.json", "--json: corpus.json exists and is not JSON of kstress"),
        ("run stop_machine --json other.json", "--json: other.json exists and is not JSON of kstress"),
        ("run stop_machine --json soak/samples.jsonl", "--json: soak/samples.jsonl exists and is not JSON of"),
        ("run stop_machine --corpus corpus.json --json corpus.json", READ),
        ("soak --resume soak --json soak/manifest.json", READ),
        ("soak --resume soak --json soak/violations.jsonl", READ),
        ("soak my.py --duration 1s --json my.py", READ),
        ("soak stop_machine --duration 1s --json notes.md", "--json: notes.md exists and is not JSON of kstress"),
        ("sweep plan.toml --json ./plan.toml", READ),
        ("sweep my.py --json my.py", READ),
        ("sweep stop_machine --corpus corpus.json --json corpus.json", READ),
        ("sweep stop_machine --json notes.md", "--json: notes.md exists and is not JSON of kstress"),
        ("replay log.txt --svg log.txt", READ),
        ("replay log.txt --svg my.py", "--svg: my.py exists and is not a timeline of kstress; name another file"),
        ("explore my.py --json my.py", READ),
        ("explore modlist_spinlock --like run.json --json run.json", READ),
        ("explore modlist_spinlock --json notes.md", "--json: notes.md exists and is not JSON of kstress"),
        ("report run.json --csv my.py", "--csv: my.py exists and is not a table of kstress; name another file"),
        ("report run.json --markdown notes.md", "--markdown: notes.md exists and is not a report of kstress"),
        ("report run.json --json plan.toml", "--json: plan.toml exists and is not JSON of kstress"),
        ("report found.json --corpus corpus.json --json corpus.json", READ),
        ("report . --json soak/manifest.json", READ),
        ("compare run.json found.json --json notes.md", "--json: notes.md exists and is not JSON of kstress"),
        (
            "compare run.json soak --json other-run.json",
            "other-run.json exists and is not JSON of kstress compare;",
        ),
        (
            "compare run.json soak --json found.json",
            "found.json exists and is not JSON of kstress compare; name",
        ),
        (
            "run stop_machine --json found.json",
            "found.json exists and is not JSON of kstress that has runs; name",
        ),
        (
            "soak stop_machine --duration 1s --json found.json",
            "is not JSON of kstress that has runs; name another file",
        ),
        ("sweep stop_machine --json compared.json", "compared.json exists and is not JSON of kstress that has"),
        (
            "report run.json --json found.json",
            "found.json exists and is not JSON of kstress that has runs; name",
        ),
        (
            "explore modlist_spinlock --json run.json",
            "run.json exists and is not JSON of kstress that has explo",
        ),
        ("explore modlist_spinlock --json compared.json", "is not JSON of kstress that has explorations; name another"),
        ("corpus import System.map -o plan.toml", "--output: plan.toml exists and is not a corpus of kstress"),
        ("corpus import System.map -o System.map", READ),
    ],
)
def test_a_file_that_an_option_has_not_written_stays(line: str, part: str, here: Path) -> None:
    (here / "System.map").write_text("ffffffff81000000 T _text\nffffffff81000100 T start_kernel\n")
    before = everything(here)
    assert_fails(called(*line.split()), part)
    assert everything(here) == before


def test_what_an_exploration_goes_on_with_is_no_output(here: Path) -> None:
    called("explore", "linked_list:none", *BRIEF, "--results", "kept")
    [file] = (here / "kept").glob("*.json")
    before = contents(here / "kept")
    for place in (file, file.with_suffix(".seen")):
        assert_fails(called("explore", "--resume", str(file), "--json", str(place)), READ)
    assert contents(here / "kept") == before


def test_an_empty_module_that_a_scenario_imports_is_no_output(here: Path) -> None:
    (here / "mine").mkdir()
    (here / "mine" / "__init__.py").write_text("")
    scenario = here / "my.py"
    scenario.write_text(f"import mine\n{scenario.read_text()}")
    assert_fails(called("run", "my.py", "--json", "mine/__init__.py"), READ)


def test_a_module_may_be_called_as_standard_output_is(here: Path) -> None:
    (here / "-").write_text("mine")
    assert called("report", ".", "--json", "-").returncode == 0


WRITERS: dict[str, Callable[[Path], tuple[str, ...]]] = {
    "--json": lambda file: ("run", "modlist_spinlock", "--engine", "python", "--duration", "1ms", "--json", str(file)),
    "explore --json": lambda file: ("explore", "modlist_spinlock", *BRIEF, "--json", str(file)),
    "report --json": lambda file: ("report", "run.json", "sweep", "--json", str(file)),
    "compare --json": lambda file: ("compare", "run.json", "sweep", "--json", str(file)),
    "--csv": lambda file: ("report", "run.json", "--csv", str(file)),
    "--markdown": lambda file: ("report", "run.json", "--markdown", str(file)),
    "explorations --markdown": lambda file: ("report", "found.json", "--markdown", str(file)),
    "both --markdown": lambda file: ("report", "run.json", "found.json", "soak", "--markdown", str(file)),
    "cut --markdown": lambda file: ("report", "cut", "--markdown", str(file)),
    "unexpected --markdown": lambda file: ("report", "bad.json", "--markdown", str(file)),
    "--junit": lambda file: ("compare", "run.json", "sweep", "--junit", str(file)),
    "--svg": lambda file: ("replay", "log.txt", "--engine", "python", "--svg", str(file)),
    "corpus import --output": lambda file: ("corpus", "import", "System.map", "-o", str(file)),
}
"""A command for each option that writes a file, given the file."""


@pytest.mark.parametrize("option", WRITERS)
def test_a_command_that_is_repeated_writes_its_file_again(option: str, here: Path) -> None:
    (here / "System.map").write_text("ffffffff81000000 T _text\nffffffff81000100 T start_kernel\n")
    small_sweep(here / "sweep")
    small_sweep(here / "cut", status="interrupted")
    write_runs(here / "bad.json", {**a_run(), "expect": "held", "as_expected": False})
    file = here / "written"
    file.touch()  # nothing is lost with an empty one
    for _ in range(2):
        done = called(*WRITERS[option](file))
        assert "written" not in done.stderr
        assert done.returncode != 2, done.stderr
        assert file.stat().st_size
    assert [flag for flag in OWN if is_own(flag, file)] == [option if option in OWN else f"--{option.split('--')[1]}"]


@pytest.mark.parametrize(("flag", "file"), [("--csv", "report.csv"), ("compare --json", "compare.json")])
def test_what_an_earlier_version_wrote_may_be_written_over(flag: str, file: str) -> None:
    assert is_own(flag, BEFORE / file)


def test_a_run_directory_has_nothing_that_an_option_writes() -> None:
    files = [file for folder in ("soak", "sweep", "search") for file in (BEFORE / folder).iterdir()]
    assert not [file for file in files for flag in OWN if file.stat().st_size and is_own(flag, file)]


@pytest.mark.parametrize(
    "line",
    [
        "run stop_machine --json {}/x.json",
        "run stop_machine --results {}/new",
        "explore stop_machine --json {}/x.json",
        "report run.json --csv {}/x.csv",
        "soak stop_machine --duration 1s --results {}",
        "sweep stop_machine --results {}/new",
    ],
)
def test_a_read_only_file_system_is_told_by_its_name(line: str, here: Path, small_disk: Path) -> None:
    subprocess.run(["mount", "-o", "remount,ro", str(small_disk)], check=True)
    done = called(*line.format(small_disk).split())
    assert_fails(done, f"{os.strerror(errno.EROFS)}; name a")
    assert "ermission" not in done.stderr
    assert list(small_disk.iterdir()) == []


def test_a_folder_that_takes_files_after_all_keeps_none_of_the_trial(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(os, "access", lambda *arguments: False)  # as some network file systems answer
    check_takes_files(tmp_path)
    assert list(tmp_path.iterdir()) == []
