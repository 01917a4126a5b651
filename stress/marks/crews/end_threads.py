"""Ends threads that are still in an operation when the run is over, if that breaks nothing.

A thread that waits for a lock is left alone: an exception between taking the lock and entering the block that releases
it would keep the lock for ever. Once it has the lock, it ends by itself or is ended as the others are.
"""

import sys
import threading
from collections.abc import Callable, Iterable, Mapping
from contextlib import suppress

from stress.host import clocks
from stress.host.threads import set_exception
from stress.marks.bodies import EndThread
from stress.marks.crews.blocked import Blocked

PENDS_FOR_ALL = sys.version_info < (3, 13)
"""Whether an exception that one thread has not taken yet interrupts every other thread again and again.

The interpreter's flag for it is one for all threads until 3.13. In 3.11 a traced function that sees the flag starts
over at its first instruction, for ever: every later operation with noise would look stalled.
"""
FOLLOW_SECONDS = 0.005
"""CPU time: a thread that has used more since others ended has got the lock that it waited for, and runs on."""
FOLLOW_LOOK_SECONDS = 0.001
MOST_ITERATIONS = 10_000
"""Within how many iterations a thread takes an exception that it raises in itself."""


def end_threads(threads: Mapping[int, threading.Thread], blocked: Blocked) -> list[threading.Thread]:
    """Raise EndThread in threads, by the number of their CPU; wake those that wait for a condition, to let it come.

    The threads in which it was raised.
    """
    asked = []
    for number, thread in threads.items():
        if number in blocked and blocked.waits_for_lock(number):
            continue
        _raise_in(thread)
        asked.append(thread)
        waiter = blocked.waiter(number) if number in blocked else None
        if waiter:
            with suppress(RuntimeError):  # another thread has woken it meanwhile
                waiter.release()
    return asked


def end_followers(threads: Mapping[int, threading.Thread], ran: Callable[[int], float], seconds: float) -> None:
    """End those of `threads` that run on after they waited for a lock whose holder has ended, within so many seconds.

    `ran`: the seconds for which the thread of a CPU has run. Who ends may hand the lock to another of them.
    """
    deadline, before = clocks.monotonic() + seconds, {number: ran(number) for number in threads}
    while before and clocks.monotonic() < deadline:
        running = [number for number, had in before.items() if ran(number) - had > FOLLOW_SECONDS]
        for number in running:
            _raise_in(threads[number])
        join_all((threads[number] for number in running), deadline - clocks.monotonic())
        before = {one: had for one, had in before.items() if one not in running and threads[one].is_alive()}
        clocks.sleep(FOLLOW_LOOK_SECONDS)


def join_all(threads: Iterable[threading.Thread], seconds: float) -> None:
    """Wait until threads have ended, at most for so many seconds."""
    deadline = clocks.monotonic() + seconds
    for thread in threads:
        thread.join(max(deadline - clocks.monotonic(), 0.0))


def withdraw(threads: Iterable[threading.Thread]) -> None:
    """Take EndThread back from threads that have not taken it, where it hinders others. They end when they go on."""
    if not PENDS_FOR_ALL:
        return
    for thread in threads:
        set_exception(thread, None)
    with suppress(EndThread):  # the flag is cleared only by a thread that takes an exception
        _raise_in(threading.current_thread())
        for _ in range(MOST_ITERATIONS):
            pass


def _raise_in(thread: threading.Thread) -> None:
    """Let CPython raise EndThread at the next instruction of a thread."""
    import ctypes  # takes milliseconds, and is seldom needed

    set_exception(thread, ctypes.py_object(EndThread))
