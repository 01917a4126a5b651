"""Correct programs whose threads wait for each other: none of them has stalled, whatever counts a run ends at."""

import queue
import threading
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest

pytestmark = pytest.mark.stress


def test_bounded_queue(stress: Any) -> None:
    jobs: queue.Queue[int] = queue.Queue(maxsize=1)
    stress.writer(lambda cpu: jobs.put(1))
    stress.reader(lambda cpu: jobs.get() and None)
    stress.run()


def test_unbounded_queue_with_one_producer(stress: Any) -> None:
    jobs: queue.Queue[int] = queue.Queue()
    stress.writer(count=1)(lambda cpu: jobs.put(1))
    stress.reader(lambda cpu: jobs.get() and None)
    stress.run()


def test_barrier(stress: Any) -> None:
    barrier = threading.Barrier(stress.cpus)

    @stress.writer
    def meet(cpu: Any) -> None:
        barrier.wait()

    stress.run()


def test_semaphore(stress: Any) -> None:
    free = threading.Semaphore(0)
    stress.writer(lambda cpu: free.release())
    stress.reader(lambda cpu: free.acquire() and None)
    stress.run()


def test_condition(stress: Any) -> None:
    changed = threading.Condition()
    items: list[int] = []

    @stress.writer
    def add(cpu: Any) -> None:
        with changed:
            changed.wait_for(lambda: len(items) < 3)
            items.append(cpu.number)
            changed.notify_all()

    @stress.reader
    def take(cpu: Any) -> None:
        with changed:
            changed.wait_for(lambda: items)
            items.pop()
            changed.notify_all()

    stress.run()


def test_ping_pong(stress: Any) -> None:
    """Pairs that hand a ball to each other, by two events."""
    pairs = [(threading.Event(), threading.Event()) for _ in range(stress.cpus // 2)]

    @stress.writer(count=stress.cpus // 2)
    def ping(cpu: Any) -> None:
        ball, back = pairs[cpu.number % len(pairs)]
        ball.set()
        back.wait()
        back.clear()

    @stress.reader(count=stress.cpus // 2)
    def pong(cpu: Any) -> None:
        ball, back = pairs[cpu.number % len(pairs)]
        ball.wait()
        ball.clear()
        back.set()

    stress.run()


def test_futures(stress: Any) -> None:
    """Jobs of a pool with one worker, of which some wait for what another CPU puts."""
    results: queue.SimpleQueue[int] = queue.SimpleQueue()
    with ThreadPoolExecutor(1) as pool:

        @stress.writer(count=1)
        def put(cpu: Any) -> None:
            results.put(1)

        @stress.reader
        def ask(cpu: Any) -> None:
            pool.submit(results.get).result()

        stress.run()


class SharedLock:
    """Many readers or one writer; a writer that waits keeps new readers out."""

    def __init__(self) -> None:
        self.changed, self.readers, self.writing, self.waiting = threading.Condition(), 0, False, 0

    def lock_shared(self) -> None:
        with self.changed:
            self.changed.wait_for(lambda: not self.writing and not self.waiting)
            self.readers += 1

    def unlock_shared(self) -> None:
        with self.changed:
            self.readers -= 1
            self.changed.notify_all()

    def lock(self) -> None:
        with self.changed:
            self.waiting += 1
            self.changed.wait_for(lambda: not self.writing and not self.readers)
            self.waiting -= 1
            self.writing = True

    def unlock(self) -> None:
        with self.changed:
            self.writing = False
            self.changed.notify_all()


def test_shared_lock(stress: Any) -> None:
    lock, pair = SharedLock(), [0, 0]
    changing, looked = threading.Event(), threading.Event()

    @stress.writer(count=1)
    def change(cpu: Any) -> None:
        changing.set()
        looked.wait()  # so that the first change overlaps a look, on every host
        lock.lock()
        pair[0] += 1
        pair[1] += 1
        lock.unlock()

    @stress.reader
    def look(cpu: Any) -> str:
        if changing.is_set():
            looked.set()
        lock.lock_shared()
        seen = "whole" if pair[0] == pair[1] else "torn"
        lock.unlock_shared()
        return seen

    stress.run(acceptable={"whole"})
