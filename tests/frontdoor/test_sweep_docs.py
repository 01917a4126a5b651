"""docs/sweep.md and results/README.md: what they say of sweeps is what sweeps take and write."""

import re
import shlex
from pathlib import Path
from typing import Any

import attrs
import click
import pytest

from stress.campaign.sweep.axes import AXES
from stress.campaign.sweep.matrix import KEYS, read_plan
from stress.campaign.sweep.plan import new_plan
from stress.campaign.sweep.records import ENDS, Ended, Manifest, Plan, Values
from stress.cli import cli
from tests.frontdoor.command import CHECKOUT
from tests.support import ENGINES

TEXT = (CHECKOUT / "docs" / "sweep.md").read_text()
RESULTS = (CHECKOUT / "results" / "README.md").read_text()
COMMANDS = [line.strip() for line in TEXT.splitlines() if line.startswith("    kstress ")]


def test_the_plan_is_one(tmp_path: Path) -> None:
    [text] = re.findall(r"```toml\n(.*?)```", TEXT, re.DOTALL)
    path = tmp_path / "plan.toml"
    path.write_text(text.replace(f'"{ENGINES[1]}", ', ""))  # so that it is one where there is no numba too
    plan = new_plan(read_plan(path))
    assert (len(plan.cells), plan.repeat, plan.seed) == (2 * 4 * 1 * 2 * 2, 3, 2005)


@pytest.mark.parametrize("line", COMMANDS)
def test_every_command_is_taken(line: str) -> None:
    name, *words = shlex.split(line)[1:]
    command: Any = cli.commands[name]
    assert isinstance(command, click.Command)
    command.make_context(name, words)


@pytest.mark.parametrize("name", [*(axis.name for axis in AXES), *KEYS])
def test_every_axis_and_key_of_a_plan_is_told(name: str) -> None:
    assert (
        f"--{name} " in TEXT or f"--{name}`" in TEXT or re.search(rf"^{name} = ", TEXT, re.MULTILINE) or name == "kasan"
    )


@pytest.mark.parametrize("end", ENDS)
def test_every_end_of_a_cell_is_told(end: str) -> None:
    assert f"| `{end}` |" in TEXT
    assert f"`{end}`" in RESULTS


@pytest.mark.parametrize("record", [Manifest, Plan, Values, Ended], ids=lambda record: record.__name__)
def test_every_key_of_a_run_directory_is_told(record: type[attrs.AttrsInstance]) -> None:
    section = RESULTS.partition("## A run directory of a sweep")[2]
    assert [field.name for field in attrs.fields(record) if f"`{field.name}`" not in section] == []
