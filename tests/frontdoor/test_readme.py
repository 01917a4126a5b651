"""The README and docs/run.md: commands are ones that the command line takes, short examples run, samples are real."""

import json
import re
import shlex
import tomllib
from pathlib import Path

import click
import pytest

import stress
from stress.cli import cli
from stress.scenario_files import catalogue
from tests.frontdoor.command import CHECKOUT, kstress

TEXT = (CHECKOUT / "README.md").read_text()
RUN = (CHECKOUT / "docs" / "run.md").read_text()
COMMANDS = [
    re.split(r"  +", line.removeprefix("    "))[0]
    for line in (TEXT + RUN).splitlines()
    if line.startswith("    kstress ")
]
LINK = re.compile(r"\]\(([^)#]+)\)")
SAMPLE = re.findall(r"^```\n(.*?)^```", TEXT, re.MULTILINE | re.DOTALL)[0]
REPORTS = "8"
"""One of each kind: a run is sure to have the kind that the sample shows, not that it comes first."""
LONGEST = 119


def test_the_readme_is_short() -> None:
    assert len(TEXT.splitlines()) <= LONGEST


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
    [line] = [line for line in RUN.splitlines() if line.startswith("From Python")]
    imported = re.findall(r"from stress import ([\w, ]+)`", line)[0].split(", ")
    assert [name for name in imported if not hasattr(stress, name)] == []


def shape(line: str) -> list[str]:
    """What of a printed line is the same in every run: a row's outcome, grade and meaning; of others the first word.

    A table is as wide as its numbers, and so is its rule.
    """
    words = re.sub(r"\s+\S*\d\S* +(?:\S+ %|-) +", " ", re.sub("─+", "─", line)).split()
    row = "forbidden  " in line or "acceptable" in line
    return words if row else [re.sub(r"\d+", "#", word) for word in words[:1]]


def test_the_sample_is_what_a_run_prints() -> None:
    done = kstress("run", "modlist_spinlock", "--engine", "python", "--duration", "3s", "--reports", REPORTS)
    assert done.returncode == 0, done.stderr
    printed = [shape(line) for line in done.stdout.splitlines()]
    of_sample = [shape(line) for line in SAMPLE.splitlines() if line]
    assert [line for line in of_sample if line not in printed] == []
    assert {"BUG:", "VIOLATED"} <= {line[0] for line in of_sample}


def test_the_stress_mark_is_the_example_that_the_command_runs() -> None:
    [shown] = re.findall(r"^```python\n(.*?)^```", TEXT, re.MULTILINE | re.DOTALL)
    [named] = re.findall(r"^    pytest (\S+)$", TEXT, re.MULTILINE)
    assert shown == (CHECKOUT / named).read_text()


def test_a_package_index_gets_no_link_that_leads_nowhere() -> None:
    """It shows the README away from its tree: links that are relative to it become text."""
    settings = tomllib.loads((CHECKOUT / "pyproject.toml").read_text())["tool"]["hatch"]["metadata"]["hooks"]
    rewritten = TEXT
    for change in settings["fancy-pypi-readme"]["substitutions"]:
        rewritten = re.sub(change["pattern"], change["replacement"], rewritten)
    assert [link for link in LINK.findall(rewritten) if not link.startswith("http")] == []
    assert "docs/pytest.md" in rewritten


def test_every_link_of_the_readme_leads_somewhere() -> None:
    links = LINK.findall(TEXT)
    assert [link for link in links if not link.startswith("http") and not (CHECKOUT / link).exists()] == []
