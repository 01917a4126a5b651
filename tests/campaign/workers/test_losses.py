"""A sweep whose workers are lost: a cell is given to another, but to no more than three; all that ends is kept once."""

from collections.abc import Callable, Hashable
from pathlib import Path

import attrs
import pytest

from stress import sweep
from stress.campaign.sweep.agenda import Cell
from stress.campaign.workers.pool import Interrupted, Note, NoWorkersError, Pool, Returned, Service
from tests.campaign.workers.made import MATRIX, Counting
from tests.frontdoor.sweeping import all_once, cells, times_of_cells

MOST_TASKS = 100


@attrs.define
class Losing:
    """A pool of one that loses a task as long as it is told to, given the cell and how often that was begun."""

    work: Callable[[str], str]
    loses: Callable[[Cell, int], bool]
    begun: list[Hashable] = attrs.field(factory=list)
    task: tuple[Hashable, str] | None = None

    @property
    def has_room(self) -> bool:
        """Whether there is no task."""
        return self.task is None

    def begin(self, tag: Hashable, text: str) -> None:
        """Take it; nobody takes so many."""
        self.begun.append(tag)
        assert len(self.begun) < MOST_TASKS
        self.task = tag, text

    def returned(self) -> list[Returned]:
        """The task, or that it was lost."""
        assert self.task is not None, "somebody waits for a pool that has nothing to do"
        (tag, text), self.task = self.task, None
        if self.loses(tag, self.begun.count(tag)):  # type: ignore[arg-type]
            return [Returned(tag, "a worker", None, "it is gone")]
        return [Returned(tag, "a worker", self.work(text))]

    def close(self) -> None:
        """Nothing is kept."""


def losing(loses: Callable[[Cell, int], bool]) -> tuple[Callable[[Service, Note, Interrupted], Pool], list[Losing]]:
    """What makes such a pool, and the pool once it was made."""
    made: list[Losing] = []

    def make(service: Service, note: Note, interrupted: Interrupted) -> Pool:
        made.append(Losing(lambda text: service.work(text, interrupted, note), loses))
        return made[0]

    return make, made


@pytest.mark.parametrize("often", [1, 2])
def test_a_cell_that_was_lost_is_begun_again_and_kept_once(often: int, tmp_path: Path) -> None:
    make, made = losing(lambda cell, begun: cell == (1, 2) and begun <= often)
    watcher = Counting()
    ending = sweep(MATRIX, tmp_path, watcher, workers=make)
    assert times_of_cells(ending.swept.folder) == all_once(2, 3)
    assert {cell["end"] for cell in cells(ending.swept.folder)} == {"done"}
    assert made[0].begun.count((1, 2)) == often + 1
    assert [note for note in watcher.notes if "did not bring" in note] == [
        "a worker did not bring a cell back: it is gone"
    ] * often


def test_a_cell_that_is_always_lost_is_told_after_the_third_time(tmp_path: Path) -> None:
    make, made = losing(lambda cell, begun: cell == (1, 2))
    ending = sweep(MATRIX, tmp_path, workers=make)
    assert ending.failed
    assert times_of_cells(ending.swept.folder) == all_once(2, 3)
    [crashed] = [cell for cell in cells(ending.swept.folder) if cell["end"] != "done"]
    assert (crashed["end"], crashed["number"], crashed["repeat"]) == ("crashed", 1, 2)
    assert made[0].begun.count((1, 2)) == 3
    assert crashed["trouble"]["json"]["reason"] == ("3 workers did not bring this cell back, the last one: it is gone")


def test_a_sweep_for_which_no_worker_is_left_is_stopped_and_not_interrupted(tmp_path: Path) -> None:
    def gone(cell: Cell, begun: int) -> bool:
        raise NoWorkersError("nobody is left")

    make, _ = losing(gone)
    ending = sweep(MATRIX, tmp_path, workers=make)
    assert (ending.trouble, ending.swept.state) == ("nobody is left", "stopped")
    assert ending.life.unfinished == "stopped after 0 of 6 runs"
    assert ending.life.resume == f"kstress sweep --resume {ending.swept.folder}"
