"""Every scenario of the catalogue gets the verdict that it expects: on the native engine where it can be had.

A run that could not have seen what is forbidden goes on for longer, as its verdict says that it should.
"""

import pytest

from stress import Config, run
from stress.judge.verdict import INCONCLUSIVE
from stress.runs.result import Result
from stress.scenario import Scenario
from stress.scenario_files import catalogue

pytestmark = [pytest.mark.everywhere, pytest.mark.alone]

SECONDS = (0.3, 1.0, 4.0, 16.0)


def judged(scenario: Scenario) -> Result:
    """The first result that says something."""
    for seconds in SECONDS:
        [result] = run([scenario], Config(duration_s=seconds, seed=1, stop_on_violation=scenario.expect == "violated"))
        if result.verdict.name != INCONCLUSIVE:
            break
    return result


@pytest.mark.parametrize("scenario", catalogue(), ids=lambda scenario: scenario.name)
def test_a_scenario_gets_the_verdict_that_it_expects(scenario: Scenario) -> None:
    result = judged(scenario)
    assert result.as_expected, f"{result.verdict.name}: {result.verdict.reason}"
