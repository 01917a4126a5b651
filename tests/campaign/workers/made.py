"""A service of echoes, a cluster without dask whose workers answer when a test says so, and a sweep of six cells."""

import os
from collections.abc import Callable, Iterator
from concurrent.futures import Future
from typing import Any

import attrs
import pytest

from stress import Matrix
from stress.campaign.sweep.records import CellResult, Values
from stress.campaign.sweep.sweep import Watcher
from stress.campaign.workers import cluster as clusters
from stress.campaign.workers.calls import Reply, introduce
from stress.campaign.workers.cluster import OnCluster, on_worker
from stress.campaign.workers.envelope import pack
from stress.campaign.workers.pool import Interrupted, Note, Service

MATRIX = Matrix(
    scenarios=("modlist_spinlock",), axes={"engine": ("python",), "cpus": (2, 3)}, repeat=3, duration_s=0.05
)
ADDRESS = "tcp://127.0.0.1:8786"


def no_objection(offer: str) -> Iterator[str]:
    """Everybody can work."""
    yield from ()


def objection(offer: str) -> Iterator[str]:
    """Nobody can."""
    yield f"{offer} is not for this"


def echo(text: str, given_up: Interrupted, note: Note) -> str:
    """Say it again, with a note; some texts are orders to fail."""
    if text == "raise":
        raise RuntimeError("planted")
    if text == "leave":
        os._exit(9)
    note(f"was asked for {text}")
    return text


def nothing() -> None:
    """Nothing is kept."""


ECHO = Service("an offer", no_objection, echo, nothing)


@attrs.define(eq=False)
class Place:
    """A worker without dask, as the executor that a client has for it. It introduces itself; tasks wait for a test."""

    introduces: Callable[..., str] = introduce
    silent: bool = attrs.field(default=False, kw_only=True)
    sent: list[tuple[Any, ...]] = attrs.field(factory=list)
    tasks: list[Future[str]] = attrs.field(factory=list)

    def submit(self, call: Any, /, *arguments: Any, **more: Any) -> Future[Any]:
        """Take what is sent."""
        assert not more
        self.sent.append((call, *arguments))
        future: Future[str] = Future()
        if call is on_worker:
            self.tasks.append(future)
            return future
        if self.silent:
            return future
        try:
            future.set_result(self.introduces(*arguments))
        except Exception as error:
            future.set_exception(error)
        return future

    def answer(self, said: str, *notes: str) -> None:
        """Bring the task back."""
        self.tasks.pop().set_result(pack(Reply(said, notes)))


@attrs.define(eq=False)
class Client:
    """A client of a scheduler without dask; a test puts workers in `places`, and takes them out."""

    places: dict[str, Place] = attrs.field(factory=dict)
    gone: Exception | None = None
    closed: bool = False

    def nthreads(self, callback_timeout: float) -> dict[str, int]:
        """The workers there are, each with four threads."""
        assert callback_timeout > 0
        if self.gone:
            raise self.gone
        return dict.fromkeys(self.places, 4)

    def get_executor(self, workers: list[str], allow_other_workers: bool, pure: bool) -> Place:
        """One for one worker alone, that runs the same thing twice if it is told to."""
        assert not allow_other_workers
        assert not pure
        [address] = workers
        return self.places[address]

    def close(self, timeout: float) -> None:
        """Leave."""
        assert timeout > 0
        self.closed = True
        if self.gone:
            raise self.gone


@attrs.define(eq=False)
class Made:
    """A pool on a client without dask, and what it noted."""

    pool: OnCluster
    client: Client
    notes: list[str]

    def look(self, often: int = 2) -> list[Any]:
        """What comes back when the pool is asked so often."""
        return [one for _ in range(often) for one in self.pool.returned()]


def made_pool(monkeypatch: pytest.MonkeyPatch, client: Client, service: Service = ECHO) -> Made:
    """A pool that has found its first worker."""
    notes: list[str] = []
    monkeypatch.setattr(clusters, "connect", lambda address: client)
    return Made(OnCluster(service, notes.append, lambda: False, ADDRESS), client, notes)


@attrs.define
class Counting(Watcher):
    """A watcher that counts the cells that are under way."""

    under_way: int = 0
    most: int = 0
    notes: list[str] = attrs.field(factory=list)

    def note(self, text: str) -> None:
        """Keep it."""
        self.notes.append(text)

    def begin(self, values: Values, repeat: int, left: int, cells: int) -> None:
        """One more."""
        self.under_way += 1
        self.most = max(self.most, self.under_way)

    def end(self, values: Values, ended: CellResult) -> None:
        """One less."""
        self.under_way -= 1
