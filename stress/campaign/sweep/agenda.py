"""Which cells of a sweep are still to be run, and which comes next."""

from collections import deque
from collections.abc import Iterable

from stress.campaign.sweep.plan import order
from stress.campaign.sweep.records import CellResult, Plan

Cell = tuple[int, int]
"""The number of a cell's values in the plan, and which repeat of it."""


class Grid:
    """Every cell of a plan, in the order of its seed. A cell that was taken is reported as ended, or put back."""

    def __init__(self, plan: Plan, ended: Iterable[CellResult]) -> None:
        """All but those that have ended."""
        done = {(one.number, one.repeat) for one in ended}
        self._waiting = deque(cell for cell in order(plan) if cell not in done)
        self.left = len(self._waiting)

    def take(self) -> Cell | None:
        """The cell that is to begin next; None if there is none."""
        return self._waiting.popleft() if self._waiting else None

    def put_back(self, cell: Cell) -> None:
        """A cell that was taken has not been run after all; it comes first again."""
        self._waiting.appendleft(cell)

    def end(self, ended: CellResult) -> None:
        """A cell has ended."""
        self.left -= 1
