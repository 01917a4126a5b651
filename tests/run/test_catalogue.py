"""The catalogue: every file of it is a scenario, and says what the rest of the harness relies on."""

import pytest

from stress.results.terminal.listing import as_markdown
from stress.scenario import POINTS, Program, Scenario
from stress.scenario_files import catalogue, find_scenario, rooms, scenarios_folder


def test_every_file_of_the_catalogue_is_a_scenario_of_its_name() -> None:
    stems = {path.stem for path in scenarios_folder().glob("*.py")}
    assert {scenario.name for scenario in catalogue()} == stems


@pytest.mark.parametrize("scenario", catalogue(), ids=lambda scenario: scenario.name)
def test_a_scenario_that_expects_held_names_a_twin_that_fails(scenario: Scenario) -> None:
    if scenario.expect == "held":
        assert scenario.twin is not None
        assert find_scenario(scenario.twin).expect in ("violated", "stalled")


@pytest.mark.parametrize("cpus", [2, 3, 4, 64])
def test_writers_are_dealt_the_first_cpus(cpus: int) -> None:
    scenario = Scenario(
        "made",
        "claim",
        "nowhere",
        (Program("reader", lambda cpu: 0), Program("writer", lambda cpu: 0, cpus=1, writes=True)),
        expect="held",
    )
    dealt = scenario.deal(cpus)
    assert [program.name for program in dealt] == ["writer"] + ["reader"] * (cpus - 1)


def test_too_few_cpus_cannot_be_dealt() -> None:
    with pytest.raises(ValueError, match="at least 2"):
        find_scenario("stop_machine").deal(1)


def test_the_page_of_the_catalogue_is_current() -> None:
    page = scenarios_folder() / "README.md"
    assert page.read_text() == as_markdown(catalogue(), rooms()), "run: kstress list --markdown > scenarios/README.md"


@pytest.mark.parametrize("scenario", catalogue(), ids=lambda scenario: scenario.name)
def test_a_scenario_says_what_it_is_about_and_what_was_learnt(scenario: Scenario) -> None:
    assert scenario.point
    assert scenario.learnt
    assert scenario.claim
    assert "\nSource: " in (scenarios_folder() / f"{scenario.name}.py").read_text()


@pytest.mark.parametrize("point", [point for point in POINTS if point])
def test_every_point_of_the_patch_has_its_scenarios(point: str) -> None:
    assert any(scenario.point == point for scenario in catalogue())
