"""How the command is started: as a script and as a module, interrupted at once, and in folders of any content."""

import os
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest

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
