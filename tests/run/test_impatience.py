"""A yield, a sleep or a wait lasts for no time that is promised: exploring lets whoever waits go on; and waits end."""

import pytest

from stress.corpus import bundled
from stress.runs.controlled.exploration import Exploration, explore
from stress.runs.controlled.search import Search
from stress.scenario_files import find_scenario
from tests.run.runs import PLANTED
from tests.support import ENGINES

FILE = PLANTED / "impatience.py"
STRATEGIES = ("random", "pct", "pos", "surw", "mixed")


def explored(name: str, engine: str = "auto", **more: object) -> Exploration:
    """An exploration of one of the file's scenarios."""
    search = Search(engine=engine, **{"seed": 1, "schedules": 4000, **more})  # type: ignore[arg-type]
    return explore(find_scenario(f"{FILE}:{name}"), bundled(), search)


@pytest.mark.parametrize("strategy", STRATEGIES)
@pytest.mark.parametrize("name", ["sleeps", "yields", "gives_up", "aborts"])
def test_each_strategy_finds_what_counts_on_a_wait(name: str, strategy: str) -> None:
    assert explored(name, strategy=strategy, stop_on_violation=True).verdict.name == "violated"


@pytest.mark.parametrize(("name", "preemptions"), [("sleeps", 2), ("yields", 2), ("gives_up", 4), ("aborts", 3)])
def test_a_search_in_depth_finds_it_too(name: str, preemptions: int) -> None:
    more = {"strategy": "depth-first", "preemptions": preemptions, "operations": 1, "schedules": 100_000}
    assert explored(name, "auto", stop_on_violation=True, **more).verdict.name == "violated"


@pytest.mark.parametrize("engine", ENGINES)
@pytest.mark.parametrize("name", ["sleeps", "yields", "gives_up", "aborts"])
def test_what_was_found_so_shows_again(name: str, engine: str) -> None:
    exploration = explored(name, engine, strategy="pos", stop_on_violation=True)
    [found] = exploration.explored.found.values()
    machine = exploration.explored.machine
    assert machine.replay(found.shrunk.runs, found.seed) == found.shows
    assert machine.departed is None
    assert machine.made() == list(found.shrunk.made)
    machine.finish()


@pytest.mark.parametrize("name", ["locked", "turns", "deadline", "counted"])
@pytest.mark.parametrize("engine", ENGINES)
def test_what_ends_by_itself_has_not_stalled_and_what_is_locked_is_whole(name: str, engine: str) -> None:
    assert explored(name, engine, schedules=300).explored.shown == {}


@pytest.mark.parametrize(("engine", "cpus"), [("python", 16), pytest.param("native", 64, marks=pytest.mark.native)])
def test_a_wait_may_give_up_after_as_many_turns_where_there_are_many_cpus(engine: str, cpus: int) -> None:
    exploration = explored("turns", engine, cpus=cpus, schedules=2)
    assert exploration.explored.shown == {}
    exploration.explored.machine.finish()
