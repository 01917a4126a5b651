"""A new setting is an entry in `stress/settings.py` and a typed field of `Config`: all else follows from them.

The tests add one, `--slack`, to a copy of the package and use it there, as a person would.
"""

import csv
import json
import re
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import attrs
import pytest

from stress.config import Config
from stress.settings import SETTINGS
from tests.frontdoor.command import BOUND_SECONDS, CHECKOUT, environment, kstress

ENTRY = """    Setting(
        "slack",
        "slack_s",
        TIME,
        "Slack of nothing at all.",
        usual="none",
        check=positive(" s", 0.5),
        axis="1ms,2ms",
        knee="1ms..3ms",
        condition=True,
    ),
"""
FIELD = "    slack_s: float | None = None\n"
OF_TABLE = ')\n"""In the order of the help'
OF_CONFIG = "    fate: str | None = None\n"
SHORT = ("modlist_spinlock", "--engine", "python", "--cpus", "2")

PAPER = """
import json
from pathlib import Path
from stress.campaign.converter import from_json, to_json
from stress.campaign.soak.plan import new_plan as soak_of
from stress.campaign.soak.records import Plan as SoakPlan
from stress.campaign.sweep.matrix import read_plan
from stress.campaign.sweep.plan import config_of, new_plan
from stress.campaign.sweep.records import Plan
from stress.config import Config
from stress.runs.result import command_of

def without(value):
    if isinstance(value, list):
        return [without(one) for one in value]
    return {key: without(one) for key, one in value.items() if key != "slack_s"} if isinstance(value, dict) else value

sweep = new_plan(read_plan(Path("plan.toml")))
soak = soak_of(["stop_machine"], Config(engine="python", slack_s=0.002), 1.0)
old_sweep = from_json(without(to_json(sweep)), Plan, "an old sweep")
old_soak = from_json(without(to_json(soak)), SoakPlan, "an old soak")
print(json.dumps({
    "cells": [cell["slack_s"] for cell in to_json(sweep)["cells"]],
    "configs": [config_of(sweep, number).slack_s for number in range(2)],
    "soak": [to_json(soak)["slack_s"], soak.config().slack_s],
    "again": command_of("run", "x.py", config_of(sweep, 1)),
    "old": [old_sweep.cells[0].slack_s, old_soak.slack_s],
}))
"""

ANSWERS = """
import json, sys
from tests.frontdoor.command import called

done = [called(*line) for line in json.loads(sys.argv[1])]
print(json.dumps([(one.returncode, one.stdout, one.stderr) for one in done]))
"""
HELPS = [("run", "--help"), ("soak", "--help"), ("sweep", "--help")]
REFUSED = [("run", "stop_machine", "--slack", "2s"), ("sweep", "stop_machine", "--slack", "1ms,2s")]
SEARCH = ("sweep", "stop_machine", "--find", "slack=1s..2s")
Answers = dict[tuple[str, ...], tuple[int, str, str]]


def insert(path: Path, before: str, text: str) -> None:
    """Put a text into a file."""
    source = path.read_text()
    assert source.count(before) == 1
    path.write_text(source.replace(before, text + before))


@pytest.fixture(scope="module")
def copy(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with the package and its scenarios; the package has one setting more."""
    folder = tmp_path_factory.mktemp("copy")
    for name in ("stress", "scenarios"):
        # with what is compiled already, but for files that another process is about to rename
        shutil.copytree(CHECKOUT / name, folder / name, ignore=shutil.ignore_patterns("*.pyc.*"))
    insert(folder / "stress" / "settings.py", OF_TABLE, ENTRY)
    insert(folder / "stress" / "config.py", OF_CONFIG, FIELD)
    return folder


@pytest.fixture(scope="module")
def answers(copy: Path) -> Answers:
    """What the copy answers to command lines that run nothing, all in one process: exit code, output and errors."""
    lines = [*HELPS, *REFUSED, SEARCH]
    text = output_of(ANSWERS, copy, json.dumps(lines), PYTHONPATH=f"{copy}:{CHECKOUT}")
    return dict(zip(lines, map(tuple, json.loads(text)), strict=True))


def call(copy: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    """One command line of the copy."""
    return kstress(*arguments, cwd=copy, PYTHONPATH=str(copy))


def output_of(code: str, folder: Path, *arguments: str, **more: str) -> str:
    """What Python code prints that imports the package in a folder."""
    done = subprocess.run(
        [sys.executable, "-c", code, *arguments],
        cwd=folder,
        env=environment(**{"PYTHONPATH": str(folder), **more}),
        capture_output=True,
        text=True,
        timeout=BOUND_SECONDS,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    return done.stdout


def on_paper(copy: Path) -> dict[str, Any]:
    """What the copy makes of a plan with the setting, without running anything."""
    (copy / "plan.toml").write_text('scenarios = ["stop_machine"]\n[axes]\nengine = "python"\nslack = ["1ms", "2ms"]\n')
    facts: dict[str, Any] = json.loads(output_of(PAPER, copy))
    return facts


def test_the_table_loads_nothing_that_would_slow_down_the_help() -> None:
    heavy = {"attr", "fractions", "psutil", "rich", "stress.machine"}
    code = f"import sys, stress.options; print(sorted({heavy} & set(sys.modules)))"
    assert output_of(code, CHECKOUT) == "[]\n"


def test_config_has_a_field_for_each_entry_and_no_other() -> None:
    assert {field.name for field in attrs.fields(Config)} == {setting.field for setting in SETTINGS}


@pytest.mark.parametrize("line", HELPS, ids=lambda line: line[0])
def test_every_command_that_runs_has_its_option(line: tuple[str, ...], answers: Answers) -> None:
    text = " ".join(answers[line][1].split())
    assert re.search(r"--slack (DURATION|LIST) Slack of nothing at all\.", text)


@pytest.mark.parametrize("line", REFUSED, ids=lambda line: line[0])
def test_a_value_out_of_range_is_refused(line: tuple[str, ...], answers: Answers) -> None:
    assert answers[line] == (2, "", "kstress: --slack: must be greater than 0 s, at most 0.5 s (got 2 s)\n")


def test_plans_configs_and_the_command_that_runs_again_have_it_and_older_plans_need_not(copy: Path) -> None:
    facts = on_paper(copy)
    assert (facts["cells"], facts["configs"], facts["soak"]) == ([0.001, 0.002], [0.001, 0.002], [0.002, 0.002])
    assert facts["again"].endswith(" --slack 2ms")
    assert facts["old"] == [None, None]


def test_a_run_has_it_in_its_conditions_and_in_the_command_that_runs_again(copy: Path) -> None:
    until = ("--duration", "20s", "--stop-on-violation", "--slack", "3ms", "--json", "-")
    done = call(copy, "run", *SHORT, *until)
    [run] = json.loads(done.stdout)["runs"]
    assert run["conditions"]["slack_s"] == 0.003
    assert [" --slack 3ms" in report["again"] for report in run["reports"]] == [True] * len(run["reports"])
    assert run["reports"], "no violation, so no command"


def test_a_sweep_over_it_is_kept_and_reported(copy: Path) -> None:
    how = ("--slack", "1ms,2ms", "--repeat", "1", "--duration", "200ms", "--results", "swept")
    done = call(copy, "sweep", *SHORT, *how)
    assert done.returncode in (0, 1, 3), done.stderr
    [folder] = (copy / "swept").iterdir()
    text = call(copy, "report", str(folder), "--csv", "table.csv", "--markdown", "-").stdout
    with (copy / "table.csv").open() as table:
        assert sorted(row["slack_s"] for row in csv.DictReader(table)) == ["0.001", "0.002"]
    assert "--slack 1ms" in text
    assert "--slack 2ms" in text


def test_a_search_knows_its_range(answers: Answers) -> None:
    assert answers[SEARCH][2].startswith("kstress: --find: must be greater than 0 s, at most 0.5 s")
