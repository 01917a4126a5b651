"""Programs that deadlock: each is told as stalled, with who waits for what, within the time of its item and 5 s."""

import queue
import threading
import time
from typing import Any

import pytest

pytestmark = pytest.mark.stress


SHORT_SECONDS = 0.0005


def take_both(first: Any, second: Any) -> None:
    """Take two locks, the second once another CPU holds it: the first operations deadlock, on every host."""
    with first:
        while not second.locked():
            time.sleep(SHORT_SECONDS)
        with second:
            pass


def test_two_locks_in_opposite_orders(stress: Any) -> None:
    a, b = threading.Lock(), threading.Lock()
    stress.writer(lambda cpu: take_both(a, b))
    stress.writer(lambda cpu: take_both(b, a))
    stress.run()


def test_a_ring_of_locks_beside_cpus_that_get_on(stress: Any) -> None:
    locks = [threading.Lock() for _ in range(3)]
    stress.writer(count=3)(lambda cpu: take_both(locks[cpu.number], locks[(cpu.number + 1) % 3]))
    stress.reader(lambda cpu: None)
    stress.run()


def test_a_lost_notification(stress: Any) -> None:
    """Pairs: a taker looks at the box, then waits; the notification comes in between, in the first operation."""
    boxes: list[list[int]] = [[] for _ in range(stress.cpus // 2)]
    pairs = [(threading.Condition(), threading.Semaphore(0), box) for box in boxes]
    looked = [threading.Semaphore(0) for _ in boxes]

    @stress.writer(count=stress.cpus // 2)
    def put(cpu: Any) -> None:
        changed, taken, box = pairs[cpu.number % len(pairs)]
        looked[cpu.number % len(pairs)].acquire()
        with changed:
            box.append(1)
            changed.notify()
        taken.acquire()

    @stress.reader(count=stress.cpus // 2)
    def take(cpu: Any) -> None:
        changed, taken, box = pairs[cpu.number % len(pairs)]
        if not box:
            looked[cpu.number % len(pairs)].release()
            while not box:
                time.sleep(SHORT_SECONDS)
            with changed:
                changed.wait()
        box.pop()
        taken.release()

    stress.run()


def test_a_lock_that_is_taken_twice(stress: Any) -> None:
    lock = threading.Lock()

    def count() -> None:
        with lock:
            pass

    @stress.writer
    def count_twice(cpu: Any) -> None:
        with lock:
            count()

    stress.run()


def test_queues_that_are_full_both_ways(stress: Any) -> None:
    there: queue.Queue[int] = queue.Queue(1)
    back: queue.Queue[int] = queue.Queue(1)

    @stress.writer
    def ask(cpu: Any) -> None:
        there.put(1)
        there.put(2)
        back.get()

    @stress.writer
    def answer(cpu: Any) -> None:
        back.put(1)
        back.put(2)
        there.get()

    stress.run()


def test_a_barrier_that_is_one_short(stress: Any) -> None:
    barrier = threading.Barrier(stress.cpus + 1)

    @stress.writer
    def meet(cpu: Any) -> None:
        barrier.wait()

    stress.run()


def test_a_helper_that_is_joined_under_its_lock(stress: Any) -> None:
    lock = threading.Lock()

    def work() -> None:
        with lock:
            pass

    @stress.writer
    def have_it_done(cpu: Any) -> None:
        with lock:
            helper = threading.Thread(target=work, daemon=True)
            helper.start()
            helper.join()

    stress.run()
