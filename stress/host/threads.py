"""The host's threads, locks and events, even where a test patches those of `threading`; exceptions that one raises.

The classes are bound when this module is imported, which the pytest plugin does before any test.
"""

import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

_Thread, _Event, _Lock = threading.Thread, threading.Event, threading.Lock
_MADE_OF = {name: getattr(threading, name) for name in ("Lock", "RLock", "Condition", "Event")}


@contextmanager
def _real_parts() -> Iterator[None]:
    """Threads and events make others by their names in `threading`: for this moment those are Python's own."""
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


def new_event() -> threading.Event:
    """An event that is not set."""
    with _real_parts():
        return _Event()


def new_lock() -> threading.Lock:
    """A lock that is free."""
    return _Lock()


def set_exception(thread: threading.Thread, exception: object) -> None:
    """Set what CPython raises at the next instruction of a thread, as a `ctypes.py_object` of it; None for nothing."""
    import ctypes  # takes milliseconds, and is seldom needed

    ctypes.pythonapi.PyThreadState_SetAsyncExc(ctypes.c_ulong(thread.ident or 0), exception)
