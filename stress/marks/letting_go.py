"""Threads that are left in an operation when the run is over: they are ended where that breaks nothing.

One that waits for a lock is left as it is: an exception between having a lock and the block that lets go of it would
keep the lock for good. It ends by itself if it ever gets on.
"""

import threading
from collections.abc import Mapping
from contextlib import suppress

from stress.marks.blocked import Blocked
from stress.marks.cpu import LetGo


def let_go(threads: Mapping[int, threading.Thread], blocked: Blocked) -> None:
    """Raise LetGo in the threads of CPUs, by number; wake those that wait for a condition, so that they see it."""
    for number, thread in threads.items():
        if number in blocked.threads and blocked.waits_for_lock(number):
            continue
        _raise_in(thread)
        waiter = blocked.waiter(number) if number in blocked.threads else None
        if waiter:
            with suppress(RuntimeError):  # somebody has woken it meanwhile
                waiter.release()


def _raise_in(thread: threading.Thread) -> None:
    """Have LetGo raised at the next instruction of a thread."""
    import ctypes  # takes milliseconds, and is seldom needed

    ident = ctypes.c_ulong(thread.ident or 0)
    ctypes.pythonapi.PyThreadState_SetAsyncExc(ident, ctypes.py_object(LetGo))
