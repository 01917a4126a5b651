"""Every scenario of the catalogue gets the verdict that it expects: on the native engine where it can be had.

A run that could not have seen what is forbidden goes on for longer, as its verdict says that it should. On the python
engine that takes minutes for all scenarios: there a scenario that holds may be inconclusive, unless tests are thorough.
"""

import pytest

from stress import Config, run
from stress.judge.verdict import INCONCLUSIVE
from stress.machine.engines import has_llvmlite
from stress.runs.result import Result
from stress.scenario import Scenario
from stress.scenario_files import catalogue
from tests.support import THOROUGH

pytestmark = [pytest.mark.everywhere, pytest.mark.alone]

SECONDS = (0.3, 1.0, 4.0, 16.0)
LONG = has_llvmlite() or THOROUGH
"""The python engine makes too few race windows in a short time to show that each protection holds."""


def seconds_of(scenario: Scenario) -> tuple[float, ...]:
    """How long a scenario runs, one time after the other, until its verdict says something."""
    return SECONDS if LONG or scenario.expect != "held" else SECONDS[:1]


def judged(scenario: Scenario) -> Result:
    """The first result that says something, or the last one."""
    for seconds in seconds_of(scenario):
        [result] = run([scenario], Config(duration_s=seconds, seed=1, stop_on_violation=scenario.expect == "violated"))
        if result.verdict.name != INCONCLUSIVE:
            break
    return result


@pytest.mark.parametrize("scenario", catalogue(), ids=lambda scenario: scenario.name)
def test_a_scenario_gets_the_verdict_that_it_expects(scenario: Scenario) -> None:
    result = judged(scenario)
    too_short = seconds_of(scenario) != SECONDS and result.verdict.name == INCONCLUSIVE
    assert result.as_expected or too_short, f"{result.verdict.name}: {result.verdict.reason}"
