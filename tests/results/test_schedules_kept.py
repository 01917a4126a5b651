"""The schedules in `results/schedules/`: each shows what it is kept for, on both engines."""

import json
from typing import Any

import pytest

from benchmarks.find_schedules import broken
from stress.corpus import bundled
from stress.runs.controlled.replay import replay
from stress.schedule.schedule import Schedule
from tests.frontdoor.command import CHECKOUT
from tests.support import some_of

ROOMS = ("catalogue", "studies", "lineage")


def kept(room: str) -> list[dict[str, Any]]:
    rows: list[dict[str, Any]] = json.loads((CHECKOUT / "results" / "schedules" / f"{room}.json").read_text())[
        "schedules"
    ]
    return rows


SHOWN = [row for room in ROOMS for row in kept(room)]


@pytest.mark.parametrize("room", ROOMS)
def test_every_broken_scenario_has_a_schedule(room: str) -> None:
    assert [row["scenario"] for row in kept(room)] == [scenario.name for scenario in broken(room)]


@pytest.mark.parametrize("row", some_of(some_of(SHOWN)), ids=lambda row: row["scenario"])
def test_a_kept_schedule_shows_what_it_is_kept_for(row: dict[str, Any]) -> None:
    check(row, "python")


@pytest.mark.native
@pytest.mark.parametrize("row", some_of(some_of(SHOWN), start=1), ids=lambda row: row["scenario"])
def test_a_kept_schedule_shows_the_same_on_compiled_code(row: dict[str, Any]) -> None:
    check(row, "native")


def check(row: dict[str, Any], engine: str) -> None:
    replayed = replay(Schedule.parse(row["token"]), bundled(), engine)
    steps = replayed.machine.steps
    replayed.machine.finish()
    assert list(replayed.shows) == row["shows"]
    assert replayed.departed is None
    assert steps == row["accesses"]
