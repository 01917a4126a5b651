"""Sweeps: the cells of a matrix one after the other, each alone on the host's cores, in an order that is shuffled.

`sweep` starts one, `resume_sweep` goes on with one; both return what there is in the run directory then. A cell that
crashes, hangs or runs out of memory is a result, and the sweep goes on.
"""

import os
from collections import Counter
from collections.abc import Callable
from contextlib import ExitStack, closing
from pathlib import Path
from typing import Protocol

import attrs

from stress.campaign.crews.alone import Alone
from stress.campaign.crews.crew import Crew, MakeCrew, NoWorkersError, Returned, StoppedError
from stress.campaign.crews.letters import LostError, letter
from stress.campaign.folder import JournalError, check_place, lock_folder, now
from stress.campaign.parts import Session
from stress.campaign.sweep import ledger as ledgers
from stress.campaign.sweep.agenda import Agenda, Cell
from stress.campaign.sweep.cell import Came, told
from stress.campaign.sweep.finding import Quest, agenda_of, quests_of
from stress.campaign.sweep.ledger import Ledger
from stress.campaign.sweep.matrix import Matrix
from stress.campaign.sweep.plan import check_unchanged, config_of, new_plan, seed_of_cell
from stress.campaign.sweep.records import CRASHED, FAILED, Ended, Plan, Values, applies
from stress.campaign.sweep.remote import came_of, order_for, trade_of
from stress.campaign.sweep.sweepdir import Swept, read_sweep
from stress.host.cores import chosen
from stress.judge.verdict import INCONCLUSIVE
from stress.machine.engines import compile_notes
from stress.runs.conditions import StealMeter, host_conditions
from stress.runs.runner import settle

MOST_LOSSES = 3
"""Workers that may be lost with the same cell before it is held to be the cause."""


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
    """What a sweep came to. `trouble` is why it could not go on, or None; `quests` are its searches, if it has any."""

    swept: Swept
    trouble: str | None = None
    quests: tuple[Quest, ...] = attrs.field(init=False)

    @quests.default
    def _quests(self) -> tuple[Quest, ...]:
        return quests_of(self.swept.manifest.plan, self.swept.ended)

    @property
    def failed(self) -> bool:
        """Whether any cell did not come to its end."""
        return any(one.run is None for one in self.swept.ended)

    @property
    def others(self) -> set[str]:
        """The verdicts that were not as expected; of searches, which expect none, INCONCLUSIVE if one found no knee.

        A cell with too few CPUs for its scenario counts for neither; a sweep of nothing else is INCONCLUSIVE.
        """
        if self.quests:
            return set() if all(quest.search.found for quest in self.quests) else {INCONCLUSIVE}
        runs = [one.run for one in self.swept.ended if one.run]
        applicable = [run for run in runs if applies(run)]
        if runs and not applicable:
            return {INCONCLUSIVE}
        return {str(run["verdict"]) for run in applicable if not run["as_expected"]}


@attrs.define(eq=False)
class Sweep:
    """A sweep under way."""

    ledger: Ledger
    watcher: Watcher
    interrupted: Callable[[], bool]
    ended: list[Ended]
    crew: Crew
    cores: str | None
    agenda: Agenda = attrs.field(init=False)
    trouble: str | None = None
    _lost: Counter[Cell] = attrs.field(init=False, factory=Counter)

    def __attrs_post_init__(self) -> None:
        self.agenda = agenda_of(self.plan, self.ended)

    @property
    def plan(self) -> Plan:
        """What it is of."""
        plan: Plan = self.ledger.manifest.plan
        return plan

    def run(self) -> SweepEnding:
        """Run every cell that has not ended, until a signal comes, the disk is full or all workers are gone."""
        self.watcher.plan(self.plan)
        self.watcher.note(f"run directory: {self.ledger.folder}")
        for engine in sorted({values.engine for values in self.plan.cells}):
            for line in compile_notes(engine):
                self.watcher.note(line)
        try:
            self._work()
            self.ledger.end(self._status())
        except JournalError as error:
            self.trouble = str(error)
        finally:
            self.ledger.close()
        manifest, folder = self.ledger.manifest, self.ledger.folder
        return SweepEnding(Swept(folder, manifest, tuple(self.ended), 0), self.trouble)

    def _work(self) -> None:
        """Run cells; what ends that early is no error here."""
        try:
            self._run_cells()
        except NoWorkersError as error:
            self.trouble = str(error)
        except StoppedError:
            pass  # the agenda has the cell that was under way

    def _run_cells(self) -> None:
        """Give cells to the crew as long as there are any."""
        while self.agenda.left and not self.interrupted():
            self._begin()
            for one in self.crew.returned():
                self._take(one)

    def _begin(self) -> None:
        """Give a cell to everybody who has none."""
        while self.crew.has_room and (cell := self.agenda.take()):
            number, repeat = cell
            self.watcher.begin(self.plan.cells[number], repeat, self.agenda.left, len(self.ended) + self.agenda.left)
            self.crew.begin(cell, letter(order_for(self.plan, *cell, self.cores)))

    def _take(self, returned: Returned) -> None:
        """A cell has come back: it has ended, or its worker was lost and another gets it, but not for ever."""
        cell: Cell = returned.tag
        try:
            came = came_of(returned, self.plan)
        except LostError as error:
            self.watcher.note(f"{returned.worker} did not bring a cell back: {error}")
            self._lost[cell] += 1
            if self._lost[cell] < MOST_LOSSES:
                self.agenda.put_back(cell)
                return
            reason = f"{MOST_LOSSES} workers did not bring this cell back, the last one: {error}"
            came = Came(end=CRASHED, seconds=0.0, trouble=told(reason, []))
        self._record(*cell, came, returned.worker)

    def _record(self, number: int, repeat: int, came: Came, worker: str | None) -> None:
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
            worker=worker,
        )
        self.ledger.append(ended)
        self.ended.append(ended)
        self.agenda.end(ended)
        self.watcher.end(self.plan.cells[number], ended)

    def _status(self) -> str:
        """How it has ended, for the manifest."""
        if self.agenda.left:
            return "interrupted"
        return "failed" if any(one.end == FAILED for one in self.ended) else "complete"


def session_of_host(plan: Plan) -> Session:
    """A session that begins now, under this host's conditions; those of each cell are in its run."""
    return Session(now(), host_conditions(settle(config_of(plan, 0)).settled, StealMeter()))


def sweep(
    matrix: Matrix,
    results: Path = Path("results"),
    watcher: Watcher | None = None,
    interrupted: Callable[[], bool] = lambda: False,
    crew: MakeCrew = Alone,
    cores: str | None = None,
) -> SweepEnding:
    """Run every cell of a matrix; all is kept in a new run directory under `results`. Ends early when `interrupted`.

    `crew` says who runs the cells: this process, `on_executor(executor, at_once)` or `on_cluster(address)`. `cores`
    says what to do while another stress run has the cores of a cell: "wait" or "share"; None is as KSTRESS_CORES says
    where the cell runs.

    Raises:
        UserError: for input that cannot be used; nothing was started then.
    """
    chosen(cores)
    plan, watcher = new_plan(matrix), watcher or Unwatched()
    check_place(results)
    with closing(crew(trade_of(plan), watcher.note, interrupted)) as hands:
        ledger = ledgers.create(results, plan, session_of_host(plan))
        return Sweep(ledger, watcher, interrupted, [], hands, cores).run()


def resume_sweep(
    folder: Path,
    watcher: Watcher | None = None,
    interrupted: Callable[[], bool] = lambda: False,
    crew: MakeCrew = Alone,
    cores: str | None = None,
) -> SweepEnding:
    """Run the cells of a run directory that have not ended, by whatever crew.

    Raises:
        UserError: when something differs from what its cells were run with, or it cannot be used.
    """
    chosen(cores)
    watcher = watcher or Unwatched()
    with ExitStack() as stack:
        lock = lock_folder(folder)
        unlock = stack.enter_context(ExitStack())
        unlock.callback(os.close, lock)
        swept = read_sweep(folder)
        check_unchanged(swept)
        plan = swept.manifest.plan
        hands = stack.enter_context(closing(crew(trade_of(plan), watcher.note, interrupted)))
        ledger = ledgers.reopen(swept, lock, session_of_host(plan))
        unlock.pop_all()  # from here on the ledger has it
        return Sweep(ledger, watcher, interrupted, list(swept.ended), hands, cores).run()
