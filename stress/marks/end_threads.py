"""Ends threads that are still in an operation when the run is over, if that breaks nothing.

A thread that waits for a lock is left alone: an exception between taking the lock and entering the block that releases
it would keep the lock for ever. Such a thread ends by itself if it ever gets the lock.
"""

import sys
import threading
from collections.abc import Iterable, Mapping
from contextlib import suppress

from stress.marks.blocked import Blocked
from stress.marks.cpu import EndThread

PENDS_FOR_ALL = sys.version_info < (3, 13)
"""Whether an exception that one thread has not taken yet interrupts every other thread again and again.

Before 3.13 the interpreter has one flag for all threads. In 3.11 a traced function that sees the flag starts over at
its first instruction, for ever: every later operation with noise would look stalled.
"""
MOST_INSTRUCTIONS = 10_000
"""The iterations within which a thread takes an exception that it raises in itself."""


def end_threads(threads: Mapping[int, threading.Thread], blocked: Blocked) -> None:
    """Raise EndThread in threads, by the number of their CPU; wake those that wait for a condition, to let it come."""
    for number, thread in threads.items():
        if number in blocked.threads and blocked.waits_for_lock(number):
            continue
        _raise_in(thread)
        waiter = blocked.waiter(number) if number in blocked.threads else None
        if waiter:
            with suppress(RuntimeError):  # another thread has woken it meanwhile
                waiter.release()


def _raise_in(thread: threading.Thread) -> None:
    """Let CPython raise EndThread at the next instruction of a thread."""
    import ctypes  # takes milliseconds, and is seldom needed

    _set_exception(thread, ctypes.py_object(EndThread))


def withdraw(threads: Iterable[threading.Thread]) -> None:
    """Take EndThread back from threads that have not taken it, if it disturbs others; they end when they get on."""
    if not PENDS_FOR_ALL:
        return
    for thread in threads:
        _set_exception(thread, None)
    with suppress(EndThread):  # the flag is cleared only when a thread takes an exception
        _raise_in(threading.current_thread())
        for _ in range(MOST_INSTRUCTIONS):
            pass


def _set_exception(thread: threading.Thread, exception: object) -> None:
    """Set the exception that is raised at the next instruction of a thread; None for none."""
    import ctypes

    ctypes.pythonapi.PyThreadState_SetAsyncExc(ctypes.c_ulong(thread.ident or 0), exception)
