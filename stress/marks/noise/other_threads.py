"""Threads that the code under test starts itself: they take noise, and an exception that ends one counts.

From Python 3.12 on, `sys.monitoring` gives noise to all threads. Before, a trace function does, which every new thread
gets. A thread that ran before the test began has no noise then, and none has where a coverage measurement or a debugger
traces new threads.
"""

import sys
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from types import FrameType
from typing import Any, Self

from stress.host.threads import native_ids
from stress.machine.gil import leave_shared_core
from stress.marks.noise.switches import Countdown, Kind
from stress.marks.noise.thread_hook import ThreadHook

MONITORS = hasattr(sys, "monitoring")


class OtherThreads:
    """As a context manager, hears of all threads that are started within it and are no CPUs.

    `countdown` is that of the slice under way, None between slices: the test's thread writes it; one load sees the one
    or the other. `hook` hears of exceptions that end a thread. `is_over`: the last slice is over, so that no thread is
    traced any longer.
    """

    def __init__(self, has: Callable[[str], bool]) -> None:
        """Noise in code of the files for which `has` is true."""
        self.countdown: Countdown | None = None
        self.hook = ThreadHook()
        self.is_over = False
        self._has = has
        self._traces = False
        self._before = set(threading.enumerate())
        self._idents, self._native_ids = {one.ident for one in self._before}, set[int]()
        self._local = self._event  # made once: a bound method is an object that may start a collection

    def __enter__(self) -> Self:
        """Begin to hear of new threads."""
        self._before = set(threading.enumerate())
        self._idents, self._native_ids = {one.ident for one in self._before}, native_ids()
        self._traces = not MONITORS and threading.gettrace() is None
        if self._traces:
            threading.settrace(self._called)
        return self

    def __exit__(self, *exc_info: object) -> None:
        """Leave new threads alone; one that still runs has no noise from now on."""
        self.countdown, self.is_over = None, True
        if self._traces and threading.gettrace() == self._called:
            threading.settrace(None)

    def end(self) -> None:
        """A run is over: leave exceptions to the hook of before, and the threads that it has started all cores."""
        self.hook.remove()
        leave_shared_core(native_ids() - self._native_ids)

    def have_noise(self, kind: Kind) -> bool:
        """Whether a slice counts events; one of awaits does if there are such threads: tasks alone need none."""
        return kind is not Kind.AWAITS or not self._before.issuperset(threading.enumerate())

    def is_one(self) -> bool:
        """Whether the calling thread is such a thread. Its ident may be that of one that has ended: then it is not."""
        return threading.get_ident() not in self._idents

    @contextmanager
    def noise(self, countdown: Countdown | None) -> Iterator[None]:
        """The noise of a slice."""
        self.countdown = countdown
        try:
            yield
        finally:
            self.countdown = None

    def _called(self, frame: FrameType, event: str, arg: object) -> Any:
        """The trace function of each new thread."""
        if self.is_over:
            sys.settrace(None)
        if self.is_over or not self._has(frame.f_code.co_filename):
            return None
        frame.f_trace_opcodes = True  # slices of lines and of instructions may come while this call lasts
        return self._local

    def _event(self, frame: FrameType, event: str, arg: object) -> Any:
        """Count an event of the kind that the slice under way counts."""
        countdown = self.countdown
        if self.is_over:
            sys.settrace(None)
        elif countdown and event == ("line" if countdown.yields.is_at_lines else "opcode"):
            countdown.event(frame.f_code, frame.f_lineno if countdown.yields.is_at_lines else frame.f_lasti)
        return self._local
