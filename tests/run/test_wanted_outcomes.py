"""A search for an outcome ends once it is shown; it takes no time for others, where nobody asks for them."""

import pytest

from stress.corpus import bundled
from stress.runs.controlled.exploration import explore
from stress.runs.controlled.search import Search
from stress.scenario_files import find_scenario

WANTED = "freed"


@pytest.mark.parametrize(("keeps_others", "kept"), [(True, [("poisoned",), (WANTED,)]), (False, [(WANTED,)])])
def test_what_else_is_shown_is_kept_only_if_it_is_asked_for(keeps_others: bool, kept: list[tuple[str, ...]]) -> None:
    search = Search(engine="python", schedules=300, seed=1, wanted=frozenset({WANTED}), keeps_others=keeps_others)
    explored = explore(find_scenario("modlist_spinlock"), bundled(), search).explored
    assert list(explored.found) == kept
    assert (explored.shown["poisoned"], explored.shown[WANTED]) == (1, 1)
    assert explored.count < 300
