"""Threads that are left in an operation when the run is over: they are ended where that breaks nothing.

One that waits for a lock is left as it is: an exception between having a lock and the block that lets go of it would
keep the lock for good. It ends by itself if it ever gets on.
"""

import sys
import threading
from collections.abc import Iterable, Mapping
from contextlib import suppress

from stress.marks.blocked import Blocked
from stress.marks.cpu import LetGo

PENDS_FOR_ALL = sys.version_info < (3, 13)
"""Whether an exception that one thread has not taken yet interrupts every other thread again and again.

The interpreter's flag for it is one for all threads until 3.13. In 3.11 a traced function that sees the flag starts
over at its first instruction, for ever: every later operation with noise would be taken for stalled.
"""
MOST_INSTRUCTIONS = 10_000
"""Within how many iterations a thread takes an exception that it raises in itself."""


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

    _set_exception(thread, ctypes.py_object(LetGo))


def withdraw(threads: Iterable[threading.Thread]) -> None:
    """Take LetGo back from threads that have not taken it, where it hinders others; they end when they get on."""
    if not PENDS_FOR_ALL:
        return
    for thread in threads:
        _set_exception(thread, None)
    with suppress(LetGo):  # only a thread that takes an exception takes the flag back
        _raise_in(threading.current_thread())
        for _ in range(MOST_INSTRUCTIONS):
            pass


def _set_exception(thread: threading.Thread, exception: object) -> None:
    """Set what is raised at the next instruction of a thread; None for nothing."""
    import ctypes

    ctypes.pythonapi.PyThreadState_SetAsyncExc(ctypes.c_ulong(thread.ident or 0), exception)
