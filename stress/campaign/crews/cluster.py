"""A crew of the workers of a dask cluster, as they come and go: each that is fit has one task at a time.

Each worker is an executor of its own here, so that dask never queues two tasks on one, nor moves any to another.
"""

import asyncio
import logging
import os
import time
from collections.abc import Callable, Hashable, Iterator
from concurrent.futures import Executor, Future
from contextlib import suppress
from pathlib import Path
from typing import Any

import attrs

from stress.campaign.crews.crew import Interrupted, MakeCrew, Note, NoWorkersError, Returned, Trade
from stress.campaign.crews.futures import first_done, known, taken
from stress.campaign.crews.hand import Introduction, do, introduce
from stress.campaign.crews.letters import opened
from stress.campaign.identity import made_by
from stress.campaign.reading import parse, read_file
from stress.errors import UserError
from stress.extras import needs
from stress.safe_text import shown

CONNECT_SECONDS = 10.0
ANSWER_SECONDS = 30.0
CLOSE_SECONDS = 2.0
NOISY = ("distributed", "distributed.client", "tornado.application")
"""What they log of schedulers that are gone and of tasks that were taken back is told here, or wanted."""
SILENT_SECONDS = 5.0
LONGEST_WAIT = 3600.0
"""Seconds without any worker that answers after which nobody is waited for any more."""


@attrs.define(eq=False)
class Place:
    """A worker of the cluster. `hired` is None until it has answered; `future` is what it does, if anything."""

    name: str
    executor: Executor
    hired: bool | None = None
    tag: Hashable = None
    future: Future[str] | None = None

    @property
    def is_free(self) -> bool:
        """Whether it could begin a task."""
        return self.hired is True and self.future is None

    def cancel(self) -> None:
        """It works for nobody any more."""
        if self.future:
            self.future.cancel()


class OnCluster:
    """The workers that a scheduler knows."""

    def __init__(self, trade: Trade, note: Note, interrupted: Interrupted, address: str) -> None:
        """Find the first worker that is fit.

        Raises:
            UserError: when the scheduler cannot be reached, or none of its workers is fit.
        """
        self._trade, self._note, self._address = trade, note, shown(address)
        self._places: dict[str, Place] = {}
        self._alone_since: float | None = None
        self._waits_told = False
        self._client = connect(address)
        try:
            while not self.has_room and not interrupted():
                self.returned()
        except BaseException:
            self.close()
            raise

    @property
    def has_room(self) -> bool:
        """Whether a worker that is fit has nothing to do."""
        return any(place.is_free for place in self._places.values())

    def begin(self, tag: Hashable, text: str) -> None:
        """Give a task to a free worker."""
        place = next(place for place in self._places.values() if place.is_free)
        place.tag, place.future = tag, place.executor.submit(on_worker, self._trade.work, text)

    def returned(self) -> list[Returned]:
        """What workers bring back, and what was lost with those that have left.

        Raises:
            NoWorkersError: when the scheduler is gone, no worker is fit, or none has come or answered for an hour.
        """
        lost = list(self._look())
        busy = {place.future: place for place in self._places.values() if place.future}
        came = [self._hear(busy[future], future) for future in first_done(list(busy))]
        self._check()
        return [*lost, *(one for one in came if one)]

    def _look(self) -> Iterator[Returned]:
        """Take note of the workers that have come, and of those that have left with a task."""
        try:
            there = self._client.nthreads(callback_timeout=ANSWER_SECONDS)
        except OSError as error:
            told = f"{self._address} is gone ({known(error)}); start it again, then go on with --resume"
            raise NoWorkersError(f"--scheduler: {told}") from None
        for address in [address for address in self._places if address not in there]:
            place = self._places.pop(address)
            place.cancel()
            if place.tag is not None:
                yield Returned(place.tag, place.name, None, "it has left the cluster")
        for address in [address for address in there if address not in self._places]:
            executor = self._client.get_executor(workers=[address], allow_other_workers=False, pure=False)
            asked = executor.submit(introduce, self._trade.objections, self._trade.offer)
            self._places[address] = Place(shown(address), executor, future=asked)

    def _hear(self, place: Place, done: Future[str]) -> Returned | None:
        """A worker has answered: the first time it was asked who it is, then what has become of a task."""
        place.future = None
        if place.hired is None:
            self._hire(place, done)
            return None
        tag, place.tag = place.tag, None
        return taken(tag, place.name, done, self._note)

    def _hire(self, place: Place, done: Future[str]) -> None:
        """A worker has introduced itself, or could not."""
        try:
            who = opened(done.result(), Introduction, place.name)
        except Exception as error:  # it has no kstress, or none that knows its part
            reasons: tuple[str, ...] = (f"it cannot work for {made_by()}: {known(error)}",)
        else:
            place.name, reasons = f"{place.name} on {shown(who.host)}", who.objections
        place.hired = not reasons
        said = f"gets nothing to do: {'; '.join(map(shown, reasons))}" if reasons else "works"
        self._note(f"{place.name} {said}")

    def _check(self) -> None:
        """Raise NoWorkersError if it makes no sense to wait any longer."""
        places = self._places.values()
        asked = sum(place.hired is None for place in places)
        if any(place.hired for place in places):
            self._alone_since, self._waits_told = None, False
        elif places and not asked:
            raise NoWorkersError(f"--scheduler: no worker of {self._address} can do this; mend what was told of them")
        else:
            self._wait(asked)

    def _wait(self, asked: int) -> None:
        """Nobody works: tell once what is waited for, an answer of those who were asked not before it takes a while."""
        now = time.monotonic()
        if self._alone_since is None:
            self._alone_since = now
        elif now > self._alone_since + LONGEST_WAIT:
            what, do = ("no worker that answers", "see what they do") if asked else ("no worker", "start one")
            raise NoWorkersError(f"--scheduler: {self._address} has had {what} for {LONGEST_WAIT:.0f} s; {do}")
        if not self._waits_told and (not asked or now > self._alone_since + SILENT_SECONDS):
            self._waits_told = True
            starts = f"a worker; this starts one: dask worker {self._address}"
            busy = f"the answer of those that were asked, which may be busy: {asked}"
            self._note(f"waits for {busy if asked else starts}")

    def close(self) -> None:
        """Take all tasks back, and leave the cluster as it was."""
        for place in self._places.values():
            place.cancel()
        with suppress(OSError, TimeoutError):
            self._client.close(timeout=CLOSE_SECONDS)


def connect(address: str) -> Any:
    """A client of a scheduler, given by its address or by the file that it writes that to.

    Raises:
        UserError: when it cannot be reached, or dask is not installed.
    """
    try:
        from distributed import Client
        from distributed.comm import resolve_address
    except ImportError:
        raise UserError(needs("--scheduler", "cluster")) from None
    for name in NOISY:
        logging.getLogger(name).setLevel(logging.CRITICAL)
    where = written(address)
    try:
        resolved = resolve_address(where)
        asyncio.run(knock(resolved))
        return Client(resolved, timeout=CONNECT_SECONDS, set_as_default=False)
    except Exception as error:  # each kind of address has errors of its own
        told = f"--scheduler: cannot reach {shown(repr(address))}: {known(error)}"
        raise UserError(f"{told}; give what dask scheduler prints, like tcp://host:8786, or its file") from None


async def knock(address: str) -> None:
    """Connect to an address and leave; raises what stands against it, which a client would only tell late."""
    from distributed.comm import connect
    from distributed.security import Security

    comm = await connect(address, timeout=CONNECT_SECONDS, **Security().get_connection_args("client"))
    await comm.close()


def written(address: str) -> str:
    """The address that stands in a scheduler's file; one that is no file is returned as it is.

    Raises:
        UserError: for a file that no scheduler has written.
    """
    if not os.path.isfile(address):
        return address
    told = None
    with suppress(UserError):
        told = parse(read_file(Path(address)), address).get("address")
    if not isinstance(told, str):
        what = f"{shown(address)} is no file of a scheduler"
        raise UserError(f"--scheduler: {what}; give the one that dask scheduler writes")
    return told


def on_worker(work: Callable[[str, Interrupted, Note], str], text: str) -> str:
    """Do a task in a thread of a dask worker, which notices when the task was cancelled or the worker is to end."""
    from distributed import get_worker

    worker = get_worker()
    key = worker.get_current_task()

    def given_up() -> bool:
        task = worker.state.tasks.get(key)
        return task is None or task.state != "executing" or worker.status.name in ENDING

    return do(work, text, given_up)


ENDING = ("closing", "closed", "failed")
"""The states of a dask worker that will not bring anything back."""


def on_cluster(address: str) -> MakeCrew:
    """A crew of the workers of a dask scheduler: its address, like tcp://host:8786, or the file that it writes."""

    def make(trade: Trade, note: Note, interrupted: Interrupted) -> OnCluster:
        return OnCluster(trade, note, interrupted, address)

    return make
