"""Every scenario's programs can be played on every engine; compiled side by side here, they wait for the verdicts."""

import pytest

from stress import Config
from stress.runs.runner import world_for
from stress.runs.settled import settle
from stress.runs.track import prepare
from stress.scenario import Scenario
from stress.scenario_files import catalogue
from tests.support import each_engine


@each_engine
@pytest.mark.parametrize("scenario", catalogue(), ids=lambda scenario: scenario.name)
def test_every_cpu_of_a_scenario_has_something_to_play(scenario: Scenario, engine: str) -> None:
    config = Config(engine=engine)
    [plays] = prepare(scenario, settle(config), world_for(config)).plays.values()
    assert len(plays) == config.cpus
