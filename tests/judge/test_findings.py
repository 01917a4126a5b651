"""What the harness itself finds has outcomes in every scenario, and no scenario can take their numbers or names."""

import pytest

from stress import Program, Scenario
from stress.judge.outcomes import ACCEPTABLE, FINDINGS, LAST_CODE, OUTCOMES, Code, Outcome, forbidden_mask
from stress.machine.features import no_nmi


def scenario(*outcomes: Outcome) -> Scenario:
    """A scenario with outcomes of its own."""
    programs = (Program("any", no_nmi),)
    return Scenario("own", "none", "made", programs, "violated", outcomes={one.name: one for one in outcomes})


def test_every_scenario_has_them_and_they_are_forbidden() -> None:
    own = scenario(Outcome(LAST_CODE, "mine", ACCEPTABLE, "fine"))
    assert set(own.outcomes) == {"mine", *FINDINGS}
    assert set(scenario(*OUTCOMES.values()).outcomes) == {*OUTCOMES, *FINDINGS}
    mask = forbidden_mask(own.outcomes)
    assert [mask >> code & 1 for code in (Code.AFTER_FREE, Code.OUT_OF_BOUNDS, Code.OVERWRITTEN)] == [1, 1, 1]
    assert mask >> LAST_CODE & 1 == 0


def test_they_may_be_given_as_they_are() -> None:
    assert set(scenario(*FINDINGS.values()).outcomes) == set(FINDINGS)


@pytest.mark.parametrize(
    "outcome",
    [
        Outcome(LAST_CODE + 1, "mine", ACCEPTABLE, "fine"),
        Outcome(31, "mine", ACCEPTABLE, "fine"),
        Outcome(20, "after_free", ACCEPTABLE, "fine"),
        Outcome(int(Code.OVERWRITTEN), "overwritten", ACCEPTABLE, "fine"),
    ],
)
def test_their_numbers_and_names_are_refused_in_one_line(outcome: Outcome) -> None:
    with pytest.raises(
        ValueError, match=rf"^outcome '{outcome.name}' has code {outcome.code}; .* of 1 to {LAST_CODE}$"
    ):
        scenario(outcome)
