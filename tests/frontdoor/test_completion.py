"""Shell completion as docs/run.md has it, and `python -m stress`."""

import os
import re
import subprocess
import sys
from pathlib import Path
from shutil import which

import pytest

from stress.cli import COMMANDS
from tests.frontdoor.command import BOUND_SECONDS, CHECKOUT, environment, kstress

TEXT = (CHECKOUT / "docs" / "run.md").read_text(encoding="utf-8")
SHELLS = ("bash", "zsh", "fish")


def completed(*words: str) -> list[str]:
    """What bash is offered for the last of the words."""
    place = str(len(words) - 1)
    done = kstress(_KSTRESS_COMPLETE="bash_complete", COMP_WORDS=" ".join(words), COMP_CWORD=place)
    assert done.returncode == 0, done.stderr
    return [line.partition(",")[2] for line in done.stdout.splitlines()]


def test_commands_are_completed() -> None:
    assert completed("kstress", "s") == ["soak", "sweep"]
    assert set(completed("kstress", "")) == {command.name for command in COMMANDS}


def test_options_are_completed() -> None:
    assert completed("kstress", "run", "--dur") == ["--duration"]


@pytest.mark.parametrize("shell", SHELLS)
def test_the_documented_variable_gives_a_shell_its_script(shell: str) -> None:
    assert f"{shell}_source" in TEXT
    done = kstress(_KSTRESS_COMPLETE=f"{shell}_source")
    assert done.returncode == 0, done.stderr
    assert f"_KSTRESS_COMPLETE={shell}_complete" in done.stdout


@pytest.mark.skipif(which("bash") is None, reason="needs bash")
def test_bash_takes_the_documented_line(tmp_path: Path) -> None:
    [line] = re.findall(r"^(eval .*bash_source.*)$", TEXT, re.MULTILINE)
    command = tmp_path / "kstress"
    command.write_text(f'#!/bin/sh\nexec {sys.executable} -m stress "$@"\n')
    command.chmod(0o755)
    done = subprocess.run(
        ["bash", "-c", f"{line}; complete -p kstress"], env=environment(PATH=f"{tmp_path}:{os.environ['PATH']}"),
        capture_output=True, text=True, timeout=BOUND_SECONDS, check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    assert "_kstress_completion" in done.stdout


def test_the_package_runs_as_the_command() -> None:
    assert "`python -m stress`" in TEXT
    done = subprocess.run(
        [sys.executable, "-m", "stress", "--help"],
        env=environment(), capture_output=True, text=True, timeout=BOUND_SECONDS, check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    assert done.stdout.startswith("Usage: kstress ")
