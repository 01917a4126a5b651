"""Sweeps: the cells of a matrix one after the other, each alone on the host's cores, in an order that is shuffled.

`sweep` starts one, `resume_sweep` goes on with one; both return what there is in the run directory then. A cell that
crashes, hangs or runs out of memory is a result, and the sweep goes on.
"""

import os
from collections.abc import Callable
from contextlib import closing
from pathlib import Path
from typing import Protocol

import attrs

from stress.campaign.folder import JournalError, check_place, lock_folder, now
from stress.campaign.nursery import Nursery
from stress.campaign.parts import Session
from stress.campaign.sweep import ledger as ledgers
from stress.campaign.sweep.cell import Came, StoppedError, nursery_for, run_cell
from stress.campaign.sweep.ledger import Ledger
from stress.campaign.sweep.matrix import Matrix
from stress.campaign.sweep.plan import check_unchanged, config_of, new_plan, order, seed_of_cell
from stress.campaign.sweep.records import FAILED, Ended, Plan, Values
from stress.campaign.sweep.sweepdir import Swept, read_sweep
from stress.conditions import StealMeter, host_conditions
from stress.errors import UserError
from stress.host import having_cores
from stress.runner import settle


class Watcher(Protocol):
    """Who watches a sweep. Called from its main thread only."""

    def plan(self, plan: Plan) -> None:
        """What is swept; called once, first."""

    def note(self, text: str) -> None:
        """Something to know between cells."""

    def begin(self, values: Values, repeat: int, left: int, cells: int) -> None:
        """A cell begins; `left` of `cells` have not ended, it included."""

    def end(self, values: Values, ended: Ended) -> None:
        """A cell has ended, and is on the disk."""


class Unwatched:
    """The watcher of a sweep that nobody watches."""

    def plan(self, plan: Plan) -> None:
        """Nobody looks."""

    def note(self, text: str) -> None:
        """Nobody looks."""

    def begin(self, values: Values, repeat: int, left: int, cells: int) -> None:
        """Nobody looks."""

    def end(self, values: Values, ended: Ended) -> None:
        """Nobody looks."""


@attrs.frozen
class SweepEnding:
    """What a sweep came to. `trouble` is why the disk could not take more, or None."""

    swept: Swept
    trouble: str | None = None

    @property
    def failed(self) -> bool:
        """Whether any cell did not come to its end."""
        return any(one.run is None for one in self.swept.ended)

    @property
    def others(self) -> set[str]:
        """The verdicts that were not as expected."""
        return {str(one.run["verdict"]) for one in self.swept.ended if one.run and not one.run["as_expected"]}


@attrs.define(eq=False)
class Sweep:
    """A sweep under way."""

    ledger: Ledger
    watcher: Watcher
    interrupted: Callable[[], bool]
    ended: list[Ended]
    trouble: str | None = None

    @property
    def plan(self) -> Plan:
        """What it is of."""
        plan: Plan = self.ledger.manifest.plan
        return plan

    def run(self) -> SweepEnding:
        """Run every cell that has not ended, until a signal comes or the disk is full."""
        self.watcher.plan(self.plan)
        self.watcher.note(f"run directory: {self.ledger.folder}")
        try:
            self._run_cells()
            self.ledger.end(self._status())
        except JournalError as error:
            self.trouble = str(error)
        finally:
            self.ledger.close()
        manifest, folder = self.ledger.manifest, self.ledger.folder
        return SweepEnding(Swept(folder, manifest, tuple(self.ended), 0), self.trouble)

    def _run_cells(self) -> None:
        """One cell after the other."""
        done = {(one.number, one.repeat) for one in self.ended}
        waiting = [cell for cell in order(self.plan) if cell not in done]
        with closing(nursery_for(self.plan)) as nursery:
            self._run_waiting(waiting, nursery)

    def _run_waiting(self, waiting: list[tuple[int, int]], nursery: Nursery) -> None:
        """These cells, in this order."""
        for at, (number, repeat) in enumerate(waiting):
            values = self.plan.cells[number]
            self.watcher.begin(values, repeat, len(waiting) - at, len(self.plan.cells) * self.plan.repeat)
            try:
                with having_cores(self.watcher.note, self.watcher.note, given_up=self.interrupted):
                    came = run_cell(self.plan, number, repeat, nursery, self.interrupted)
            except StoppedError:
                return
            self._record(number, repeat, came)

    def _record(self, number: int, repeat: int, came: Came) -> None:
        """A cell has ended."""
        ended = Ended(
            at=now(),
            session=len(self.ledger.manifest.sessions) - 1,
            number=number,
            repeat=repeat,
            seed=seed_of_cell(self.plan, number, repeat),
            end=came.end,
            seconds=came.seconds,
            first_lookup_s=came.first_lookup_s,
            run=came.run,
            trouble=came.trouble,
        )
        self.ledger.append(ended)
        self.ended.append(ended)
        self.watcher.end(self.plan.cells[number], ended)

    def _status(self) -> str:
        """How it has ended, for the manifest."""
        if len(self.ended) < len(self.plan.cells) * self.plan.repeat:
            return "interrupted"
        return "failed" if any(one.end == FAILED for one in self.ended) else "complete"


def session_of_host(plan: Plan) -> Session:
    """A session that begins now, under this host's conditions; those of each cell are in its run."""
    config = config_of(plan, 0, 1)
    settings = settle(config)
    steal = StealMeter()
    return Session(
        now(), host_conditions(config, float(settings.noise), settings.pace_s, settings.stall_after_s, steal)
    )


def sweep(
    matrix: Matrix,
    results: Path = Path("results"),
    watcher: Watcher | None = None,
    interrupted: Callable[[], bool] = lambda: False,
) -> SweepEnding:
    """Run every cell of a matrix; all is kept in a new run directory under `results`. Ends early when `interrupted`.

    Raises:
        UserError: for input that cannot be used; nothing was started then.
    """
    plan = new_plan(matrix)
    check_place(results)
    ledger = ledgers.create(results, plan, session_of_host(plan))
    return Sweep(ledger, watcher or Unwatched(), interrupted, []).run()


def resume_sweep(
    folder: Path, watcher: Watcher | None = None, interrupted: Callable[[], bool] = lambda: False
) -> SweepEnding:
    """Run the cells of a run directory that have not ended.

    Raises:
        UserError: when something differs from what its cells were run with, or it cannot be used.
    """
    lock = lock_folder(folder)
    try:
        swept = read_sweep(folder)
        check_unchanged(swept)
        ledger = ledgers.reopen(swept, lock, session_of_host(swept.manifest.plan))
    except UserError:
        os.close(lock)
        raise
    return Sweep(ledger, watcher or Unwatched(), interrupted, list(swept.ended)).run()
