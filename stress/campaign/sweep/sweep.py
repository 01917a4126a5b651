"""Sweeps: the cells of a matrix one after the other, each alone on the host's cores, in an order that is shuffled.

`sweep` starts one, `resume_sweep` continues one; both return what there is in the run directory then. A cell that
crashes, hangs or runs out of memory is a result, and the sweep goes on.
"""

from collections import Counter
from collections.abc import Callable
from contextlib import closing
from pathlib import Path

import attrs

from stress.campaign import watcher
from stress.campaign.child import failure
from stress.campaign.folder import check_place, lock_folder, now
from stress.campaign.journal import Journal, JournalError
from stress.campaign.life import STOPPED, Life
from stress.campaign.records import Session
from stress.campaign.sweep.agenda import Cell
from stress.campaign.sweep.cell import result_of
from stress.campaign.sweep.finding import Agenda, Quest, agenda_of, quests_of
from stress.campaign.sweep.matrix import Matrix
from stress.campaign.sweep.plan import check_unchanged, config_of, new_plan
from stress.campaign.sweep.records import CRASHED, FAILED, SWEEP, CellResult, Plan, Values, applies
from stress.campaign.sweep.remote import result_from, service_of, task_for
from stress.campaign.sweep.sweepdir import CELLS, KIND, StoredSweep, read_sweep
from stress.campaign.workers.envelope import LostError, pack
from stress.campaign.workers.in_process import InProcess
from stress.campaign.workers.pool import MakePool, Pool, Returned, work_through
from stress.host.cores import chosen
from stress.judge.verdict import INCONCLUSIVE
from stress.machine.engines import compile_notes
from stress.runs.conditions import StealMeter, host_conditions
from stress.runs.settled import settle
from stress.safe_text import on_one_line

MOST_LOSSES = 3
"""Workers that may be lost with the same cell before it is held to be the cause."""


class Watcher(watcher.Watcher):
    """Who watches a sweep."""

    def plan(self, plan: Plan) -> None:
        """What is swept; called once, first."""

    def begin(self, values: Values, repeat: int, left: int, cells: int) -> None:
        """A cell begins; `left` of `cells` have not ended, it included."""

    def end(self, values: Values, ended: CellResult) -> None:
        """A cell has ended, and is on the disk."""


@attrs.frozen
class SweepEnding:
    """The result of a sweep. `trouble` is why it could not go on, or None; `quests` are its searches, if it has any.

    `remedy` is what to do about the trouble, if that is known.
    """

    swept: StoredSweep
    trouble: str | None = None
    remedy: str = ""
    quests: tuple[Quest, ...] = attrs.field(init=False)

    @quests.default
    def _quests(self) -> tuple[Quest, ...]:
        return quests_of(self.swept.manifest.plan, self.swept.ended)

    @property
    def life(self) -> Life:
        """What became of it."""
        return self.swept.life

    @property
    def failed(self) -> bool:
        """Whether any cell is not complete."""
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

    journal: Journal
    watcher: Watcher
    interrupted: Callable[[], bool]
    ended: list[CellResult]
    pool: Pool
    cores: str | None
    agenda: Agenda = attrs.field(init=False)
    trouble: str | None = None
    _lost: Counter[Cell] = attrs.field(init=False, factory=Counter)

    def __attrs_post_init__(self) -> None:
        self.agenda = agenda_of(self.plan, self.ended)

    @property
    def plan(self) -> Plan:
        """What it is of."""
        plan: Plan = self.journal.manifest.plan
        return plan

    def run(self) -> SweepEnding:
        """Run every cell that has not ended, until a signal comes, the disk is full or all workers are gone."""
        self.watcher.plan(self.plan)
        self.watcher.note(f"run directory: {on_one_line(str(self.journal.folder))}")
        for engine in sorted({values.engine for values in self.plan.cells}):
            for line in compile_notes(engine):
                self.watcher.note(line)
        try:
            self.trouble = work_through(self.pool, self)
            self.journal.end(self._status())
        except JournalError as error:
            return SweepEnding(self._swept(STOPPED), str(error), error.remedy)
        finally:
            self.journal.close()
        return SweepEnding(self._swept(STOPPED if self.trouble else self.journal.manifest.status), self.trouble)

    def _swept(self, state: str) -> StoredSweep:
        """What there is."""
        journal = self.journal
        return StoredSweep(folder=journal.folder, manifest=journal.manifest, ended=tuple(self.ended), state=state)

    def goes_on(self) -> bool:
        """Whether there are cells that have not ended, and nobody has interrupted."""
        return self.agenda.left > 0 and not self.interrupted()

    def give(self) -> None:
        """Give a cell to everybody who has none."""
        while self.pool.has_room and (cell := self.agenda.take()):
            number, repeat = cell
            self.watcher.begin(self.plan.cells[number], repeat, self.agenda.left, len(self.ended) + self.agenda.left)
            self.pool.begin(cell, pack(task_for(self.plan, *cell, self.cores)))

    def take(self, returned: Returned) -> None:
        """A cell has come back: it has ended, or its worker was lost and another gets it, but not for ever."""
        cell: Cell = returned.tag
        try:
            result = result_from(returned, self.plan)
        except LostError as error:
            self.watcher.note(f"{returned.worker} did not bring a cell back: {error}")
            self._lost[cell] += 1
            if self._lost[cell] < MOST_LOSSES:
                self.agenda.put_back(cell)
                return
            why = failure(f"{MOST_LOSSES} workers did not bring this cell back, the last one: {error}")
            result = result_of(task_for(self.plan, *cell), CRASHED, 0.0, trouble=why)
        session = len(self.journal.manifest.sessions) - 1
        self._keep(attrs.evolve(result, at=now(), session=session, worker=returned.worker))

    def _keep(self, ended: CellResult) -> None:
        """Write a result down, and tell it."""
        self.journal.add_line(CELLS, ended)
        self.ended.append(ended)
        self.agenda.end(ended)
        self.watcher.end(self.plan.cells[ended.number], ended)

    def _status(self) -> str:
        """How it has ended, for the manifest."""
        if self.agenda.left:
            return "interrupted"
        return "failed" if any(one.end == FAILED for one in self.ended) else "complete"


def session_of_host(plan: Plan) -> Session:
    """A session that begins now, under this host's conditions; those of each cell are in its run."""
    return Session(now(), host_conditions(settle(config_of(plan, 0)).as_config, StealMeter()))


def sweep(
    matrix: Matrix,
    results: Path = Path("results"),
    watcher: Watcher | None = None,
    interrupted: Callable[[], bool] = lambda: False,
    workers: MakePool = InProcess,
    cores: str | None = None,
) -> SweepEnding:
    """Run every cell of a matrix; all is kept in a new run directory under `results`. Ends early when `interrupted`.

    `workers` run the cells: this process, `on_executor(executor, at_once)` or `on_cluster(address)`. `cores`
    says what to do while another stress run has the cores of a cell: "wait" or "share"; None is as KSTRESS_CORES says
    where the cell runs.

    Raises:
        UserError: for input that cannot be used; nothing was started then.
    """
    chosen(cores)
    plan, watcher = new_plan(matrix), watcher or Watcher()
    check_place(results)
    with closing(workers(service_of(plan), watcher.note, interrupted)) as pool:
        journal = Journal.create(KIND, results, plan, session_of_host(plan))
        return Sweep(journal, watcher, interrupted, [], pool, cores).run()


def resume_sweep(
    folder: Path,
    watcher: Watcher | None = None,
    interrupted: Callable[[], bool] = lambda: False,
    workers: MakePool = InProcess,
    cores: str | None = None,
) -> SweepEnding:
    """Run the cells of a run directory that have not ended, by any `workers`.

    Raises:
        UserError: when something differs from what its cells were run with, or it cannot be used.
    """
    chosen(cores)
    watcher = watcher or Watcher()
    with lock_folder(folder) as lock:
        swept = read_sweep(folder)
        check_unchanged(swept)
        plan = swept.manifest.plan
        with closing(workers(service_of(plan), watcher.note, interrupted)) as pool:
            journal = Journal.reopen(SWEEP, swept, lock, plan, session_of_host(plan))
            return Sweep(journal, watcher, interrupted, list(swept.ended), pool, cores).run()
