"""Who runs a sweep's cells: this process one after the other, or the workers of an executor or a cluster."""

from collections.abc import Callable
from typing import Protocol

import attrs

from stress.campaign.sweep.agenda import Cell
from stress.campaign.sweep.cell import Came, nursery_for, run_cell
from stress.campaign.sweep.records import Plan
from stress.host import having_cores

Note = Callable[[str], None]
Interrupted = Callable[[], bool]


class NoWorkersError(Exception):
    """There is nobody left who could run a cell; the text says why, and what to do."""


@attrs.frozen
class Returned:
    """What there is of a cell that was begun, and which worker had it (None for this process).

    `came` is what became of it, None if the worker was lost with it; then `why` says how.
    """

    cell: Cell
    worker: str | None
    came: Came | None
    why: str = ""


class Crew(Protocol):
    """Those who run cells, each one at a time. Called from one thread."""

    @property
    def has_room(self) -> bool:
        """Whether somebody could begin a cell now."""

    def begin(self, cell: Cell) -> None:
        """Give a cell to somebody who has none."""

    def returned(self) -> list[Returned]:
        """The cells that have come back; waits a little for the first.

        Raises:
            StoppedError: when the sweep was interrupted meanwhile.
            NoWorkersError: when nobody is left.
        """

    def close(self) -> None:
        """Nothing is wanted any more, cells under way included."""


MakeCrew = Callable[[Plan, Note, Interrupted], Crew]


class Alone:
    """This process, which runs one cell at a time on the cores that it has."""

    def __init__(self, plan: Plan, note: Note, interrupted: Interrupted) -> None:
        """Begin with nothing."""
        self._plan, self._note, self._interrupted = plan, note, interrupted
        self._nursery = nursery_for(plan)
        self._cell: Cell | None = None

    @property
    def has_room(self) -> bool:
        """Whether there is no cell."""
        return self._cell is None

    def begin(self, cell: Cell) -> None:
        """Keep a cell until somebody asks for what has become of it."""
        self._cell = cell

    def returned(self) -> list[Returned]:
        """Run the cell there is."""
        if self._cell is None:
            return []
        cell, self._cell = self._cell, None
        with having_cores(self._note, self._note, given_up=self._interrupted):
            came = run_cell(self._plan, *cell, self._nursery, self._interrupted)
        return [Returned(cell, None, came)]

    def close(self) -> None:
        """End the nursery."""
        self._nursery.close()
