"""What workers do for a sweep: one cell at a time, in a process of its own, on the cores that the worker has.

`objections` says whether a worker has what the sweep is made of, `work` runs a cell; both may be called in any thread.
"""

from collections.abc import Iterator, Mapping
from typing import Any

import attrs

from stress.campaign.converter import from_json
from stress.campaign.identity import corpus_digest
from stress.campaign.nursery import close_idle, having_processes
from stress.campaign.records import changed
from stress.campaign.runs import Run
from stress.campaign.sweep.cell import CHILD, needs_native, run_cell
from stress.campaign.sweep.messages import CellTask
from stress.campaign.sweep.plan import kinds, lone, seed_of_cell, unfit
from stress.campaign.sweep.records import CellResult, Plan
from stress.campaign.workers.envelope import LostError, pack, record_from, unpack
from stress.campaign.workers.pool import Interrupted, Note, Returned, Service
from stress.errors import UserError
from stress.safe_text import shown

SWEEP = "the sweep"


@attrs.frozen
class Requirements:
    """What a worker must have for a sweep: a plan with a cell of each kind, and the digest of the bundled corpus."""

    plan: Plan
    bundled: str


def task_for(plan: Plan, number: int, repeat: int, cores: str | None = None) -> CellTask:
    """What it takes to run a cell."""
    return CellTask(lone(plan, number), number, repeat, seed_of_cell(plan, number, repeat), cores)


def service_of(plan: Plan) -> Service:
    """What workers do for a sweep of a plan."""
    return Service(pack(Requirements(kinds(plan), corpus_digest(None))), objections, work, close_idle)


def objections(text: str) -> Iterator[str]:
    """How what there is here differs from what the plan was made from; each names both."""
    needed = unpack(text, Requirements, SWEEP)
    plan = needed.plan
    corpora = [(None, needed.bundled), *plan.corpus_digests.items()]
    yield from changed(plan.scenarios, plan.sources_digest, corpora)
    yield from unfit(plan)


def work(text: str, given_up: Interrupted, note: Note) -> str:
    """Run the cell of a task; its result.

    Raises:
        UserError: for a task that cannot be read.
        HarnessError: when the cell's process could not be started.
        StoppedError: when nobody waits for the cell any more.
    """
    task: CellTask = unpack(text, CellTask, SWEEP)
    with having_processes(CHILD, needs_native(task.plan), task.cores, given_up, note) as nursery:
        return pack(run_cell(task, nursery, given_up, note))


def result_from(returned: Returned, plan: Plan) -> CellResult:
    """The result of a cell of the plan; LostError if its worker did not say, or it is that of another."""
    result: CellResult = record_from(returned, CellResult)
    task, who = task_for(plan, *returned.tag), returned.worker or SWEEP
    if (result.number, result.repeat, result.seed) != (task.number, task.repeat, task.seed):
        raise LostError(f"{who} returned cell {result.number} in repeat {result.repeat}, which it was not given")
    if result.run is not None:
        _check_run(result.run, task, who)
    return result


def _check_run(run: Mapping[str, Any], task: CellTask, who: str) -> None:
    """Raise LostError for a run that is none, or is not of the task."""
    try:
        known = from_json(run, Run, who)
    except UserError as error:
        raise LostError(str(error)) from None
    [values] = task.plan.cells
    if (known.scenario, known.engine, known.cpus, known.seed) != (
        values.scenario, values.engine, values.cpus, task.seed,
    ):  # fmt: skip
        what = f"{shown(known.scenario)} on {known.cpus} CPUs with seed {known.seed}"
        raise LostError(f"{who} brought another cell, {what}")
