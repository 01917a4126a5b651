"""How every command that runs for long handles SIGINT, SIGTERM and SIGHUP."""

import contextlib
import os
import select
import signal
import sys
import threading
from collections.abc import Callable, Iterator
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


_held: list[int] | None = None
"""The signals that came while the main thread wrote a file; None while it writes none."""


@contextlib.contextmanager
def held_back() -> Iterator[None]:
    """A context in which no signal is acted on; what came meanwhile is acted on at its end.

    For what is short and must not be left half done, like the writing of a file.
    """
    global _held
    if _held is not None or threading.current_thread() is not threading.main_thread():
        yield  # handlers run in the main thread only
        return
    _held = []
    try:
        yield
    finally:
        waiting, _held = _held, None
        for number in waiting:
            signal.raise_signal(number)


class Interrupts:
    """The first signal ends the run and keeps its results; a second SIGINT or SIGTERM ends the process at once.

    Of a command that keeps all in memory until its end (`saves`) the second one is noted too until `saved` is called,
    so that nothing is lost; a third one ends the process at once.

    SIGHUP never counts as the second one: a shell and the kernel both send it when a terminal hangs up, and service
    managers send it right after SIGTERM. If SIGHUP was ignored, as under nohup, it stays ignored. While no machine
    runs, for example during compilation, the first signal ends the process too, once `leave` has saved the results.
    """

    def __init__(self, leave: Callable[[int], int], saves: bool = False) -> None:
        """Handle signals from now on; `leave` takes the signal's number, saves results and returns the exit code."""
        self.signal = 0
        self.running = False
        self._saves, self._is_hurried = saves, False
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
        if _held is not None:
            _held.append(number)
            return
        if self.signal:
            if number != HANGUP:
                self._hurry(number)
            return
        if not self.running and is_printing() and self._tries < MOST_TRIES:
            self._tries += 1
            threading.Timer(AGAIN_SECONDS, signal.raise_signal, (number,)).start()
            return
        self.signal = number
        if not self.running:
            leave_now(128 + number if is_printing() else self._saved(number))

    def _hurry(self, number: int) -> None:
        """A second signal, or another one: end the process, unless that would lose what is about to be saved."""
        if not self._saves or self._is_hurried:
            leave_now(128 + number)
        self._is_hurried = True

    def saved(self) -> bool:
        """Results are saved: from now on the next signal ends the process. Whether a second one has come already."""
        self._saves = False
        return self._is_hurried

    def _saved(self, number: int) -> int:
        """Save the results; the exit code."""
        code = self._leave(number)
        sys.stdout.flush()
        return code

    def pending(self) -> bool:
        """Whether a signal has come."""
        return self.signal != 0
