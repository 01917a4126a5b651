"""Each outcome has a code and a name of its own: those of the catalogue, of the harness, and of a scenario's own."""

import re

import pytest

from stress import Config, Program, Scenario, Structure, UserError, run
from stress.judge.outcomes import (
    ACCEPTABLE,
    CATALOGUE,
    FINDINGS,
    FORBIDDEN,
    LAST_CODE,
    MORE_OUTCOMES,
    OUTCOMES,
    OWN_CODES,
    Code,
    Outcome,
    fault_of,
    forbidden_mask,
    with_findings,
    with_more,
)
from stress.machine.features import no_nmi


def scenario(*outcomes: Outcome) -> Scenario:
    """A scenario with outcomes of its own."""
    programs = (Program("any", no_nmi),)
    return Scenario("own", "none", "made", programs, "violated", outcomes={one.name: one for one in outcomes})


def test_every_scenario_has_the_harnesss_own_and_they_are_forbidden() -> None:
    own = scenario(Outcome(LAST_CODE, "mine", ACCEPTABLE, "fine"))
    assert list(own.outcomes) == ["mine", *FINDINGS]
    assert list(scenario(*OUTCOMES.values()).outcomes) == [*OUTCOMES, *FINDINGS]
    mask = forbidden_mask(own.outcomes)
    assert [mask >> code & 1 for code in (Code.AFTER_FREE, Code.OUT_OF_BOUNDS, Code.OVERWRITTEN)] == [1, 1, 1]
    assert mask >> LAST_CODE & 1 == 0
    assert fault_of(own.outcomes) is None


def test_a_scenario_that_does_not_say_has_the_outcomes_of_its_structure_or_of_a_lookup() -> None:
    table = Outcome.table(right=(ACCEPTABLE, "as asked"), wrong=(FORBIDDEN, "another"))
    mine = Structure("mine", [], lambda cpu, p: None, outcomes=table)
    given = ("own", "none", "made", (Program("any", no_nmi),), "violated")
    assert list(Scenario(*given, structure=mine).outcomes) == ["wild", "endless", "right", "wrong", *FINDINGS]
    assert list(Scenario(*given).outcomes) == [*OUTCOMES, *FINDINGS]
    assert list(Scenario(*given, outcomes=table, structure=mine).outcomes) == ["right", "wrong", *FINDINGS]


def test_the_codes_of_the_catalogue_are_those_that_compiled_code_and_old_runs_have() -> None:
    assert {outcome.code: name for name, outcome in CATALOGUE.items()} == {
        1: "wild", 2: "endless", 3: "poisoned", 4: "torn", 5: "alien", 6: "freed", 7: "missed", 8: "garbled",
        9: "absent", 10: "found", 11: "locked", 12: "owned", 13: "running", 14: "going", 15: "miscounted", 16: "right",
        29: "after_free", 30: "out_of_bounds", 31: "overwritten",
    }  # fmt: skip


@pytest.mark.parametrize(
    "graded",
    [
        OUTCOMES,
        FINDINGS,
        with_more(*MORE_OUTCOMES),
        {**OUTCOMES, "missed": Outcome(7, "missed", ACCEPTABLE, "legal here")},
        {"wild": Outcome(1, "wild", FORBIDDEN, "in words of its own"), "a-b": Outcome(20, "a-b", ACCEPTABLE, "mine")},
    ],
)
def test_outcomes_that_can_be_told_apart_are_taken(graded: dict[str, Outcome]) -> None:
    assert fault_of(with_findings(graded)) is None


def test_codes_are_allotted_to_a_scenarios_own_and_are_the_same_each_time() -> None:
    own = Outcome.table(right=(ACCEPTABLE, "as asked"), stale=(FORBIDDEN, "old"), found=(FORBIDDEN, "not here"))
    assert own == Outcome.table(right=(ACCEPTABLE, "as asked"), stale=(FORBIDDEN, "old"), found=(FORBIDDEN, "not here"))
    assert own["stale"] == Outcome(28, "stale", FORBIDDEN, "old")
    assert (own["right"].code, own["found"].code) == (Code.RIGHT, Code.FOUND)
    assert fault_of(with_findings({**OUTCOMES, **own})) is None


def test_all_codes_that_are_left_can_be_allotted_and_no_more() -> None:
    names = [f"own{number}" for number in range(len(OWN_CODES) + 1)]
    own = Outcome.table(**dict.fromkeys(names[:-1], (ACCEPTABLE, "one of many")))
    assert sorted(one.code for one in own.values()) == list(range(17, 29))
    assert fault_of(with_findings({**with_more(*MORE_OUTCOMES), **own})) is None
    with pytest.raises(ValueError, match=r"^13 outcomes of its own; a scenario may have 12$"):
        Outcome.table(**dict.fromkeys(names, (ACCEPTABLE, "one of many")))


ADVICE = "give a code of 17 to 28, or let Outcome.table() allot one"
TWO = {"one": Outcome(20, "one", ACCEPTABLE, "fine"), "two": Outcome(20, "two", ACCEPTABLE, "fine")}


def own(code: object, name: object, grade: str = ACCEPTABLE) -> dict[str, Outcome]:
    """An outcome that a careless author may write."""
    return {name: Outcome(code, name, grade, "fine")}  # type: ignore[arg-type, dict-item]


REFUSED = [
    (own(10, "mine"), f"outcome 'mine' has code 10, which is the code of 'found' in every scenario; {ADVICE}"),
    (own(11, "mine"), f"outcome 'mine' has code 11, which is the code of 'locked' in every scenario; {ADVICE}"),
    (own(29, "mine"), f"outcome 'mine' has code 29, which is the code of 'after_free' in every scenario; {ADVICE}"),
    *((own(code, "mine"), f"outcome 'mine' has code {code!r}, which does not exist; {ADVICE}")
      for code in (77, 32, 0, -1, 20.0, "20", None)),
    (TWO, f"outcome 'two' has code 20, and so has 'one'; {ADVICE}"),
    (own(20, "found"),
     "outcome 'found' has code 20, but this name has code 10 in every scenario; give it another name"),
    (own(20, "after_free"),
     "outcome 'after_free' has code 20, but this name has code 29 in every scenario; give it another name"),
    (own(31, "overwritten"), "outcome 'overwritten' is what kstress itself finds, and is forbidden; give another name"),
    *((own(20, name), f"outcome {name!r} has a name that no table can show; use letters, digits and underscores")
      for name in ("", "[red]", "a\nb", 3)),
    ({"mine": Outcome(20, "yours", ACCEPTABLE, "fine")}, "outcome 'mine' calls itself 'yours'; give it one name"),
    ({"mine": 20}, "outcome 'mine' is not an Outcome; give Outcome(code, name, grade, meaning)"),
]  # fmt: skip


@pytest.mark.parametrize(("graded", "fault"), REFUSED)
def test_outcomes_that_collide_are_refused_in_one_line(graded: dict[str, Outcome], fault: str) -> None:
    assert fault_of(with_findings(graded)) == fault
    assert "\n" not in fault
    made = Scenario("own", "none", "made", (Program("any", no_nmi),), "violated", outcomes=graded)
    with pytest.raises(UserError, match=f"^scenario own: {re.escape(fault)}$"):
        run([made], Config(engine="python"))


@pytest.mark.parametrize("grade", ["harmless", "", "Forbidden", None])
def test_a_grade_that_does_not_exist_is_refused(grade: str) -> None:
    with pytest.raises(ValueError, match=rf"^outcome 'mine' has the grade {grade!r}; give forbidden or acceptable$"):
        Outcome(20, "mine", grade, "fine")
