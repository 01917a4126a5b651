"""The trade of a sweep's crew: one cell at a time, in a process of its own, on the cores that the worker has.

`objections` says whether a worker has what the sweep is made of, `work` runs a cell; both may be called in any thread.
"""

import queue
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import attrs

from stress.campaign.crews.crew import Interrupted, Note, Returned, StoppedError, Trade
from stress.campaign.crews.letters import letter, opened
from stress.campaign.identity import corpus_digest, scenario_digest, sources_digest
from stress.campaign.nursery import Nursery
from stress.campaign.sweep.cell import Came, nursery_for, run_cell
from stress.campaign.sweep.plan import kinds, lone, seed_of_cell, unfit
from stress.campaign.sweep.records import Plan
from stress.corpus.untrusted import shown
from stress.errors import UserError
from stress.host import having_cores

SWEEP = "the sweep"


@attrs.frozen
class Offer:
    """What a sweep is of: a plan, with a cell of each kind, and a digest of the corpus that comes with kstress."""

    plan: Plan
    bundled: str


@attrs.frozen
class Order:
    """One cell to run: the plan of it alone, and its seed."""

    plan: Plan
    seed: int


def order_for(plan: Plan, number: int, repeat: int) -> Order:
    """What it takes to run a cell."""
    return Order(lone(plan, number), seed_of_cell(plan, number, repeat))


def trade_of(plan: Plan) -> Trade:
    """What a crew is hired for by a sweep."""
    return Trade(letter(Offer(kinds(plan), corpus_digest(None))), objections, work, rest)


def objections(text: str) -> Iterator[str]:
    """How what there is here differs from what an offer's plan was made from; each names both."""
    offer: Offer = opened(text, Offer, SWEEP)
    plan = offer.plan
    yield from _differs("the kernel, machine, programs and judge", sources_digest, (), plan.sources_digest)
    yield from _differs("the corpus that comes with kstress", corpus_digest, (None,), offer.bundled)
    for part in plan.scenarios:
        yield from _differs(f"scenario {shown(part.origin)}", scenario_digest, (part.origin,), part.digest)
    for corpus, digest in plan.corpus_digests.items():
        yield from _differs(f"corpus {shown(corpus)}", corpus_digest, (Path(corpus),), digest)
    yield from unfit(plan)


def _differs(what: str, digest: Callable[..., str], of: tuple[Any, ...], known: str) -> Iterator[str]:
    """That something is not the same here, or is not to be had."""
    try:
        if (here := digest(*of)) != known:
            yield f"{what}: digest {here} here, {known} at {SWEEP}; bring the same to both"
    except UserError as error:
        yield f"{what}: not to be had here ({error})"


_idle: "queue.SimpleQueue[tuple[bool, Nursery]]" = queue.SimpleQueue()
"""Nurseries that nobody uses now: a worker that has loaded numba once keeps it loaded."""


@contextmanager
def _borrowed(plan: Plan) -> Iterator[Nursery]:
    """A nursery that nobody else uses; it is kept unless something went wrong meanwhile."""
    native = any(values.engine == "native" for values in plan.cells)
    try:
        loaded, nursery = _idle.get_nowait()
        if loaded != native:
            nursery.close()
            nursery = nursery_for(plan)
    except queue.Empty:
        nursery = nursery_for(plan)
    try:
        yield nursery
    except BaseException:
        nursery.close()
        raise
    _idle.put((native, nursery))


def work(text: str, given_up: Interrupted, note: Note) -> str:
    """Run the cell of an order; what became of it.

    Raises:
        UserError: for an order that cannot be read.
        HarnessError: when the cell's process could not be started.
        StoppedError: when nobody waits for the cell any more.
    """
    order: Order = opened(text, Order, SWEEP)
    with having_cores(note, note, given_up=given_up), _borrowed(order.plan) as nursery:
        if given_up():
            raise StoppedError
        return letter(run_cell(order.plan, order.seed, nursery, given_up))


class LostError(Exception):
    """A worker did not say what became of a cell; the text is why."""


def came_of(returned: Returned) -> Came:
    """What became of a cell; LostError if its worker did not say, or nothing that can be read."""
    if returned.said is None:
        raise LostError(returned.why)
    try:
        came: Came = opened(returned.said, Came, returned.worker or SWEEP)
    except (UserError, ValueError, LookupError, TypeError) as error:
        raise LostError(str(error)) from None
    return came


def rest() -> None:
    """End the nurseries that nobody uses."""
    while True:
        try:
            nursery = _idle.get_nowait()[1]
        except queue.Empty:
            return
        nursery.close()
