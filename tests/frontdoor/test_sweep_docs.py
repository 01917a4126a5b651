"""docs/sweep.md, docs/knee.md and results/README.md: what they say of sweeps is what sweeps take and write."""

import re
import shlex
from pathlib import Path
from typing import Any

import attrs
import click
import pytest

from stress.campaign.sweep.find import SLOPES, read_find
from stress.campaign.sweep.finding import quests_of
from stress.campaign.sweep.matrix import KEYS, Matrix, read_plan
from stress.campaign.sweep.plan import new_plan
from stress.campaign.sweep.records import ENDS, CellResult, Find, Manifest, Plan, Values
from stress.cli import cli
from stress.results.load.knees import knee_json
from stress.settings import AXES, Setting
from tests.frontdoor.command import CHECKOUT

TEXT = (CHECKOUT / "docs" / "sweep.md").read_text()
RESULTS = (CHECKOUT / "results" / "README.md").read_text()
KNEE = (CHECKOUT / "docs" / "knee.md").read_text()
COMMANDS = [line.strip() for line in (TEXT + KNEE).splitlines() if line.startswith("    kstress ")]


def test_the_plan_is_one(tmp_path: Path) -> None:
    [text] = re.findall(r"```toml\n(.*?)```", TEXT, re.DOTALL)
    path = tmp_path / "plan.toml"
    path.write_text(text.replace('"native", ', ""))  # so that it is one where there is no llvmlite too
    plan = new_plan(read_plan(path))
    assert (len(plan.cells), plan.repeat, plan.seed) == (2 * 4 * 1 * 2 * 2, 3, 2005)


@pytest.mark.parametrize("line", COMMANDS)
def test_every_command_is_taken(line: str) -> None:
    name, *words = shlex.split(line)[1:]
    command: Any = cli.commands[name]
    assert isinstance(command, click.Command)
    command.make_context(name, words)


@pytest.mark.parametrize("line", [line for line in COMMANDS if "--find" in line])
def test_every_search_is_one(line: str) -> None:
    given = re.search(r"--find (\S+)", line)
    assert given
    assert read_find(given[1], "--find").candidates


@pytest.mark.parametrize("axis", SLOPES.values(), ids=lambda axis: axis.name)
def test_every_axis_with_a_knee_is_told_with_its_usual_range(axis: Setting) -> None:
    assert f"`{axis.name}={axis.knee}`" in KNEE


def test_what_a_search_writes_as_json_is_told() -> None:
    [quest] = quests_of(new_plan(Matrix(scenarios=("modlist_spinlock",), axes={"cpus": (4,)}, find="cpus")), ())
    quest.search.tell(0, True)
    document = knee_json(quest)
    assert [key for key in (*document, *document["candidates"][0]) if f"`{key}`" not in KNEE] == []


@pytest.mark.parametrize("name", [*(axis.name for axis in AXES), *KEYS])
def test_every_axis_and_key_of_a_plan_is_told(name: str) -> None:
    assert (
        f"--{name} " in TEXT or f"--{name}`" in TEXT or re.search(rf"^{name} = ", TEXT, re.MULTILINE) or name == "kasan"
    )


def test_the_table_of_axes_has_each_as_the_settings_have_it() -> None:
    rows = [line for line in TEXT.splitlines() if line.startswith("| `--")]
    assert rows == [f"| `{axis.flag} {axis.axis}` | {axis.help.rstrip('.')} | {axis.usual} |" for axis in AXES]


@pytest.mark.parametrize("end", ENDS)
def test_every_end_of_a_cell_is_told(end: str) -> None:
    assert f"| `{end}` |" in TEXT
    assert f"`{end}`" in RESULTS


@pytest.mark.parametrize("record", [Manifest, Plan, Values, Find, CellResult], ids=lambda record: record.__name__)
def test_every_key_of_a_run_directory_is_told(record: type[attrs.AttrsInstance]) -> None:
    section = RESULTS.partition("## A run directory of a sweep")[2]
    assert [field.name for field in attrs.fields(record) if f"`{field.name}`" not in section] == []
