"""Results made by hand, for tests of what is done with results."""

import functools
from fractions import Fraction

from stress.config import Config
from stress.judge.tally import Tally
from stress.judge.verdict import Verdict
from stress.runs.conditions import Conditions, StealMeter, host_conditions
from stress.runs.result import Result
from stress.scenario import Scenario


@functools.cache
def conditions() -> Conditions:
    """The conditions of this host, which are asked for once: the system takes milliseconds to tell them."""
    return host_conditions(Config(noise=Fraction(1, 64), pace_s=1e-3, stall_after_s=5.0), StealMeter())


def made_result(expect: str, verdict: str, config: Config, tally: Tally | None = None) -> Result:
    """A result with this verdict for a scenario that expects another."""
    scenario = Scenario("made", "a claim", "nowhere", (), expect=expect)
    return Result(scenario, "python", config, tally or Tally(), Verdict(verdict, "made by hand"), conditions())
