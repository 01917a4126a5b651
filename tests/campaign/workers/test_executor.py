"""A pool of any executor's workers: so many at once, each cell once; an executor that cannot work is told in a line."""

import multiprocessing
import threading
from collections.abc import Iterator
from concurrent.futures import Executor, ProcessPoolExecutor, ThreadPoolExecutor
from pathlib import Path
from typing import Any

import attrs
import pytest

from stress import on_executor, resume_sweep, sweep
from stress.campaign.sweep.records import CellResult, Values
from stress.campaign.sweep.sweep import SweepEnding
from stress.campaign.workers.pool import NoWorkersError, Pool, Returned, Service
from stress.errors import UserError
from tests.campaign.workers.made import ECHO, MATRIX, Counting, objection
from tests.frontdoor.sweeping import all_once, cells, times_of_cells


@pytest.fixture
def threads() -> Iterator[ThreadPoolExecutor]:
    with ThreadPoolExecutor(4) as pool:
        yield pool


@pytest.fixture
def processes() -> Iterator[ProcessPoolExecutor]:
    with ProcessPoolExecutor(1, mp_context=multiprocessing.get_context("spawn")) as pool:
        yield pool


def hired(executor: Executor, at_once: int = 2, service: Service = ECHO) -> tuple[Pool, list[str]]:
    """A pool, and what it notes."""
    notes: list[str] = []
    return on_executor(executor, at_once)(service, notes.append, lambda: False), notes


def wait_for(pool: Pool, often: int = 600) -> list[Returned]:
    """What comes back next."""
    return next(came for _ in range(often) if (came := pool.returned()))


def test_every_cell_of_a_sweep_runs_once_and_no_more_at_once_than_may(
    threads: ThreadPoolExecutor, tmp_path: Path
) -> None:
    watcher = Counting()
    ending = sweep(MATRIX, tmp_path, watcher, workers=on_executor(threads, 2))
    assert_whole(ending)
    assert (watcher.most, watcher.under_way) == (2, 0)
    assert threads.submit(threading.get_ident).result(), "the pool is the caller's, and goes on"


def assert_whole(ending: SweepEnding) -> None:
    """Every cell is there once, done by a worker."""
    folder = ending.swept.folder
    assert ending.trouble is None
    assert times_of_cells(folder) == all_once(2, 3)
    assert {(cell["end"], cell["worker"]) for cell in cells(folder)} == {("done", "a worker of the executor")}


def test_a_sweep_on_processes_that_was_cut_short_goes_on_with_them(
    processes: ProcessPoolExecutor, tmp_path: Path
) -> None:
    watcher = Counting()
    first = sweep(MATRIX, tmp_path, watcher, lambda: watcher.most > watcher.under_way, on_executor(processes, 1))
    assert 0 < len(first.swept.ended) < 6
    assert_whole(resume_sweep(first.swept.folder, workers=on_executor(processes, 1)))


def test_what_a_worker_raises_is_a_loss_and_its_notes_are_told(threads: ThreadPoolExecutor) -> None:
    pool, notes = hired(threads)
    pool.begin("bad", "raise")
    assert wait_for(pool) == [Returned("bad", "a worker of the executor", None, "RuntimeError: planted")]
    pool.begin("good", "a text")
    assert wait_for(pool) == [Returned("good", "a worker of the executor", "a text")]
    assert notes == ["a worker of the executor was asked for a text"]


def test_a_pool_that_breaks_ends_the_work_with_a_line(processes: ProcessPoolExecutor) -> None:
    pool, _ = hired(processes)
    pool.begin("mine", "leave")
    with pytest.raises(NoWorkersError, match=r"^the executor is broken: BrokenProcessPool"):
        wait_for(pool)
    with pytest.raises(NoWorkersError, match=r"^the executor takes no more tasks: BrokenProcessPool"):
        pool.begin("another", "a text")


def test_a_sweep_on_a_pool_that_is_shut_down_meanwhile_can_be_gone_on_with(tmp_path: Path) -> None:
    pool = ThreadPoolExecutor(1)
    ending = sweep(MATRIX, tmp_path, ShutsDown(pool), workers=on_executor(pool, 1))
    assert ending.trouble is not None
    assert ending.trouble.startswith("the executor takes no more tasks: RuntimeError")
    assert len(ending.swept.ended) == 1
    with ThreadPoolExecutor(1) as other:
        assert_whole(resume_sweep(ending.swept.folder, workers=on_executor(other, 1)))


class ShutsDown(Counting):
    """A watcher that shuts a pool down when a cell has ended."""

    def __init__(self, pool: Executor) -> None:
        """The pool."""
        super().__init__()
        self._pool = pool

    def end(self, values: Values, ended: CellResult) -> None:
        """Shut it down."""
        self._pool.shutdown(wait=False)


def test_when_it_is_closed_what_has_not_begun_never_does_and_this_process_keeps_nothing() -> None:
    rested: list[str] = []
    with ThreadPoolExecutor(1) as threads:
        pool, _ = hired(threads, 2, attrs.evolve(ECHO, release=lambda: rested.append("rested")))
        busy = threading.Event()
        threads.submit(busy.wait, 60)
        pool.begin("mine", "a text")
        pool.close()
        busy.set()
    assert [one.why for one in pool.returned()] == ["CancelledError"]
    assert rested == ["rested"]


@pytest.mark.parametrize("how", ["shut down", "refuses", "broken"])
def test_an_executor_that_cannot_work_starts_nothing(how: str, tmp_path: Path) -> None:
    service: Any = attrs.evolve(ECHO, objections=objection) if how == "refuses" else ECHO
    initializer = breaks if how == "broken" else None
    with ThreadPoolExecutor(1, initializer=initializer) as pool:
        if how == "shut down":
            pool.shutdown()
        with pytest.raises(UserError, match=r"cannot work for kstress|cannot do this: an offer is not for this"):
            hired(pool, service=service)


def breaks() -> None:
    """Break a pool."""
    raise RuntimeError("planted")
