"""Whether one lock lets only one thread run Python code at a time, and what threads that play CPUs do about it."""

import gc
import os
import sys
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager

from stress.host.system import cores, keep_to


def gil_enabled() -> bool:
    """Whether one lock lets only one thread run Python code at a time."""
    return bool(getattr(sys, "_is_gil_enabled", lambda: True)())


@contextmanager
def switching(seconds: float | None) -> Iterator[None]:
    """Set the switch interval: the `seconds` after which a thread asks for the GIL. None leaves it as it is."""
    before = sys.getswitchinterval()
    sys.setswitchinterval(before if seconds is None else seconds)
    try:
        yield
    finally:
        sys.setswitchinterval(before)


def share_one_core() -> None:
    """With a GIL, keep the calling thread on one core, the same for all CPUs of this process.

    Only one of them can run at a time anyway, and on one core a yield lets another one run at once: stops take a fifth
    of the time, and every yield of the noise switches threads.
    """
    if gil_enabled():
        keep_to(_shared_core(cores()))


def _shared_core(usable: Sequence[int]) -> int:
    """The core, of those that this process may use, that its CPUs share."""
    return usable[os.getpid() % len(usable)]


def leave_shared_core(threads: Iterable[int]) -> None:
    """Give those of this process's threads that are on the CPUs' core alone the cores that the calling thread has.

    `threads` are native ids. A thread has the cores of the one that starts it, and one that a CPU starts may stay.
    """
    usable = cores()
    if gil_enabled() and len(usable) > 1:
        for thread in threads:
            if cores(thread) == [_shared_core(usable)]:
                keep_to(*usable, thread=thread)


def collect_what_is_due() -> None:
    """Collect young garbage now, so that a collection does not stop all CPUs in their first milliseconds.

    The older generation takes milliseconds, so it is collected only if it is due anyway.
    """
    if gil_enabled() and gc.isenabled():
        gc.collect(int(gc.get_count()[1] >= gc.get_threshold()[1]))
