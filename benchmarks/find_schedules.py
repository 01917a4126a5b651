"""Find a schedule for every scenario that expects a violation or a stall, shrunk: what `results/schedules` keeps.

    python -m benchmarks.find_schedules catalogue results/schedules/catalogue.json
    python -m benchmarks.find_schedules lineage results/schedules/lineage.json
    python -m benchmarks.find_schedules studies results/schedules/studies.json

Prints a line for each scenario; writes a JSON object with the token of each, what it shows, and how large it is. With
`--keep`, a schedule that the file has and that still shows the same stays, with the digests of the code as it is.
"""

import argparse
import json
import time
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import attrs

from stress.corpus import bundled
from stress.runs.controlled.digests import digests_of
from stress.runs.controlled.exploration import Exploration, explore
from stress.runs.controlled.replay import replay
from stress.runs.controlled.search import Search, cpus_for
from stress.scenario import Scenario
from stress.scenario_files import catalogue, find_scenarios, rooms
from stress.schedule.schedule import Schedule

SECONDS = 10.0
WORLDS = ((2, 0), (4, 0), (8, 0), (2, 1), (4, 2))
"""The operations, and the CPUs beyond the fewest: some bugs need more, which is tried one after the other."""
EXPECTED = ("violated", "stalled")


def broken(room: str) -> list[Scenario]:
    """The scenarios of a room of the catalogue, or of the catalogue itself, that expect a violation or a stall."""
    names = [one.origin for one in catalogue()] if room == "catalogue" else list(rooms()[room])
    return [one for name in names for one in find_scenarios(name) if one.expect in EXPECTED]


def first_find(scenario: Scenario, engine: str, seed: int, seconds: float = SECONDS) -> Exploration:
    """The exploration in the smallest world that found what the scenario expects, or the last one."""
    for operations, more in WORLDS:
        search = Search(
            engine=engine,
            duration_s=seconds,
            seed=seed,
            operations=operations,
            cpus=cpus_for(scenario, None) + more,
            stop_on_violation=True,
        )
        exploration = explore(scenario, bundled(), search)
        if exploration.as_expected:
            break
    return exploration


def stamped(row: dict[str, Any]) -> dict[str, Any] | None:
    """A row with the digests of the code as it is; None if its schedule does not show the same any more."""
    schedule = Schedule.parse(row["token"])
    replayed = replay(schedule, bundled())
    accesses = replayed.machine.steps
    replayed.machine.finish()
    if list(replayed.shows) != row["shows"] or replayed.departed is not None:
        return None
    digests = digests_of(replayed.scenario, replayed.world)
    return row | {"accesses": accesses, "token": attrs.evolve(schedule, digests=digests).token}


def rows(
    scenarios: Sequence[Scenario], engine: str, seed: int, known: dict[str, dict[str, Any]]
) -> Iterator[dict[str, Any]]:
    """What was found of each; what is known already is not looked for."""
    for scenario in scenarios:
        if scenario.name in known and (row := stamped(known[scenario.name])):
            yield row
            continue
        began = time.monotonic()
        exploration = first_find(scenario, engine, seed)
        for found in exploration.explored.found.values():
            yield {
                "scenario": scenario.name,
                "shows": list(found.shows),
                "schedules": found.number,
                "seconds": round(found.seconds, 4),
                "preemptions": found.shrunk.preemptions,
                "accesses": sum(one.steps for one in found.shrunk.made),
                "token": exploration.schedule(found).token,
            }
            break
        else:
            yield {"scenario": scenario.name, "shows": [], "seconds": round(time.monotonic() - began, 3)}


def main() -> None:
    """Read the command line."""
    parser = argparse.ArgumentParser(description="Find and keep a schedule for every broken scenario of a room.")
    parser.add_argument("room", choices=("catalogue", "studies", "lineage"))
    parser.add_argument("file", type=Path)
    parser.add_argument("--engine", default="native")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--keep", action="store_true", help="look only for schedules that the file lacks")
    given = parser.parse_args()
    before = json.loads(given.file.read_text())["schedules"] if given.keep else []
    known = {row["scenario"]: row for row in before if row["shows"]}
    found: list[dict[str, Any]] = []
    for row in rows(broken(given.room), given.engine, given.seed, known):
        print(json.dumps(row), flush=True)
        found.append(row)
    given.file.write_text(json.dumps({"schema": 1, "schedules": found}, indent=1) + "\n")


if __name__ == "__main__":
    main()
