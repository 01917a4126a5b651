"""The workers of a dask cluster, which may join or leave at any time: each that is fit has one task at a time.

Each worker has an executor of its own here, so that dask never queues two tasks on one, nor moves a task to another.
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

from stress.campaign.identity import made_by
from stress.campaign.reading import parse, read_file
from stress.campaign.workers.calls import Introduction, do, introduce
from stress.campaign.workers.envelope import unpack
from stress.campaign.workers.futures import first_done, known, taken
from stress.campaign.workers.pool import Interrupted, MakePool, Note, NoWorkersError, Returned, Service
from stress.errors import UserError
from stress.extras import needs
from stress.safe_text import shown

CONNECT_SECONDS = 10.0
ANSWER_SECONDS = 30.0
CLOSE_SECONDS = 2.0
NOISY = ("distributed", "distributed.client", "tornado.application")
"""They log schedulers that are gone, and tasks that were cancelled; kstress reports the first, and wants the second."""
SILENT_SECONDS = 5.0
LONGEST_WAIT = 3600.0
"""Seconds to wait for any worker that answers."""


@attrs.define(eq=False)
class Worker:
    """A worker of the cluster. `fit` is None until it has answered; `future` is its task under way, or its answer."""

    name: str
    executor: Executor
    fit: bool | None = None
    tag: Hashable = None
    future: Future[str] | None = None

    @property
    def is_free(self) -> bool:
        """Whether it could begin a task."""
        return self.fit is True and self.future is None

    def cancel(self) -> None:
        """Cancel what it does."""
        if self.future:
            self.future.cancel()


class OnCluster:
    """The workers that a scheduler knows."""

    def __init__(self, service: Service, note: Note, interrupted: Interrupted, address: str) -> None:
        """Wait for the first worker that is fit.

        Raises:
            UserError: when the scheduler cannot be reached, or none of its workers is fit.
        """
        self._service, self._note, self._address = service, note, shown(address)
        self._workers: dict[str, Worker] = {}
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
        return any(worker.is_free for worker in self._workers.values())

    def begin(self, tag: Hashable, text: str) -> None:
        """Give a task to a free worker."""
        worker = next(worker for worker in self._workers.values() if worker.is_free)
        worker.tag, worker.future = tag, worker.executor.submit(on_worker, self._service.work, text)

    def returned(self) -> list[Returned]:
        """The results of workers, and the tasks that were lost with those that have left.

        Raises:
            NoWorkersError: when the scheduler is gone, no worker is fit, or none has come or answered for an hour.
        """
        lost = list(self._look())
        busy = {worker.future: worker for worker in self._workers.values() if worker.future}
        came = [self._hear(busy[future], future) for future in first_done(list(busy))]
        self._check()
        return [*lost, *(one for one in came if one)]

    def _look(self) -> Iterator[Returned]:
        """Ask new workers who they are; the tasks of those that have left are lost."""
        try:
            there = self._client.nthreads(callback_timeout=ANSWER_SECONDS)
        except OSError as error:
            text = f"{self._address} is gone ({known(error)}); start it again, then go on with --resume"
            raise NoWorkersError(f"--scheduler: {text}") from None
        for address in [address for address in self._workers if address not in there]:
            worker = self._workers.pop(address)
            worker.cancel()
            if worker.tag is not None:
                yield Returned(worker.tag, worker.name, None, "it has left the cluster")
        for address in [address for address in there if address not in self._workers]:
            executor = self._client.get_executor(workers=[address], allow_other_workers=False, pure=False)
            asked = executor.submit(introduce, self._service.objections, self._service.requirements)
            self._workers[address] = Worker(shown(address), executor, future=asked)

    def _hear(self, worker: Worker, done: Future[str]) -> Returned | None:
        """A worker has answered: first who it is, later with the result of a task."""
        worker.future = None
        if worker.fit is None:
            self._admit(worker, done)
            return None
        tag, worker.tag = worker.tag, None
        return taken(tag, worker.name, done, self._note)

    def _admit(self, worker: Worker, done: Future[str]) -> None:
        """A worker has said who it is, or could not; only one without objections gets tasks."""
        try:
            who = unpack(done.result(), Introduction, worker.name)
        except Exception as error:  # it has no kstress, or none that knows its part
            reasons: tuple[str, ...] = (f"it cannot work for {made_by()}: {known(error)}",)
        else:
            worker.name, reasons = f"{worker.name} on {shown(who.host)}", who.objections
        worker.fit = not reasons
        said = f"gets no work: {'; '.join(map(shown, reasons))}" if reasons else "works"
        self._note(f"{worker.name} {said}")

    def _check(self) -> None:
        """Raise NoWorkersError if no worker can join any more."""
        workers = self._workers.values()
        asked = sum(worker.fit is None for worker in workers)
        if any(worker.fit for worker in workers):
            self._alone_since, self._waits_told = None, False
        elif workers and not asked:
            raise NoWorkersError(f"--scheduler: no worker of {self._address} can do this; fix what was noted of each")
        else:
            self._wait(asked)

    def _wait(self, asked: int) -> None:
        """No worker is fit: note once what is waited for, and answers only once they have taken a while."""
        now = time.monotonic()
        if self._alone_since is None:
            self._alone_since = now
        elif now > self._alone_since + LONGEST_WAIT:
            what, do = ("no worker that answers", "see what they do") if asked else ("no worker", "start one")
            raise NoWorkersError(f"--scheduler: {self._address} has had {what} for {LONGEST_WAIT:.0f} s; {do}")
        if not self._waits_told and (not asked or now > self._alone_since + SILENT_SECONDS):
            self._waits_told = True
            starts = f"a worker; this starts one: dask worker {self._address}"
            busy = f"the answer of these workers, which may be busy: {asked}"
            self._note(f"waits for {busy if asked else starts}")

    def close(self) -> None:
        """Cancel all tasks, and disconnect; the cluster itself goes on."""
        for worker in self._workers.values():
            worker.cancel()
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
        text = f"--scheduler: cannot reach {shown(repr(address))}: {known(error)}"
        raise UserError(f"{text}; give what dask scheduler prints, like tcp://host:8786, or its file") from None


async def knock(address: str) -> None:
    """Connect to an address and disconnect: this raises at once what a client would report only after its timeout."""
    from distributed.comm import connect
    from distributed.security import Security

    comm = await connect(address, timeout=CONNECT_SECONDS, **Security().get_connection_args("client"))
    await comm.close()


def written(address: str) -> str:
    """The address in the file that a scheduler has written; an address that is not a file is returned unchanged.

    Raises:
        UserError: for any other file.
    """
    if not os.path.isfile(address):
        return address
    found = None
    with suppress(UserError):
        found = parse(read_file(Path(address)), address).get("address")
    if not isinstance(found, str):
        what = f"{shown(address)} is not a file of a scheduler"
        raise UserError(f"--scheduler: {what}; give the one that dask scheduler writes")
    return found


def on_worker(work: Callable[[str, Interrupted, Note], str], text: str) -> str:
    """Do a task in a thread of a dask worker; it is given up when it is cancelled, or the worker closes."""
    from distributed import get_worker

    worker = get_worker()
    key = worker.get_current_task()

    def given_up() -> bool:
        task = worker.state.tasks.get(key)
        return task is None or task.state != "executing" or worker.status.name in ENDING

    return do(work, text, given_up)


ENDING = ("closing", "closed", "failed")
"""The states of a dask worker that returns no results any more."""


def on_cluster(address: str) -> MakePool:
    """The workers of a dask scheduler: its address, like tcp://host:8786, or the file that it writes."""

    def make(service: Service, note: Note, interrupted: Interrupted) -> OnCluster:
        return OnCluster(service, note, interrupted, address)

    return make
