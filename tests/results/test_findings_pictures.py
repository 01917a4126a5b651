"""The pictures in docs/findings.md are what the kept schedules show now."""

import json
import re

import pytest

from benchmarks.draw_findings import HEADING, KEPT, PAGE, drawn

ROWS = json.loads(KEPT.read_text(encoding="utf-8"))["schedules"]
SECTION = re.compile(r"^### (\w+)\n(.*?)(?=^### |\Z)", re.MULTILINE | re.DOTALL)
PICTURES = dict(SECTION.findall(PAGE.read_text(encoding="utf-8").partition(HEADING)[2]))


def test_every_broken_scenario_has_one() -> None:
    assert list(PICTURES) == [row["scenario"] for row in ROWS]


@pytest.mark.parametrize("row", ROWS, ids=lambda row: row["scenario"])
def test_a_picture_is_what_a_replay_draws(row: dict[str, str]) -> None:
    assert drawn(row).strip() == f"### {row['scenario']}\n{PICTURES[row['scenario']]}".strip()
