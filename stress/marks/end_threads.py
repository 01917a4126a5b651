"""Ends threads that are still in an operation when the run is over, if that breaks nothing.

A thread that waits for a lock is left alone: an exception between taking the lock and entering the block that releases
it would keep the lock for ever. Such a thread ends by itself if it ever gets the lock.
"""

import threading
from collections.abc import Mapping
from contextlib import suppress

from stress.marks.blocked import Blocked
from stress.marks.cpu import EndThread


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

    ident = ctypes.c_ulong(thread.ident or 0)
    ctypes.pythonapi.PyThreadState_SetAsyncExc(ident, ctypes.py_object(EndThread))
