"""`kstress new`: a pair of scenarios that runs as it is written, and nothing is overwritten."""

import json
import subprocess
import sys
from difflib import unified_diff
from pathlib import Path

import pytest

from stress import scenario_template
from stress.scenario_files import find_scenario
from tests.frontdoor.command import BOUND_SECONDS, called, environment, kstress
from tests.frontdoor.disks import fill

TOO_LONG = f"{'x' * 300}.py"
DURATIONS = ("1s", "4s", "16s")
"""The first is enough on most hosts; a run that cannot tell is followed by a longer one."""


@pytest.fixture
def made(tmp_path: Path) -> Path:
    """A scenario that `kstress new` has written."""
    done = called("new", "my_list.py", cwd=tmp_path)
    assert (done.returncode, done.stderr) == (0, "")
    assert "kstress run my_list.py" in done.stdout
    return tmp_path / "my_list.py"


def test_a_new_scenario_holds_and_its_twin_is_violated(made: Path) -> None:
    words = ("explore", made.name, "my_list_twin.py", "--engine", "python", "--seed", "1", "--json", "results.json")
    done = kstress(*words, "--schedules", "300", cwd=made.parent)
    assert done.returncode == 0, done.stdout + done.stderr
    found = json.loads((made.parent / "results.json").read_text())["explorations"]
    assert [(one["scenario"], one["verdict"]) for one in found] == [("my_list", "held"), ("my_list_twin", "violated")]


def test_a_new_scenario_runs_from_any_folder(made: Path, tmp_path_factory: pytest.TempPathFactory) -> None:
    brief = ("--engine", "python", "--duration", "2s", "--json", "-")
    done = kstress("run", str(made), *brief, cwd=tmp_path_factory.mktemp("elsewhere"))
    assert done.returncode in (0, 3), done.stderr  # it may be too brief to tell
    [run] = json.loads(done.stdout)["runs"]
    assert (run["scenario"], run["twin"]["scenario"]) == ("my_list", str(twin_of(made)))
    assert run["race_windows"] > 0


@pytest.mark.native
def test_a_new_scenario_runs_as_a_test(made: Path) -> None:
    options = ["-q", "-p", "no:cacheprovider", "--stress-engine", "native"]
    for duration in DURATIONS:
        done = subprocess.run(
            [sys.executable, "-m", "pytest", made.name, "my_list_twin.py", *options, "--stress-duration", duration],
            cwd=made.parent, env=environment(), capture_output=True, text=True, timeout=BOUND_SECONDS, check=False,
        )  # fmt: skip
        if "INCONCLUSIVE" not in done.stdout:
            break
    assert done.returncode == 0, done.stdout
    assert "2 passed" in done.stdout


def test_the_twin_lacks_the_protection_and_nothing_else_that_runs(made: Path) -> None:
    whole, broken = (kernel_code(path).splitlines() for path in (made, twin_of(made)))
    changed = [line for line in unified_diff(whole, broken, n=0) if line.startswith(("+ ", "- "))]
    assert len(changed) == 2
    assert all("spin_" in line for line in changed)


def test_the_template_is_named_as_the_file(made: Path) -> None:
    assert find_scenario(str(made)).name == "my_list"
    assert "my_scenario" not in made.read_text() + twin_of(made).read_text()


@pytest.mark.parametrize("there", ["my_list.py", "my_list_twin.py"])
def test_nothing_is_overwritten_and_nothing_half_written(there: str, tmp_path: Path) -> None:
    (tmp_path / there).write_text("mine")
    done = called("new", "my_list.py", cwd=tmp_path)
    assert (done.returncode, done.stdout) == (2, "")
    assert done.stderr == f"kstress: {there} is there already; give another name, or move it away\n"
    assert [(path.name, path.read_text()) for path in tmp_path.iterdir()] == [(there, "mine")]


@pytest.mark.parametrize("name", ["my-list.py", "my_list", "my_list.txt", "", ".", "2.py", "no/folder.py", TOO_LONG])
def test_a_path_that_cannot_be_written_is_one_line(name: str, tmp_path: Path) -> None:
    done = called("new", name, cwd=tmp_path)
    assert (done.returncode, done.stdout) == (2, "")
    assert done.stderr.startswith("kstress: ")
    assert done.stderr.count("\n") == 1
    assert list(tmp_path.iterdir()) == []


def test_a_full_disk_leaves_nothing_so_that_it_can_be_tried_again(small_disk: Path) -> None:
    fill(small_disk)
    done = called("new", "my_list.py", cwd=small_disk)
    assert (done.returncode, done.stdout) == (2, "")
    assert done.stderr == "kstress: cannot write my_list.py: No space left on device; make room on the disk\n"
    (small_disk / "filler").unlink()
    assert list(small_disk.iterdir()) == []
    assert called("new", "my_list.py", cwd=small_disk).returncode == 0


def test_there_is_no_scenario_without_its_twin(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with monkeypatch.context() as patch:
        patch.setattr(scenario_template, "_copy", lambda part, name: "\udcff" if part.endswith("_twin") else "")
        done = called("new", "my_list.py", cwd=tmp_path)
    assert (done.returncode, done.stdout) == (2, "")
    assert done.stderr.startswith("kstress: cannot write my_list_twin.py: ")
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("name", ["json.py", "stress.py", "select.py"])
def test_a_name_that_python_or_kstress_has_is_refused(name: str, tmp_path: Path) -> None:
    done = called("new", name, cwd=tmp_path)
    assert (done.returncode, done.stdout) == (2, "")
    own = f"{name} would be taken for Python's or kstress's own {name.removesuffix('.py')}"
    assert done.stderr == f"kstress: {own}; give another name\n"
    assert list(tmp_path.iterdir()) == []


def twin_of(scenario: Path) -> Path:
    """The file of the twin."""
    return scenario.with_name(f"{scenario.stem}_twin.py")


def kernel_code(scenario: Path) -> str:
    """The functions of a scenario's file."""
    return scenario.read_text().partition("@kernel\n")[2].partition("SCENARIO")[0]
