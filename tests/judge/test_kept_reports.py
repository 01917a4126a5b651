"""JSON and text of reports as version 0.1.0 wrote them: both are read and written without a difference.

`reports.jsonl` has violations of every kind, from both engines and made up, a line each.
"""

import json
from pathlib import Path
from typing import Any

import pytest

from stress.judge.violation import Violation
from stress.machine.waits import Stall
from stress.runs.codec import CODEC, stall_json, violation_json
from stress.runs.reread import reread_stall, reread_violation

KEPT = [json.loads(line) for line in (Path(__file__).parent / "reports.jsonl").read_text().splitlines()]
VIOLATIONS = [one for one in KEPT if "report" in one]
STALLS = [one for one in KEPT if "stall" in one]


@pytest.mark.parametrize("kept", VIOLATIONS, ids=lambda one: one["name"])
def test_a_violation_is_read_and_written_without_a_difference(kept: dict[str, Any]) -> None:
    violation = CODEC.structure(kept["report"], Violation)
    assert json.dumps(violation_json(violation, kept["report"]["again"])) == json.dumps(kept["report"])
    assert reread_violation(kept["report"], "here").text.split("\n") == kept["text"]


@pytest.mark.parametrize("kept", STALLS, ids=lambda one: one["name"])
def test_a_stall_is_read_and_written_without_a_difference(kept: dict[str, Any]) -> None:
    stall = CODEC.structure(kept["stall"], Stall)
    assert json.dumps(stall_json(stall)) == json.dumps(kept["stall"])
    assert reread_stall(kept["stall"], "here").text.split("\n") == kept["text"]


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
