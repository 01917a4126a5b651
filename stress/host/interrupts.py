"""SIGINT, SIGTERM and SIGHUP, as every command that runs for a while takes them."""

import contextlib
import os
import select
import signal
import sys
import threading
from collections.abc import Callable
from typing import NoReturn

SHOW_CURSOR = b"\x1b[?25h\n"
AGAIN_SECONDS = 0.01
MOST_TRIES = 100
"""When a signal comes again that came in the middle of a print, and how often; a print without a reader may not end."""


def leave_now(code: int) -> NoReturn:
    """End this process at once, but not with the cursor of its terminal hidden, if that can be had without waiting."""
    for stream in (sys.stdout, sys.stderr):
        with contextlib.suppress(OSError, ValueError):
            if stream.isatty() and select.select([], [stream], [], 0)[1]:
                os.write(stream.fileno(), SHOW_CURSOR)
                break
    os._exit(code)


def is_printing() -> bool:
    """Whether this thread was stopped in the middle of a print: until that is over, a handler cannot print."""
    for stream in (sys.stdout, sys.stderr):
        try:
            stream.flush()
        except RuntimeError:  # a reentrant call
            return True
        except (OSError, ValueError):  # nobody reads it, or it was closed
            continue
    return False


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
        self._tries = 0
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
        if not self.running and is_printing() and self._tries < MOST_TRIES:
            self._tries += 1
            threading.Timer(AGAIN_SECONDS, signal.raise_signal, (number,)).start()
            return
        self.signal = number
        if not self.running:
            leave_now(128 + number if is_printing() else self._saved(number))

    def _saved(self, number: int) -> int:
        """Save what there is; the exit code."""
        code = self._leave(number)
        sys.stdout.flush()
        return code

    def pending(self) -> bool:
        """Whether a signal has come."""
        return self.signal != 0
