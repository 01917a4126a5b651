"""SIGINT and SIGTERM, as every command that runs for a while takes them."""

import contextlib
import os
import select
import signal
import sys
from collections.abc import Callable
from typing import NoReturn

SHOW_CURSOR = b"\x1b[?25h\n"


def leave_now(code: int) -> NoReturn:
    """End this process at once, but not with the cursor of its terminal hidden, if that can be had without waiting."""
    for stream in (sys.stdout, sys.stderr):
        with contextlib.suppress(OSError, ValueError):
            if stream.isatty() and select.select([], [stream], [], 0)[1]:
                os.write(stream.fileno(), SHOW_CURSOR)
                break
    os._exit(code)


class Interrupts:
    """SIGINT and SIGTERM: the first one ends the run with what it has learnt, the second one leaves at once.

    While no machine runs, as in a compilation, the first one leaves too, once `leave` has saved what there is.
    """

    def __init__(self, leave: Callable[[int], int]) -> None:
        """Take both signals from now on; `leave` is given the signal and returns the exit code."""
        self.signal = 0
        self.running = False
        self._leave = leave
        for number in (signal.SIGINT, signal.SIGTERM):
            signal.signal(number, self._take)

    @classmethod
    def noted(cls) -> "Interrupts":
        """Signals that are only noted at first, since what runs is elsewhere."""
        noted = cls(lambda number: 128 + number)
        noted.running = True
        return noted

    def _take(self, number: int, frame: object) -> None:
        if self.signal:
            leave_now(128 + number)
        self.signal = number
        if not self.running:
            code = self._leave(number)
            sys.stdout.flush()
            leave_now(code)

    def pending(self) -> bool:
        """Whether a signal has come."""
        return self.signal != 0
