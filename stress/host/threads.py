"""The host's threads, locks and flags, even where a test patches those of `threading`; exceptions that one raises.

The classes are bound when this module is imported, which the pytest plugin does before any test.
"""

import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from os import listdir
from typing import Any

from stress.host import clocks

_Thread, _Lock = threading.Thread, threading.Lock
_MADE_OF = {name: getattr(threading, name) for name in ("Lock", "RLock", "Condition", "Event")}
FLAG_LOOK_SECONDS = 0.1
"""How long a thread that waits for a flag sleeps at most: an exception may have kept the lock from being passed on."""


@contextmanager
def _real_parts() -> Iterator[None]:
    """Threads make others by their names in `threading`: for this moment those are Python's own."""
    patched = {name: getattr(threading, name) for name in _MADE_OF}
    vars(threading).update(_MADE_OF)
    try:
        yield
    finally:
        vars(threading).update(patched)


def new_thread(target: Callable[..., Any], args: tuple[Any, ...], name: str) -> threading.Thread:
    """A daemon thread that has not started."""
    with _real_parts():
        return _Thread(target=target, args=args, name=name, daemon=True)


class Flag:
    """What threads wait for, as an event. An exception in the middle of any method, as of a signal, leaves it usable.

    In `threading.Event` such an exception may leave a lock held, so that whoever sets the event waits for ever. Here
    the lock only wakes who waits: it is passed on once the word is set, and who does not get it looks at the word.
    """

    def __init__(self) -> None:
        """Not set."""
        self._is_set, self._wakes = False, _Lock()
        self._wakes.acquire()

    def is_set(self) -> bool:
        """Whether it is set. It stays so."""
        return self._is_set

    def set(self) -> None:
        """Wake all threads that wait."""
        self._is_set = True
        self._pass_on()

    def wait(self, seconds: float = float("inf")) -> bool:
        """Wait until it is set, at most for so long; whether it is."""
        deadline = clocks.monotonic() + seconds
        while not self._is_set and (left := deadline - clocks.monotonic()) > 0:
            if self._wakes.acquire(timeout=min(left, FLAG_LOOK_SECONDS)):
                self._pass_on()
        return self._is_set

    def _pass_on(self) -> None:
        """Free the lock, which another thread may have freed already."""
        with suppress(RuntimeError):
            self._wakes.release()


def new_lock() -> threading.Lock:
    """A lock that is free."""
    return _Lock()


def native_ids() -> set[int]:
    """The native ids of the threads of this process; none without /proc."""
    try:
        return {int(name) for name in listdir("/proc/self/task")}
    except OSError:
        return set()


def set_exception(thread: threading.Thread, exception: object) -> None:
    """Set what CPython raises at the next instruction of a thread, as a `ctypes.py_object` of it; None for nothing."""
    import ctypes  # takes milliseconds, and is seldom needed

    ctypes.pythonapi.PyThreadState_SetAsyncExc(ctypes.c_ulong(thread.ident or 0), exception)
