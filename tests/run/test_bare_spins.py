"""CPUs that spin without `relax` are seen by what they repeat: a deadlock stalls, and who only waits long goes on."""

from pathlib import Path

import pytest

from stress.machine.control.spins import EXAMINE_AFTER, MOST_EXAMINED
from stress.runs.controlled.machine import CUT, STALLED, Controlled
from stress.schedule.choosing import DEPTH_FIRST, PCT, POS, RANDOM, SURW
from stress.schedule.schedule import as_runs
from stress.schedule.strategies.depth_first import MOST_PREEMPTIONS
from tests.small_machines import small_machine

pytestmark = pytest.mark.threads
PLANTED = Path(__file__).parent / "planted" / "bare_spins.py"
STRATEGIES = (RANDOM, PCT, POS, SURW, DEPTH_FIRST)
ENGINES = [("python", 10), pytest.param("native", 400, marks=pytest.mark.native)]
SEEDS = range(10)


def machine(name: str, engine: str) -> Controlled:
    """A machine whose two CPUs run two operations each."""
    one = small_machine(f"{PLANTED}:{name}", engine)
    one.set_state(MOST_PREEMPTIONS, 2)
    return one


@pytest.mark.parametrize(("engine", "schedules"), ENGINES)
@pytest.mark.parametrize("strategy", STRATEGIES)
@pytest.mark.parametrize("name", ["alike", "turns"])
def test_who_is_waited_for_comes_however_long_it_takes(name: str, strategy: int, engine: str, schedules: int) -> None:
    one = machine(name, engine)
    assert {one.follow(strategy, seed) for seed in range(schedules)} == {()}
    one.finish()


@pytest.mark.parametrize(("engine", "schedules"), ENGINES)
def test_who_counts_for_long_does_not_spin(engine: str, schedules: int) -> None:
    one = small_machine(f"{PLANTED}:counting", engine, operations=1)
    assert {one.follow(PCT, seed) for seed in range(schedules // 5)} == {()}
    assert one.steps > EXAMINE_AFTER + MOST_EXAMINED
    one.finish()


@pytest.mark.parametrize(("engine", "schedules"), ENGINES)
def test_what_never_ends_is_cut(engine: str, schedules: int) -> None:
    one = machine("endless", engine)
    assert {one.follow(RANDOM, seed) for seed in range(schedules // 5)} == {(CUT,)}
    assert one.steps == one.budget
    one.finish()


@pytest.mark.parametrize(("engine", "schedules"), ENGINES)
def test_two_locks_in_two_orders_stall_and_do_nothing_else(engine: str, schedules: int) -> None:
    one = machine("opposite", engine)
    shown = {one.follow(strategy, seed) for strategy in (RANDOM, POS, SURW) for seed in range(schedules)}
    one.finish()
    assert shown == {(), (STALLED,)}


@pytest.mark.native
@pytest.mark.parametrize("name", ["opposite", "alike", "turns"])
def test_a_replay_waits_where_the_schedule_did(name: str) -> None:
    searching, python = machine(name, "native"), machine(name, "python")
    for seed in SEEDS:
        shows = searching.follow(STRATEGIES[seed % len(STRATEGIES)], seed)
        runs, made = as_runs(searching.made()), searching.made()
        for one in (searching, python):
            assert one.replay(runs, seed) == shows
            assert one.made() == made
            assert one.departed is None
    python.finish()
