"""How every command that runs for long handles SIGINT, SIGTERM and SIGHUP."""

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
"""A signal that comes in the middle of a print is raised again after this time, at most so often: a print to a pipe
that nobody reads may never end."""


def leave_now(code: int) -> NoReturn:
    """End this process at once; show the cursor of its terminal again first, if that does not have to wait."""
    for stream in (sys.stdout, sys.stderr):
        with contextlib.suppress(OSError, ValueError):
            if stream.isatty() and select.select([], [stream], [], 0)[1]:
                os.write(stream.fileno(), SHOW_CURSOR)
                break
    os._exit(code)


def is_printing() -> bool:
    """Whether a signal interrupted this thread in the middle of a print: then its handler cannot print."""
    for stream in (sys.stdout, sys.stderr):
        try:
            stream.flush()
        except RuntimeError:  # a reentrant call
            return True
        except (OSError, ValueError):  # it has no reader, or it was closed
            continue
    return False


HANGUP = getattr(signal, "SIGHUP", None)
"""The signal for a process whose terminal hangs up; Windows has none."""


class Interrupts:
    """The first signal ends the run and keeps its results; a second SIGINT or SIGTERM ends the process at once.

    SIGHUP never counts as the second one: a shell and the kernel both send it when a terminal hangs up, and service
    managers send it right after SIGTERM. If SIGHUP was ignored, as under nohup, it stays ignored. While no machine
    runs, for example during compilation, the first signal ends the process too, once `leave` has saved the results.
    """

    def __init__(self, leave: Callable[[int], int]) -> None:
        """Handle signals from now on; `leave` takes the signal's number, saves results and returns the exit code."""
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
        """A handler that only notes the first signal, because the machines run in other processes."""
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
        """Save the results; the exit code."""
        code = self._leave(number)
        sys.stdout.flush()
        return code

    def pending(self) -> bool:
        """Whether a signal has come."""
        return self.signal != 0
