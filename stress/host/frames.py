"""The frames of all threads, taken so that the interpreter cannot wait for itself."""

import gc
import sys
import threading
from types import FrameType

_TAKES = threading.Lock()
"""Held by the thread that has put collection off, so that no other one turns it on again meanwhile."""


def current_frames() -> dict[int, FrameType]:
    """The innermost frame of each thread, by its ident.

    Until Python 3.11 an allocation may start a collection. CPython makes the dict and the frame objects while it holds
    the lock of its list of threads, which the end of a `threading.local` takes too: a collection that frees one there
    would wait for ever. So there is none meanwhile.
    """
    with _TAKES:
        is_on = gc.isenabled()
        gc.disable()
        try:
            return sys._current_frames()
        finally:
            if is_on:
                gc.enable()
