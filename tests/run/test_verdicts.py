"""Every scenario of the catalogue gets the verdict that it expects: on the native engine where it can be had."""

import pytest

from stress import Config, run
from stress.scenario import Scenario
from stress.scenario_files import catalogue

SECONDS = 2.0


@pytest.mark.parametrize("scenario", catalogue(), ids=lambda scenario: scenario.name)
def test_a_scenario_gets_the_verdict_that_it_expects(scenario: Scenario) -> None:
    stop = scenario.expect == "violated"
    [result] = run([scenario], Config(duration_s=SECONDS, seed=1, stop_on_violation=stop))
    assert result.as_expected, f"{result.verdict.name}: {result.verdict.reason}"
