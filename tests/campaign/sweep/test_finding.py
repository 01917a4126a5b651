"""The agenda of a search: whoever runs its cells, and in whatever order they come back, it decides the same."""

import random
from collections.abc import Iterable
from typing import Any

import attrs
import pytest
from hypothesis import given
from hypothesis import strategies as st

from stress.campaign.sweep.agenda import Cell
from stress.campaign.sweep.finding import Finding, Quest, agenda_of, quests_of
from stress.campaign.sweep.matrix import Matrix
from stress.campaign.sweep.plan import new_plan
from stress.campaign.sweep.records import CellResult, Plan
from stress.results.load.knees import answer, knee_json
from tests.campaign.sweep.made import LOST, PAIR, ended, plan_of
from tests.support import bounded

PYTHON = {"engine": ("python",)}


def plan(find: str = "cpus", values: Iterable[Any] = range(2, 9), *scenarios: str, repeat: int = 200) -> Plan:
    """The plan of a search."""
    axes = {**PYTHON, find: tuple(values)}
    return new_plan(
        Matrix(scenarios=scenarios or PAIR[:1], axes=axes, find=find, seed=7, repeat=repeat, duration_s=0.05)
    )


def came(cell: Cell, first: float | None) -> CellResult:
    """A cell that showed the race after so many seconds, or not at all."""
    return ended(*cell, run={"first_violation_s": first})


def luck(cell: Cell, share: float) -> float | None:
    """When a cell shows the race, if it does so with this chance: the same whoever runs it."""
    return 0.01 if random.Random(f"{cell}").random() < share else None


SHARES = (0.0, 0.6, 0.9, 0.97, 1.0, 1.0, 1.0)


def run_all(agenda: Finding, workers: int, dice: random.Random) -> list[CellResult]:
    """Run a search with so many at once, which come back in any order; everything that has ended."""
    under_way, done = list[Cell](), list[CellResult]()
    while agenda.left:
        while len(under_way) < workers and (cell := agenda.take()):
            assert cell not in under_way
            under_way.append(cell)
        cell = under_way.pop(dice.randrange(len(under_way)))
        if dice.random() < 0.1:
            agenda.put_back(cell)
        else:
            done.append(came(cell, luck(cell, SHARES[cell[0] % 7])))
            agenda.end(done[-1])
    return done


def known(quests: Iterable[Quest]) -> list[dict[str, Any]]:
    """All that searches have come to."""
    return [knee_json(quest) for quest in quests]


def test_it_goes_on_where_it_was_cut_short() -> None:
    whole = run_all(Finding(plan(), ()), 1, random.Random(0))
    half = whole[: len(whole) // 2]
    again = Finding(plan(), half)
    assert 0 < again.left <= 7 * 200 - len(half)
    rest = run_all(again, 1, random.Random(0))
    assert [(one.number, one.repeat) for one in half + rest] == [(one.number, one.repeat) for one in whole]
    assert known(again.quests) == known(quests_of(plan(), whole))


def test_runs_that_show_it_and_come_back_first_are_not_told_before_their_turn() -> None:
    agenda = Finding(plan(), ())
    cells = [agenda.take() for _ in range(5)]
    assert cells == [(6, repeat) for repeat in range(1, 6)]
    for cell in cells[1:]:
        assert cell
        agenda.end(came(cell, 0.01))
    assert agenda.quests[0].search.tried[6].runs.total == 0
    agenda.end(came((6, 1), None))
    assert agenda.quests[0].search.tried[6].runs.total == 5


def test_none_is_taken_while_all_that_is_wanted_is_under_way() -> None:
    agenda = Finding(plan(values=(2,), repeat=3), ())
    assert [agenda.take() for _ in range(4)] == [(0, 1), (0, 2), (0, 3), None]
    agenda.put_back((0, 2))
    assert (agenda.take(), agenda.left) == ((0, 2), 3)


def test_searches_of_several_scenarios_take_turns() -> None:
    agenda = Finding(plan("cpus", (2, 3), *PAIR), ())
    assert [quest.numbers for quest in agenda.quests] == [(0, 1), (2, 3)]
    assert [agenda.take() for _ in range(4)] == [(1, 1), (3, 1), (1, 2), (3, 2)]


@pytest.mark.parametrize("find", ["cpus", "duration_s"])
def test_cells_without_a_run_are_no_evidence_and_too_many_end_the_search(find: str) -> None:
    agenda = Finding(plan(find, (2, 3)), ())
    for repeat in (1, 2, 3):
        cell = agenda.take()
        assert cell == (1 if find == "cpus" else 0, repeat)
        agenda.end(ended(*cell, end="crashed", run=None, trouble=LOST))
    assert (agenda.take(), agenda.left) == (None, 0)
    [quest] = agenda.quests
    assert sum(one.runs.total for one in quest.search.tried) == 0
    assert answer(quest).endswith("no knee, since too many runs did not complete")


def test_a_run_tells_of_every_duration() -> None:
    agenda = Finding(plan("duration_s", (0.001, 0.01, 0.05)), ())
    for first in (0.0005, 0.01, 0.02, None):
        cell = agenda.take()
        assert cell
        agenda.end(came(cell, first))
    assert [(one.runs.shown, one.runs.missed) for one in agenda.quests[0].search.tried] == [(1, 3), (2, 2), (3, 1)]


def test_a_violation_after_its_time_is_none() -> None:
    agenda = Finding(plan(), ())
    agenda.end(came((6, 1), 0.051))
    agenda.end(came((6, 2), 0.05))
    assert attrs.astuple(agenda.quests[0].search.tried[6].runs) == (1, 1)


def test_a_grid_is_no_search() -> None:
    assert quests_of(plan_of(), ()) == ()
    assert agenda_of(plan_of(), ()).left == 8


def told(values: Iterable[Any], shares: dict[Any, float], made: Plan | None = None, most: int = 9999) -> str:
    """What a search says in the end, or after so many runs."""
    made = made or plan("cpus", values)
    agenda, done = Finding(made, ()), list[CellResult]()
    while agenda.left and len(done) < most and (cell := agenda.take()):
        share = shares.get(made.cells[cell[0]].cpus, 1.0)
        first = luck(cell, share)
        done.append(came(cell, first))
        agenda.end(done[-1])
    [quest] = agenda.quests
    return answer(quest).removeprefix("modlist_spinlock, python engine: ")


CLAIM = "the race shows in at least 95 % of 50ms runs"


@pytest.mark.parametrize(
    ("never", "text"),
    [
        ((1, 2), "from 3 CPUs on (95 % confidence): with 2 CPUs in 0 of 3; with 3 CPUs in 110 of 110"),
        ((), "already at the least, 1 CPU (95 % confidence): with 1 CPU in 110 of 110"),
        ((1, 2, 3, 4), "at none from 1 CPU to 4 CPUs (95 % confidence): with 4 CPUs in 0 of 3"),
    ],
)
def test_the_answer_is_a_sentence(never: tuple[int, ...], text: str) -> None:
    assert told(range(1, 5), dict.fromkeys(never, 0.0)) == f"{CLAIM} {text}"


def test_what_is_not_decided_is_said() -> None:
    open_end = told(range(1, 5), {1: 0.0}, plan(values=range(1, 5), repeat=20))
    assert open_end.startswith("nothing is known to be at or above the knee; with 1 CPU in 0 of 3; not decided: 2")
    between = told(range(1, 6), {1: 0.0, 2: 0.0, 3: 0.95, 4: 0.95})
    assert "from somewhere above 2 CPUs, and at the latest from 5 CPUs on" in between
    assert "not decided: 3 CPUs, 4 CPUs" in between
    assert told(range(1, 5), {}, most=10).startswith("the search was cut short; so far nothing is known")
    against = told(range(1, 9), {8: 0.0})
    assert against == "no knee: with 4 CPUs in 114 of 114, but with 8 CPUs in 0 of 3; search in a smaller range"


def test_durations_are_told_without_a_length_of_runs() -> None:
    text = told((), {}, plan("duration_s", (0.001, 0.05)))
    assert text == (
        "the race shows in at least 95 % of runs from 50ms on (95 % confidence): within 1ms in 0 of 2; "
        "within 50ms in 82 of 82"
    )


@bounded(5)
@given(st.integers(2, 9), st.integers(0, 2**32))
def test_workers_side_by_side_come_to_what_one_comes_to(workers: int, seed: int) -> None:
    dice = random.Random(seed)
    alone, together = Finding(plan(), ()), Finding(plan(), ())
    run_all(alone, 1, random.Random(0))
    done = run_all(together, workers, dice)
    assert known(together.quests) == known(alone.quests)
    assert len({(one.number, one.repeat) for one in done}) == len(done)
    dice.shuffle(done)
    assert known(quests_of(plan(), done)) == known(alone.quests)
