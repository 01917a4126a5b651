"""Exceptions in finalizers and in callbacks of weak references: Python ignores them, a run does not.

A finalizer may run on any thread, in the middle of anything. So what happens here takes no lock: the test's thread ends
the run when it next looks.
"""

import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from types import TracebackType
from typing import Any

import attrs

from stress.marks.bodies import EndThread, add_note, shown
from stress.marks.operations.tally import Tally

MOST_KEPT = 4
"""Each operation may raise the same until the run has ended; so many of them are told."""


@attrs.define(eq=False)
class Finalizers:
    """Hears of exceptions that Python ignores. `tally` keeps those of the run.

    `has`: whether the code of a file is under test. `is_of_run`: whether the calling thread belongs to the run.
    """

    tally: Tally
    keep: Callable[[BaseException], None]
    has: Callable[[str], bool]
    is_of_run: Callable[[], bool]
    _hook: Callable[[Any], object] = attrs.field(init=False, default=sys.__unraisablehook__)
    _hears: bool = attrs.field(init=False, default=True)

    @contextmanager
    def heard(self) -> Iterator[None]:
        """While this lasts, keep what belongs to the run, and leave the rest to the hook that was there before."""
        self._hook, ours = sys.unraisablehook, self._ignored
        sys.unraisablehook = ours
        try:
            yield
        finally:
            self._hears = False  # a hook that code under test has set meanwhile may call this one for ever
            if sys.unraisablehook is ours:
                sys.unraisablehook = self._hook

    def _ignored(self, ignored: "sys.UnraisableHookArgs") -> None:
        """Keep an exception of code under test on a thread of the run; the end of a thread is none."""
        error = ignored.exc_value
        if isinstance(error, EndThread):
            return
        if error is None or not (self._hears and self._is_ours(ignored)):
            self._hook(ignored)
        elif len(self.tally.errors) < MOST_KEPT:
            add_note(error, f"Python ignored it in {shown(ignored.object)}")
            self.keep(error)

    def _is_ours(self, ignored: "sys.UnraisableHookArgs") -> bool:
        """Whether code under test raised it, on a thread of the run."""
        return self.is_of_run() and any(map(self.has, files_of(ignored.exc_traceback)))


def files_of(traceback: TracebackType | None) -> Iterator[str]:
    """The files of the functions that an exception went through."""
    while traceback is not None:
        yield traceback.tb_frame.f_code.co_filename
        traceback = traceback.tb_next
