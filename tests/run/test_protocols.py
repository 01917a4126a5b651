"""A run uses what the scenario's protocol says: safepoint, interrupt handler, free; and counts outcomes of its own."""

import attrs
import pytest

from stress import Config, run
from stress.kernel.modlist import STOPPED
from stress.machine.features import no_interrupt
from stress.scenario_files import find_scenario
from tests.run.runs import PLANTED, no_safepoint, run_one, until_conclusive
from tests.support import each_engine

pytestmark = pytest.mark.threads


@each_engine
def test_a_free_after_a_grace_period_holds_and_one_at_once_does_not(engine: str) -> None:
    result = until_conclusive(PLANTED / "freed_after_grace.py", engine)
    assert result.verdict.name == "held", result.verdict.reason
    assert result.tally.stops >= 2 * result.tally.unloads > 0
    assert result.twin_tally is not None
    assert result.twin_tally.violations > 0


@each_engine
def test_a_stop_waits_for_ever_where_the_safepoint_joins_none(engine: str) -> None:
    scenario = attrs.evolve(find_scenario("stop_machine"), protocol=STOPPED.but("deaf", safepoint=no_safepoint))
    [result] = run([scenario], Config(engine=engine, cpus=2, duration_s=60.0, stall_after_s=0.5))
    assert result.verdict.name == "stalled", result.verdict.reason
    assert "stopmachine_ack of CPU" in result.verdict.reason


@pytest.mark.parametrize("interrupted", [True, False])
def test_a_reader_is_preempted_only_where_the_interrupt_handler_does_so(interrupted: bool) -> None:
    scenario = find_scenario("preempted_reader")
    if not interrupted:
        scenario = attrs.evolve(scenario, protocol=STOPPED.but("unheard", interrupt=no_interrupt))
    seconds = 30.0 if interrupted else 2.0
    [result] = run([scenario], Config(engine="python", duration_s=seconds, seed=1, stop_on_violation=interrupted))
    assert (result.tally.violations > 0) == interrupted


@each_engine
def test_outcomes_of_a_scenarios_own_are_counted_by_name(engine: str) -> None:
    result = run_one(PLANTED / "own_outcomes.py", engine, duration_s=1.0)
    counted = result.as_json()["outcomes"]
    assert list(counted) == ["odd", "even", "after_free", "out_of_bounds", "overwritten"]
    assert result.tally.violations == counted["even"] > 0
    assert counted["odd"] + counted["even"] == result.tally.lookups
    assert 0.4 < counted["odd"] / result.tally.lookups < 0.6
