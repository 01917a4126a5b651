"""Planted deadlocks: on every engine the report names the cycle, each CPU in it, the words, the holders, the stacks."""

from typing import Any

import pytest

from stress import Config, run
from stress.runs.result import Result
from tests.run.runs import PLANTED
from tests.support import each_engine

pytestmark = pytest.mark.threads

STALL_SECONDS = 0.8


def stalled(name: str, engine: str, cpus: int, pace_s: float | None = None) -> tuple[Result, dict[str, Any]]:
    """Run a planted scenario until it stalls; the result, and the stall in its JSON."""
    config = Config(
        engine=engine, cpus=cpus, duration_s=60.0, stall_after_s=STALL_SECONDS, seed=1, pace_s=pace_s, kasan=False
    )
    [result] = run([PLANTED / f"{name}.py"], config)
    assert result.verdict.name == "stalled", result.verdict.reason
    assert "\n" not in result.verdict.reason
    assert result.tally.seconds < 60
    stall: dict[str, Any] = result.as_json()["stall"]
    assert stall["seconds"] >= STALL_SECONDS
    return result, stall


def waits(stall: dict[str, Any]) -> dict[str, tuple[object, ...]]:
    """Of each CPU in the chain: what it spins on, who holds that, whom it waits for."""
    return {link["program"]: (link["spins_on"], link["held_by"], link["waits_for"]) for link in stall["cpus"]}


def functions(link: dict[str, Any]) -> list[str]:
    """The names of the functions on a CPU's stack, innermost first."""
    return [entry.split(" (")[0] for entry in link["stack"]]


def stacks(stall: dict[str, Any], depth: int | None = None) -> dict[str, list[str]]:
    """Each program's stack, the outermost `depth` functions of it."""
    return {link["program"]: functions(link)[-(depth or 99) :] for link in stall["cpus"]}


@each_engine
def test_two_locks_in_opposite_orders(engine: str) -> None:
    result, stall = stalled("opposite_orders", engine, cpus=2)
    assert stall["cycle"]
    assert waits(stall) == {"mutexer": ("modlist_lock", 1, 1), "locker": ("module_mutex", 0, 0)}
    for part in ("CPU 0 (mutexer", "CPU 1 (locker", "module_mutex, held by CPU 0", "modlist_lock, held by CPU 1"):
        assert part in result.verdict.reason
    assert result.verdict.reason.endswith("a cycle")
    assert stacks(stall, 2) == {"mutexer": ["spin_lock", "mutex_first"], "locker": ["down", "lock_first"]}


@each_engine
def test_a_stop_under_a_lock_that_another_cpu_spins_on(engine: str) -> None:
    result, stall = stalled("stop_under_lock", engine, cpus=2)
    assert stall["cycle"]
    assert waits(stall) == {"stopper": ("stopmachine_ack of CPU 1", None, 1), "locker": ("modlist_lock", 0, 0)}
    for part in ("CPU 0 (stopper", "stopmachine_ack of CPU 1", "CPU 1 (locker", "modlist_lock, held by CPU 0"):
        assert part in result.verdict.reason
    stopping = ["stopmachine_set_state", "stop_machine", "stop_under_lock"]
    assert stacks(stall) == {"stopper": stopping, "locker": ["spin_lock", "lock_alone"]}


@each_engine
def test_a_cpu_that_takes_its_own_lock(engine: str) -> None:
    result, stall = stalled("self_deadlock", engine, cpus=1)
    assert stall["cycle"]
    assert waits(stall) == {"twice": ("modlist_lock", 0, 0)}
    assert "modlist_lock, held by itself" in result.verdict.reason
    assert stacks(stall) == {"twice": ["spin_lock", "lock_twice"]}


@each_engine
def test_a_chain_leads_to_a_lock_that_its_holder_takes_again(engine: str) -> None:
    _, stall = stalled("lost_unlock", engine, cpus=3)
    assert stall["cycle"]
    assert stall["cpus"][-1]["waits_for"] == stall["cpus"][-1]["cpu"]


@each_engine
def test_a_holder_that_goes_on_is_no_cycle(engine: str) -> None:
    result, stall = stalled("holder_goes_on", engine, cpus=2)
    assert not stall["cycle"]
    assert waits(stall) == {"locker": ("modlist_lock", 0, 0), "keeper": (None, None, None)}
    assert stall["cpus"][-1]["activity"] == "goes on"
    assert "CPU 0 (keeper, operation " in result.verdict.reason


@each_engine
def test_a_holder_that_sleeps_is_no_cycle(engine: str) -> None:
    _, stall = stalled("holder_sleeps", engine, cpus=2, pace_s=3600.0)
    assert not stall["cycle"]
    assert [link["activity"] for link in stall["cpus"]] == ["spins", "sleeps"]
    sleeper = stall["cpus"][-1]
    assert stall["cpus"][0]["waits_for"] == sleeper["cpu"]
    assert functions(sleeper)[-2:] == ["rest", "sleep_with_lock"]


def test_a_run_that_does_not_stall_has_no_stall() -> None:
    [result] = run(["modlist_spinlock"], Config(engine="python", duration_s=0.5))
    assert result.as_json()["stall"] is None


@each_engine
def test_cpus_that_share_a_core_are_still_seen_to_spin(engine: str) -> None:
    _, stall = stalled("lost_unlock", engine, cpus=8)
    assert stall["cycle"]
    assert stall["others"]
