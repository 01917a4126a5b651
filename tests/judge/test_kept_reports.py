"""JSON and text of reports as version 0.1.0 wrote them: both are read and written without a difference.

`reports.jsonl` has violations of every kind, from both engines and made up, a line each.
"""

import json
from pathlib import Path
from typing import Any

import pytest

from stress.report.retold import KNOWN, violation_of
from stress.report.told import tell_violation

KEPT = [json.loads(line) for line in (Path(__file__).parent / "reports.jsonl").read_text().splitlines()]
VIOLATIONS = [one for one in KEPT if "report" in one]


@pytest.mark.parametrize("kept", VIOLATIONS, ids=lambda one: one["name"])
def test_a_violation_is_read_and_written_without_a_difference(kept: dict[str, Any]) -> None:
    told = tell_violation(violation_of(kept["report"]), KNOWN, kept["report"]["again"])
    assert json.dumps(told.json) == json.dumps(kept["report"])
    assert told.text.split("\n") == kept["text"]


def test_the_violations_are_of_every_kind() -> None:
    kinds = {one["report"]["bug"] for one in VIOLATIONS}
    assert kinds >= {
        "use-after-free",
        "slab-out-of-bounds",
        "poison-overwritten",
        "wild-memory-access",
        "invalid-free",
        "torn-name",
        "alien-name",
        "locked",
        "missed-module",
    }
    for key in ("hit", "fault", "warning", "asked", "copied", "answer", "walk", "block", "memory", "overwritten"):
        assert {bool(one["report"][key]) for one in VIOLATIONS} == {True, False}
    assert {one["report"]["in_handler"] for one in VIOLATIONS} == {True, False}
