"""One CPU at a time: schedules are found, replayed alike on both engines, shrunk; whole code shows nothing."""

from collections.abc import Sequence
from pathlib import Path

import pytest

from stress import Config, run
from stress.corpus import bundled
from stress.judge.violation import AT_BOOT
from stress.machine.language.errors import KernelCodeError
from stress.machine.words import LOW
from stress.runs.controlled.exploration import Exploration, explore
from stress.runs.controlled.machine import STALLED, Controlled
from stress.runs.controlled.search import MIXTURE, Search
from stress.scenario_files import find_scenario
from stress.schedule.choosing import STRATEGIES
from stress.schedule.schedule import Run, as_runs
from stress.schedule.strategies.depth_first import MOST_PREEMPTIONS
from tests.small_machines import small_machine

pytestmark = pytest.mark.threads
native = pytest.mark.native
ENGINES = ["python", pytest.param("native", marks=native)]
BROKEN = ("linked_list:none", "linked_list:rcu_freed_at_once", "modlist_spinlock", "preempted_reader", "oops_locked")
WHOLE = ("linked_list:rcu", "stop_machine")
SCHEDULES = 300


def explored(name: str, engine: str, seed: int = 1, **more: object) -> Exploration:
    search = Search(engine=engine, schedules=SCHEDULES, seed=seed, **more)  # type: ignore[arg-type]
    return explore(find_scenario(name), bundled(), search)


@pytest.mark.parametrize("engine", ENGINES)
@pytest.mark.parametrize("name", BROKEN)
def test_a_broken_scenario_is_found_and_its_shrunk_schedule_shows_it_again(name: str, engine: str) -> None:
    exploration = explored(name, engine, stop_on_violation=True)
    assert exploration.as_expected
    found = next(iter(exploration.explored.found.values()))
    again = small_machine(name, engine)
    assert again.replay(found.shrunk.runs, found.seed) == found.shows
    assert again.reporter == next((violation.cpu for violation in again.violations()), None)
    again.finish()
    assert len(found.shrunk.runs) <= len(found.original)
    assert len(exploration.schedule(found).token) <= 200


@pytest.mark.parametrize("engine", ENGINES)
def test_what_boot_allocated_is_boots_and_what_the_schedule_freed_was_freed_within_it(engine: str) -> None:
    seen = set()
    for seed in range(1, 9):  # each shows a block of boot, or one of a `replace` before, or a pointer into none
        exploration = explored("linked_list:none", engine, seed, stop_on_violation=True)
        found = next(iter(exploration.explored.found.values()))
        again = small_machine("linked_list:none", engine)
        again.replay(found.shrunk.runs, found.seed)
        [block] = [one.block for one in again.violations()]
        again.finish()
        if block is not None:
            assert block.freed is not None
            assert block.freed.program == "replace"
            assert 0 <= block.freed.age_s < 1e-3
            seen.add(block.allocated.program)
    assert AT_BOOT in seen


@native
@pytest.mark.parametrize("name", WHOLE)
def test_a_whole_scenario_is_held_only_since_its_twin_was_caught(name: str) -> None:
    search = Search(engine="native", schedules=6000, seed=1)
    exploration = explore(find_scenario(name), bundled(), search)
    assert exploration.verdict.name == "held"
    assert exploration.twin is not None
    assert exploration.twin.caught_count >= 30


def test_too_few_schedules_are_inconclusive_and_say_so() -> None:
    exploration = explore(find_scenario("linked_list:rcu"), bundled(), Search(engine="python", schedules=3, seed=1))
    assert exploration.verdict.name == "inconclusive"
    assert "none in all 3 schedules" in exploration.verdict.reason


@native
@pytest.mark.parametrize("name", [*BROKEN, *WHOLE, "nmi_stopped", "insmod_publish_first", "hash_table:hazard"])
def test_both_engines_make_the_same_accesses_of_a_schedule(name: str) -> None:
    searching = small_machine(name, "native")
    pair = [small_machine(name, engine, traced=True) for engine in ("native", "python")]
    for seed in range(4):
        shows = searching.follow(MIXTURE[seed], seed)
        runs = as_runs(searching.made())
        told = [_told(one, runs, seed) for one in pair]
        assert told[0] == told[1]
        assert (shows, searching.steps, None) == told[1][:3]
    pair[1].finish()


def _told(one: Controlled, runs: Sequence[Run], seed: int) -> tuple[object, ...]:
    """All that a replay shows, RAM as kernel code sees it included."""
    shows = one.replay(runs, seed)
    ram = one.ram.mapping[LOW : one.ram.map.bound]
    return shows, one.steps, one.departed, one.made(), one.trace(), ram


COUNTS = (
    "from stress import Program, Scenario\nfrom stress.machine.seam import Cpu, kernel\n\n\n"
    "@kernel\ndef count(cpu: Cpu) -> int:\n    return cpu.number + 20\n\n\n"
    'SCENARIO = Scenario("counts", "no outcome", "a test", (Program("count", count),), "violated")\n'
)


@pytest.mark.parametrize("engine", ENGINES)
def test_an_outcome_that_the_scenario_does_not_have_is_refused_as_in_a_run(engine: str, tmp_path: Path) -> None:
    file = tmp_path / "counts.py"
    file.write_text(COUNTS)
    scenario = find_scenario(str(file))
    said = r"counts\.py:5: count returned 2\d, which is no outcome of its scenario; .* wild \(1\), "
    with pytest.raises(KernelCodeError, match=said):
        explore(scenario, bundled(), Search(engine=engine, schedules=3, seed=1))
    with pytest.raises(KernelCodeError, match=rf"{said}.* \(scenario counts\)"):
        run([scenario], Config(engine=engine, cpus=1, duration_s=1.0))


@native
@pytest.mark.parametrize("strategy", STRATEGIES)
def test_every_strategy_finds_a_race_and_is_the_same_for_the_same_seed(strategy: str) -> None:
    explorations = [explored("linked_list:none", "native", strategy=strategy) for _ in range(2)]
    first, second = (one.explored for one in explorations)
    assert first.found or strategy == "depth-first"
    assert (first.shown, first.distinct) == (second.shown, second.distinct)
    assert {found.shrunk.runs for found in first.found.values()} == {one.shrunk.runs for one in second.found.values()}


@native
def test_depth_first_tries_every_schedule_within_its_bound_once() -> None:
    one = small_machine("oops_locked", "native", operations=1)
    counts = {}
    for bound in (0, 1):
        exploration = explore(
            find_scenario("oops_locked"), bundled(),
            Search(engine="native", schedules=200_000, strategy="depth-first", preemptions=bound, operations=1, seed=1),
        )  # fmt: skip
        assert exploration.explored.is_exhausted
        assert exploration.explored.distinct == exploration.explored.count
        counts[bound] = exploration.explored.count
    assert 1 <= counts[0] < counts[1]
    assert one.state(MOST_PREEMPTIONS) == 0


@pytest.mark.parametrize("engine", ENGINES)
def test_a_machine_in_which_all_wait_is_stalled_at_once(engine: str) -> None:
    one = small_machine("oops_locked", engine)
    shows = {one.follow(MIXTURE[0], seed) for seed in range(5)}
    one.finish()
    assert (STALLED,) in shows


@pytest.mark.parametrize("engine", ENGINES)
def test_a_schedule_that_cannot_be_followed_says_where_it_departs(engine: str) -> None:
    one = small_machine("linked_list:none", engine)
    one.replay([Run(0), Run(1), Run(0), Run(0, 5), Run(1)], 1)
    one.finish()
    assert one.departed == sum(made.steps for made in one.made() if made.cpu == 0)
