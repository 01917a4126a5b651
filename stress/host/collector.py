"""The cyclic garbage collector: turned off while very many objects are made at once, and seldom at work elsewhere."""

import atexit
import gc
from collections.abc import Iterator
from contextlib import contextmanager

OBJECTS_A_COLLECTION = 200_000
"""CPython's own number is 700: half of all that a command imports would be looked at again and again.

A short run makes about 100,000 objects, and to look at half of them once takes 0.02 s.
"""


def collect_seldom() -> None:
    """Let this process collect seldom, and not at its end: what it imports and reads, it keeps.

    That is a fifth of the time of a short command.
    """
    gc.set_threshold(OBJECTS_A_COLLECTION)
    atexit.register(gc.freeze)


@contextmanager
def uncollected() -> Iterator[None]:
    """A context without the cyclic collector, which would scan millions of live objects again and again."""
    enabled = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if enabled:
            gc.enable()
