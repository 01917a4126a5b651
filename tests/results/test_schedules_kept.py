"""The schedules in `results/schedules/`: each shows what it is kept for, on both engines; what lacks one is known."""

import json
from typing import Any

import pytest

from benchmarks.find_schedules import broken
from stress.corpus import bundled
from stress.runs.replay import replay
from stress.schedule.schedule import Schedule
from tests.frontdoor.command import CHECKOUT
from tests.support import some_of

ROOMS = ("catalogue", "studies", "lineage")
WITHOUT = {"a10_shared_string:broken", "c02_double_up:broken", "c07_opposite_orders:broken"}
"""Nothing was found of these in a small world: they need more CPUs, or far more operations."""


def kept(room: str) -> list[dict[str, Any]]:
    rows: list[dict[str, Any]] = json.loads((CHECKOUT / "results" / "schedules" / f"{room}.json").read_text())[
        "schedules"
    ]
    return rows


SHOWN = [row for room in ROOMS for row in kept(room) if row["shows"]]


@pytest.mark.parametrize("room", ROOMS)
def test_every_broken_scenario_has_a_schedule_or_is_named_here(room: str) -> None:
    rows = kept(room)
    assert [row["scenario"] for row in rows] == [scenario.name for scenario in broken(room)]
    assert {row["scenario"] for row in rows if not row["shows"]} <= WITHOUT


@pytest.mark.parametrize("engine", ["python", pytest.param("native", marks=pytest.mark.native)])
@pytest.mark.parametrize("row", some_of(SHOWN), ids=lambda row: row["scenario"])
def test_a_kept_schedule_shows_what_it_is_kept_for(row: dict[str, Any], engine: str) -> None:
    replayed = replay(Schedule.parse(row["token"]), bundled(), engine)
    steps = replayed.machine.steps
    replayed.machine.finish()
    assert list(replayed.shows) == row["shows"]
    assert replayed.departed is None
    assert steps == row["accesses"]
