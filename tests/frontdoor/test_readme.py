"""The README: its commands are ones that the command line takes, and its short examples run."""

import json
import re
import shlex
from pathlib import Path

import click
import pytest

import stress
from stress.cli import cli
from stress.scenario_files import catalogue
from tests.frontdoor.command import CHECKOUT, kstress

TEXT = (CHECKOUT / "README.md").read_text()
COMMANDS = [
    re.split(r"  +", line.removeprefix("    "))[0] for line in TEXT.splitlines() if line.startswith("    kstress ")
]


def test_the_first_screen_has_exactly_the_two_commands_that_set_everything_up() -> None:
    screen = TEXT.splitlines()[:50]
    commands = [line for line in screen if line.startswith("    ")]
    assert len(commands) == 2
    assert all(command.startswith("    python3 -m venv") for command in commands)


@pytest.mark.parametrize("line", COMMANDS)
def test_every_command_of_the_readme_is_taken(line: str, tmp_path: Path) -> None:
    words = shlex.split(re.sub(r"\[[A-Z]+\]\.\.\.|PATH\.\.\.", "", line).replace("FILE", "x.json"))[1:]
    words = [str(tmp_path) if word == "PATH" else word for word in words]
    command: click.Command = cli
    context = click.Context(cli)
    while isinstance(command, click.Group):
        name, found, words = command.resolve_command(context, words)
        assert found is not None, name
        command = found
    if "import" not in line:
        command.make_context(command.name, words)


def test_the_example_that_runs_everything_runs_everything(tmp_path: Path) -> None:
    [line] = [line for line in COMMANDS if "--all" in line]
    words = re.sub(r"--duration \S+", "--duration 20ms --engine python", line).split()[1:]
    done = kstress(*words, cwd=tmp_path)
    assert done.returncode in (0, 1, 3), done.stderr
    ran = [run["scenario"] for run in json.loads((tmp_path / "results.json").read_text())["runs"]]
    assert ran == [scenario.name for scenario in catalogue()]


def test_the_python_example_names_what_is_exported() -> None:
    [line] = [line for line in TEXT.splitlines() if line.startswith("From Python")]
    imported = re.findall(r"from stress import ([\w, ]+)`", line)[0].split(", ")
    assert [name for name in imported if not hasattr(stress, name)] == []


def test_every_link_of_the_readme_leads_somewhere() -> None:
    links = re.findall(r"\]\(([^)#]+)\)", TEXT)
    assert [link for link in links if not link.startswith("http") and not (CHECKOUT / link).exists()] == []
