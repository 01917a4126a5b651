"""What is left of a search: the next run is one that it wants, and it gets the ended runs in order of repeat.

A run that shows the race ends at once and one that misses it does not, so of runs side by side those that come back
first would show it too often. In order of repeat the same run directory always leads to the same decisions.
"""

from collections.abc import Iterable, Iterator, Mapping
from typing import Any

import attrs

from stress.campaign.sweep.agenda import Cell, Grid
from stress.campaign.sweep.knee import Nested, Search
from stress.campaign.sweep.records import CellResult, Find, Plan, Values


def shows(run: Mapping[str, Any], seconds: float) -> bool:
    """Whether a run showed the race within so many seconds: whether it had a violation."""
    first = run["first_violation_s"]
    return first is not None and first <= seconds


@attrs.define(eq=False)
class Quest:
    """One search of a plan: its cells, by their numbers, the smallest candidate first, and what is known so far.

    Where the candidates are durations there is one cell, and each run of it tells of all of them.
    """

    plan: Plan
    find: Find
    numbers: tuple[int, ...]
    search: Search = attrs.field(init=False)
    ended: dict[Cell, CellResult] = attrs.field(init=False, factory=dict)
    under_way: set[Cell] = attrs.field(init=False, factory=set)

    def __attrs_post_init__(self) -> None:
        kind = Nested if self.find.durations else Search
        self.search = kind(len(self.candidates), self.find.share, self.find.confidence, self.plan.repeat)

    @property
    def values(self) -> Values:
        """The values of its first cell, which its others share but for the axis with the knee."""
        return self.plan.cells[self.numbers[0]]

    @property
    def candidates(self) -> tuple[Any, ...]:
        """The candidates, rising."""
        return self.find.durations or tuple(getattr(self.plan.cells[at], self.find.axis) for at in self.numbers)

    @property
    def left(self) -> int:
        """How many runs there may still be, at most; it mostly takes far fewer."""
        return 0 if self.search.wanted is None else len(self.numbers) * self.plan.repeat - len(self.ended)

    def next(self) -> Cell | None:
        """The cell that is to begin next: the first repeat of what is wanted that has neither begun nor ended."""
        for cell in self._coming():
            if cell not in self.ended and cell not in self.under_way:
                return cell
        return None

    def _coming(self) -> Iterator[Cell]:
        """The repeats that the search waits for, in their order."""
        at = self.search.wanted
        if at is not None:
            number = self.numbers[0] if self.find.durations else self.numbers[at]
            yield from ((number, repeat) for repeat in range(self.search.next_repeat(at), self.plan.repeat + 1))

    def end(self, ended: CellResult) -> None:
        """A cell has ended; the search gets all that it waits for by now."""
        self.under_way.discard((ended.number, ended.repeat))
        self.ended[ended.number, ended.repeat] = ended
        while (cell := next(self._coming(), None)) in self.ended:
            self._tell(self.ended[cell])

    def _tell(self, ended: CellResult) -> None:
        """Give the search the result of the run that it waits for."""
        at, run = self.search.wanted, ended.run
        assert at is not None
        if run is None:
            self.search.lose(at)
        elif isinstance(self.search, Nested):
            self.search.tell_all([shows(run, seconds) for seconds in self.find.durations])
        else:
            self.search.tell(at, shows(run, self.plan.duration_s))


def quests_of(plan: Plan, ended: Iterable[CellResult]) -> tuple[Quest, ...]:
    """A search for each scenario and each combination of values on the axes without a knee, given the ended cells.

    There is none in a plan that is no search.
    """
    find = plan.find
    if find is None:
        return ()
    groups: dict[object, list[int]] = {}
    for number, values in enumerate(plan.cells):
        others = attrs.asdict(values, filter=lambda field, value: field.name != find.axis)
        groups.setdefault(tuple(others.values()), []).append(number)
    quests = tuple(Quest(plan, find, tuple(numbers)) for numbers in groups.values())
    of = {number: quest for quest in quests for number in quest.numbers}
    for one in ended:
        of[one.number].end(one)
    return quests


class Finding:
    """The agenda of a search, or of several that take turns."""

    def __init__(self, plan: Plan, ended: Iterable[CellResult]) -> None:
        """Go on after what has ended."""
        self.quests = quests_of(plan, ended)
        self._of = {number: quest for quest in self.quests for number in quest.numbers}

    @property
    def left(self) -> int:
        """How many runs there may still be, at most."""
        return sum(quest.left for quest in self.quests)

    def take(self) -> Cell | None:
        """The next run of the search that has had the fewest, if it wants any before others have ended."""
        for quest in sorted(self.quests, key=lambda quest: len(quest.ended) + len(quest.under_way)):
            if cell := quest.next():
                quest.under_way.add(cell)
                return cell
        return None

    def put_back(self, cell: Cell) -> None:
        """It can be taken again."""
        self._of[cell[0]].under_way.discard(cell)

    def end(self, ended: CellResult) -> None:
        """Give the cell to its search."""
        self._of[ended.number].end(ended)


Agenda = Grid | Finding
"""What is left of a sweep, and which cell comes next."""


def agenda_of(plan: Plan, ended: Iterable[CellResult]) -> Agenda:
    """What is left of a plan: the cells of a grid, or the runs of its searches."""
    return Finding(plan, ended) if plan.find else Grid(plan, ended)
