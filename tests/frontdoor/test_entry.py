"""How the command is started: as a script and as a module, interrupted at once, and in folders of any content."""

import os
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest

from stress.__main__ import LIBRARY, leave_folder
from tests.frontdoor.command import BOUND_SECONDS, CHECKOUT, environment

MODULE, NAME = tomllib.loads((CHECKOUT / "pyproject.toml").read_text())["project"]["scripts"]["kstress"].split(":")
STARTS = {"script": ["-c", f"from {MODULE} import {NAME}; {NAME}()"], "module": ["-m", "stress"]}
INTERRUPTING = """
import signal, sys
class Finder:
    def find_spec(self, name, path=None, target=None):
        if name == {name!r}:
            signal.raise_signal(signal.SIGINT)
sys.meta_path.insert(0, Finder())
"""
"""A start of Python in which Ctrl-C comes when a module is first imported."""


def started(*start: str, cwd: Path, **more: str) -> subprocess.CompletedProcess[str]:
    """Run Python to its end in a folder."""
    command = [sys.executable, *start]
    return subprocess.run(
        command, cwd=cwd, env=environment(**more), capture_output=True, text=True, timeout=BOUND_SECONDS, check=False
    )


@pytest.mark.parametrize("start", STARTS)
@pytest.mark.parametrize("name", ["stress.cli", "click", "stress.host.disk"])
def test_ctrl_c_while_it_starts_is_one_line(name: str, start: str, tmp_path: Path) -> None:
    (tmp_path / "sitecustomize.py").write_text(INTERRUPTING.format(name=name))
    path = os.pathsep.join([str(tmp_path), str(CHECKOUT)])
    done = started(*STARTS[start], "list", cwd=tmp_path, PYTHONPATH=path)
    assert (done.returncode, done.stdout, done.stderr) == (130, "", "kstress: interrupted\n")


def test_what_begins_imports_almost_nothing() -> None:
    known = f"import sys, os; before = set(sys.modules); import {MODULE}; print(*sys.modules.keys() - before)"
    done = started("-S", "-c", known, cwd=CHECKOUT)
    assert set(done.stdout.split()) == {"stress", MODULE}


WRONG = "raise RuntimeError('not of Python')"
"""A module that nothing may import."""


def test_no_module_in_the_current_folder_is_taken_for_one_of_python(tmp_path: Path) -> None:
    for name in ("json", "attrs", "typing", "click"):
        (tmp_path / f"{name}.py").write_text(WRONG)
    done = started("-m", "stress", "list", cwd=tmp_path)
    assert (done.returncode, done.stderr) == (0, "")


def test_a_scenario_still_imports_what_lies_beside_it(tmp_path: Path) -> None:
    started("-m", "stress", "new", "my_list.py", cwd=tmp_path)
    scenario = tmp_path / "my_list.py"
    scenario.write_text(f"import helper\n{scenario.read_text()}assert helper.VALUE == 1\n")
    (tmp_path / "helper.py").write_text("VALUE = 1\n")
    done = started("-m", "stress", "run", "my_list.py", "--engine", "python", "--duration", "1ms", cwd=tmp_path)
    assert done.returncode == 3, done.stderr


@pytest.mark.parametrize("command", ["run", "sweep"])
def test_a_checkout_that_is_not_installed_runs_from_its_root(command: str, tmp_path: Path) -> None:
    for folder in ("stress", "scenarios"):
        (tmp_path / folder).symlink_to(CHECKOUT / folder)
    (tmp_path / "json.py").write_text(WRONG)
    options = ("modlist_spinlock", "--engine", "python", "--duration", "100ms", "--results", "results")
    once = ("--repeat", "1") if command == "sweep" else ()
    done = started("-m", "stress", command, *options, *once, cwd=tmp_path, PYTHONPATH="")
    assert done.returncode in (0, 3), done.stderr
    assert list((tmp_path / "results").iterdir())


def test_the_folder_of_the_package_is_found_behind_python_and_before_what_is_installed() -> None:
    home = str(CHECKOUT)
    for folder, left in ((home, ["zip", LIBRARY, home, "installed"]), ("/elsewhere", ["zip", LIBRARY, "installed"])):
        paths = [folder, "zip", LIBRARY, "installed"]
        leave_folder(paths, folder)
        assert paths == left
    for kept in (["/tools", home], [""], []):
        paths = [*kept]
        leave_folder(paths, home)
        assert paths == kept
    paths = [home, LIBRARY, home]
    leave_folder(paths, home)
    assert paths == [LIBRARY, home]


def test_it_starts_in_a_folder_that_was_removed(tmp_path: Path) -> None:
    (tmp_path / "gone").mkdir()
    removing = "import os, runpy; os.rmdir(os.getcwd()); runpy.run_module('stress', run_name='__main__')"
    done = started("-c", removing, "list", cwd=tmp_path / "gone")
    assert (done.returncode, done.stderr) == (0, "")


HEAVY = ("cattrs", "importlib.metadata", "rich.progress", "rich._emoji_codes", "stress.campaign")
NEEDLESS = {
    ("list",): (
        *HEAVY,
        "psutil",
        "stress.doctor",
        "stress.machine.machine",
        "stress.machine.language.tree",
        "stress.runs.result",
    ),
    ("run", "modlist_spinlock", "--engine", "python", "--duration", "50ms"): (*HEAVY, "stress.corpus.importer"),
}


@pytest.mark.parametrize("command", NEEDLESS, ids=lambda command: command[0])
def test_a_command_imports_nothing_heavy_that_it_does_not_use(command: tuple[str, ...], tmp_path: Path) -> None:
    done = started("-X", "importtime", "-m", "stress", *command, cwd=tmp_path, PYTHONPATH=str(CHECKOUT))
    imported = {line.rpartition("|")[2].strip() for line in done.stderr.splitlines()}
    assert "stress.scenario_files" in imported, done.stderr
    assert imported & {*NEEDLESS[command]} == set()
