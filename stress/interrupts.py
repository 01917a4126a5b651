"""SIGINT, SIGTERM and SIGHUP, as every command that runs for a while takes them."""

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


HANGUP = getattr(signal, "SIGHUP", None)
"""What a process gets whose terminal hangs up; not on Windows."""


class Interrupts:
    """The first signal ends the run with what it has learnt; a second SIGINT or SIGTERM leaves at once.

    SIGHUP is never a second one: a shell and the kernel both send it when a terminal hangs up, and service managers
    send it right after SIGTERM. It stays ignored where it was, as under nohup. While no machine runs, as in a
    compilation, the first one leaves too, once `leave` has saved what there is.
    """

    def __init__(self, leave: Callable[[int], int]) -> None:
        """Take signals from now on; `leave` is given the signal and returns the exit code."""
        self.signal = 0
        self.running = False
        self._leave = leave
        for number in (signal.SIGINT, signal.SIGTERM):
            signal.signal(number, self._take)
        if HANGUP and signal.getsignal(HANGUP) is not signal.SIG_IGN:
            signal.signal(HANGUP, self._take)

    @classmethod
    def noted(cls) -> "Interrupts":
        """Signals that are only noted at first, since what runs is elsewhere."""
        noted = cls(lambda number: 128 + number)
        noted.running = True
        return noted

    def _take(self, number: int, frame: object) -> None:
        if self.signal:
            if number != HANGUP:
                leave_now(128 + number)
            return
        self.signal = number
        if not self.running:
            code = self._leave(number)
            sys.stdout.flush()
            leave_now(code)

    def pending(self) -> bool:
        """Whether a signal has come."""
        return self.signal != 0
