"""Whole runs: the pair, planted bugs, stalls, errors in kernel code, early ends; each on every engine there is."""

from collections.abc import Callable

import attrs
import pytest

from stress import Config, run
from stress.machine.language.errors import KernelCodeError
from stress.runs.hooks import Hooks
from stress.runs.runner import SLICE_SECONDS, run_scenario, world_for
from stress.runs.settled import settle
from stress.scenario_files import find_scenario
from tests.run.runs import PLANTED, run_one, until_conclusive, without_twin
from tests.support import each_engine

pytestmark = [pytest.mark.alone, pytest.mark.threads]
STALL_AFTER = 0.5


@each_engine
def test_the_race_of_2005_is_caught(engine: str) -> None:
    result = run_one("modlist_spinlock", engine, duration_s=30.0, stop_on_violation=True)
    assert result.verdict.name == "violated"
    assert result.as_expected
    assert result.tally.first_violation_s is not None


@each_engine
def test_the_patch_holds_and_its_twin_does_not(engine: str) -> None:
    result = until_conclusive("stop_machine", engine)
    assert result.verdict.name == "held", result.verdict.reason
    assert result.tally.violations == 0
    assert result.twin_tally is not None
    assert result.twin_tally.violations > 0
    assert result.tally.stops >= 2 * result.tally.unloads > 0


@each_engine
def test_a_planted_bug_in_the_patch_is_caught(engine: str) -> None:
    result = run_one(PLANTED / "unlink_after_restart.py", engine, duration_s=30.0, stop_on_violation=True)
    assert result.verdict.name == "violated"


@each_engine
def test_a_lock_that_is_never_given_back_is_a_stall_that_names_lock_and_holder(engine: str) -> None:
    result = run_one(PLANTED / "lost_unlock.py", engine, cpus=2, duration_s=60.0, stall_after_s=0.5)
    assert result.verdict.name == "stalled"
    assert result.tally.seconds < 60
    for part in ("CPU", "(locker, operation ", "modlist_lock", "held by itself"):
        assert part in result.verdict.reason


@each_engine
def test_a_stall_is_found_though_slices_are_shorter_than_it_takes(engine: str) -> None:
    assert SLICE_SECONDS < STALL_AFTER
    scenario = attrs.evolve(find_scenario(str(PLANTED / "lost_unlock.py")), expect="held", twin="modlist_spinlock")
    [result] = run([scenario], Config(engine=engine, cpus=2, duration_s=60.0, stall_after_s=STALL_AFTER))
    assert result.verdict.name == "stalled"


@each_engine
@pytest.mark.parametrize("name", ["broken_code", "unknown_outcome"])
def test_an_error_in_kernel_code_names_its_line_and_is_no_outcome(name: str, engine: str) -> None:
    with pytest.raises(KernelCodeError, match=rf"{name}\.py:\d+: .*; "):
        run_one(PLANTED / f"{name}.py", engine, cpus=1)


@each_engine
def test_without_noise_and_pace_the_patch_still_holds(engine: str) -> None:
    result = run_one(without_twin("stop_machine"), engine, noise=0, pace_s=0.0, duration_s=2.0)
    assert result.tally.violations == 0
    assert result.tally.race_windows > 0


@each_engine
def test_without_kasan_nothing_is_called_freed(engine: str) -> None:
    result = run_one("modlist_spinlock", engine, kasan=False)
    assert result.tally.outcomes["freed"] == 0
    assert result.tally.violations > 0


@each_engine
@pytest.mark.parametrize("cpus", [2, 16])
def test_few_and_many_cpus_run_and_end(cpus: int, engine: str) -> None:
    result = run_one(without_twin("stop_machine"), engine, cpus=cpus, duration_s=1.0)
    assert result.tally.violations == 0
    assert result.verdict.name == "inconclusive"
    assert result.tally.unloads > 0


def test_an_interrupt_ends_the_run_with_what_it_learnt() -> None:
    polls = iter(range(20))
    config = Config(engine="python", duration_s=3600.0)
    result = run_scenario(
        find_scenario("stop_machine"), world_for(config), config, Hooks(interrupted=lambda: next(polls, None) is None)
    )
    assert result.early == "interrupted"
    assert result.tally.lookups > 0
    assert result.tally.seconds < 60


def test_progress_is_told_the_counts_and_the_time() -> None:
    seen: list[float] = []
    config = Config(engine="python", duration_s=0.6)
    run_scenario(
        find_scenario("modlist_spinlock"),
        world_for(config),
        config,
        Hooks(progress=lambda _, tally, passed: seen.append(passed)),
    )
    assert seen == sorted(seen)
    assert 0 < seen[-1] <= 0.6


def test_a_stall_is_called_later_where_cpus_share_cores() -> None:
    few = settle(Config(engine="python", cpus=1, duration_s=20.0)).stall_after_s
    many = settle(Config(engine="python", cpus=64, duration_s=20.0)).stall_after_s
    assert few == 5.0
    assert many > few
    assert settle(Config(engine="python", cpus=64, stall_after_s=2.0)).stall_after_s == 2.0


@pytest.mark.parametrize("act", [lambda: run(["modlist_spinlock"], Config(engine="python", duration_s=0.5))])
def test_no_thread_is_left_behind(act: Callable[[], object]) -> None:
    import threading

    before = threading.active_count()
    act()
    assert threading.active_count() == before
