"""The lineage: each bug is caught as it was, and not since its fix; each file tells its story and names its source."""

import re
from pathlib import Path

import pytest

from stress import Config, find_scenario, run
from stress.scenario_files import find_scenarios, rooms, scenario_file
from tests.frontdoor.command import CHECKOUT
from tests.support import some_of

NAMES = sorted(rooms()["lineage"])
PAGE = (CHECKOUT / "docs" / "lineage.md").read_text(encoding="utf-8")
LEAST = 34
"""Of the 43 rows that the history has, so many are pairs at least."""
CAUGHT_SECONDS = 20.0
SHORT = Config(engine="native", duration_s=0.4, seed=1)


def test_most_of_the_history_is_there() -> None:
    assert len(NAMES) >= LEAST
    assert all(re.fullmatch(r"[abc]\d\d_\w+", name) for name in NAMES)


@pytest.mark.parametrize("name", NAMES)
def test_each_file_has_the_code_before_and_since_and_says_where_it_is_from(name: str) -> None:
    broken, mended = find_scenarios(name)
    assert (broken.variant, mended.variant, mended.twin, mended.expect) == ("broken", "mended", ":broken", "held")
    assert broken.expect in ("violated", "stalled")
    assert broken.learnt
    assert mended.learnt
    story = scenario_file(name).read_text(encoding="utf-8")
    assert re.search(r"\nSource: .*(tagged [VSMI]|without a tag)", story[: story.index('"""', 3)], re.DOTALL)


@pytest.mark.parametrize("name", NAMES)
def test_the_page_tells_each_in_the_words_of_its_file(name: str) -> None:
    row = next(line for line in PAGE.splitlines() if f"[{name}](../scenarios/lineage/{name}.py)" in line)
    broken, mended = find_scenarios(name)
    assert rooms()["lineage"][name] in row
    assert broken.expect.upper() in row
    assert mended.learnt in row


@pytest.mark.threads
@pytest.mark.native
@pytest.mark.parametrize("name", sorted({*some_of(NAMES, 2), *some_of(NAMES, 3)}))
def test_before_the_fix_it_is_caught(name: str) -> None:
    scenario = find_scenario(f"{name}:broken")
    config = Config(engine="native", duration_s=CAUGHT_SECONDS, stop_on_violation=True, seed=1, stall_after_s=0.5)
    [result] = run([scenario], config)
    assert result.verdict.name == scenario.expect


@pytest.mark.threads
@pytest.mark.native
@pytest.mark.parametrize("name", some_of(NAMES))
def test_since_the_fix_nothing_is_seen(name: str) -> None:
    [result] = run([find_scenario(f"{name}:mended")], SHORT)
    assert result.verdict.name in ("held", "inconclusive")


@pytest.mark.threads
@pytest.mark.parametrize("name", some_of(NAMES, 1))
def test_interpreted_code_shows_the_same(name: str) -> None:
    scenario = find_scenario(f"{name}:broken")
    config = Config(engine="python", duration_s=CAUGHT_SECONDS, stop_on_violation=True, seed=1, stall_after_s=1.0)
    [result] = run([scenario], config)
    assert result.verdict.name == scenario.expect


def test_the_folder_has_nothing_else() -> None:
    folder = Path(CHECKOUT / "scenarios" / "lineage")
    assert {path.stem for path in folder.iterdir() if path.suffix == ".py"} == set(NAMES)
