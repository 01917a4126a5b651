"""The trade of a sweep's crew: one cell at a time, in a process of its own, on the cores that the worker has.

`objections` says whether a worker has what the sweep is made of, `work` runs a cell; both may be called in any thread.
"""

from collections.abc import Iterator

import attrs

from stress.campaign.crews.crew import Interrupted, Note, Returned, StoppedError, Trade
from stress.campaign.crews.letters import LostError, letter, opened, said_by
from stress.campaign.identity import corpus_digest
from stress.campaign.nursery import close_idle
from stress.campaign.parts import changed
from stress.campaign.runs import run_of
from stress.campaign.sweep.cell import Came, cells_nursery, run_cell
from stress.campaign.sweep.plan import kinds, lone, seed_of_cell, unfit
from stress.campaign.sweep.records import Plan
from stress.errors import UserError
from stress.host.cores import chosen, having_cores
from stress.safe_text import shown

SWEEP = "the sweep"


@attrs.frozen
class Offer:
    """What a sweep is of: a plan, with a cell of each kind, and a digest of the corpus that comes with kstress."""

    plan: Plan
    bundled: str


@attrs.frozen
class Order:
    """One cell to run: the plan of it alone, its seed, and what to do about cores that another run has.

    None leaves the last to the environment of whoever runs it.
    """

    plan: Plan
    seed: int
    cores: str | None = None


def order_for(plan: Plan, number: int, repeat: int, cores: str | None = None) -> Order:
    """What it takes to run a cell."""
    return Order(lone(plan, number), seed_of_cell(plan, number, repeat), cores)


def trade_of(plan: Plan) -> Trade:
    """What a crew is hired for by a sweep."""
    return Trade(letter(Offer(kinds(plan), corpus_digest(None))), objections, work, close_idle)


def objections(text: str) -> Iterator[str]:
    """How what there is here differs from what an offer's plan was made from; each names both."""
    offer: Offer = opened(text, Offer, SWEEP)
    plan = offer.plan
    corpora = [(None, offer.bundled), *plan.corpus_digests.items()]
    yield from changed(plan.scenarios, plan.sources_digest, corpora)
    yield from unfit(plan)


def work(text: str, given_up: Interrupted, note: Note) -> str:
    """Run the cell of an order; what became of it.

    Raises:
        UserError: for an order that cannot be read.
        HarnessError: when the cell's process could not be started.
        StoppedError: when nobody waits for the cell any more.
    """
    order: Order = opened(text, Order, SWEEP)
    alone = having_cores(note, note, given_up=given_up, how=chosen(order.cores))
    with alone, cells_nursery(order.plan) as nursery:
        if given_up():
            raise StoppedError
        return letter(run_cell(order.plan, order.seed, nursery, given_up, note))


def came_of(returned: Returned, plan: Plan) -> Came:
    """What became of a cell of the plan; LostError if its worker did not say, or spoke of another."""
    came: Came = said_by(returned, Came)
    if came.run is None:
        return came
    order, who = order_for(plan, *returned.tag), returned.worker or SWEEP
    try:
        run = run_of(came.run, who)
    except UserError as error:
        raise LostError(str(error)) from None
    [values] = order.plan.cells
    if (run.scenario, run.engine, run.cpus, run.seed) != (values.scenario, values.engine, values.cpus, order.seed):
        raise LostError(f"{who} brought another cell, {shown(run.scenario)} on {run.cpus} CPUs with seed {run.seed}")
    return came
