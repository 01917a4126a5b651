"""docs/scenario.md: its file of several scenarios is one, and shows what the page says."""

import re
from pathlib import Path

import pytest

from stress.corpus import bundled
from stress.runs.controlled.exploration import explore
from stress.runs.controlled.search import Search
from stress.scenario_files import find_scenario, find_scenarios
from tests.frontdoor.command import CHECKOUT


@pytest.fixture(scope="module")
def pair(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The file on the page."""
    text = (CHECKOUT / "docs" / "scenario.md").read_text().partition("## Several scenarios in one file\n")[2]
    [block] = re.findall(r"```python\n(.*?)```", text.partition("\n## ")[0], re.DOTALL)
    file = tmp_path_factory.mktemp("guide") / "pair.py"
    file.write_text(block)
    return file


def test_its_scenarios_have_the_programs_that_it_says(pair: Path) -> None:
    assert [one.name for one in find_scenarios(str(pair))] == ["pair:no_lock", "pair:lock"]
    assert [one.name for one in find_scenario(f"{pair}:lock").deal(3)] == ["change", "compare", "compare"]


@pytest.mark.threads
def test_without_the_lock_it_is_violated_and_with_it_nothing_is_found(pair: Path) -> None:
    search = Search(engine="python", schedules=200, seed=1)
    assert explore(find_scenario(f"{pair}:no_lock"), bundled(), search).verdict.name == "violated"
    locked = explore(find_scenario(f"{pair}:lock"), bundled(), search)
    assert locked.verdict.name in ("held", "inconclusive")
    assert locked.twin
    assert locked.twin.caught_count
