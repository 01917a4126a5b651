"""The first time that a planted bug shows, taken in the same way for every method of `benchmarks.marks`."""

import time
from collections.abc import Callable

from benchmarks.peers.races import RIGHT

SECONDS = 1.0
WRITERS = 1
READERS = 3
THREADS = WRITERS + READERS

Body = Callable[[], str | None]


class ShownError(Exception):
    """A body returned something wrong."""


class Witness:
    """Looks at what bodies return and raise for some `seconds` from when it is made.

    `first`: after how many seconds a bug first showed, None as long as none has.
    """

    def __init__(self, seconds: float = SECONDS) -> None:
        """The time runs from now on."""
        self.seconds = seconds
        self.first: float | None = None
        self.began = time.perf_counter()

    def elapsed(self) -> float:
        """Seconds since the start."""
        return time.perf_counter() - self.began

    def is_over(self) -> bool:
        """Whether a bug has shown or the time is up."""
        return self.first is not None or self.elapsed() > self.seconds

    def note(self) -> None:
        """A bug shows now."""
        if self.first is None:
            self.first = self.elapsed()

    def call(self, body: Body) -> str | None:
        """Call a body once; what it returned. What it raises is noted, and raised."""
        try:
            outcome = body()
        except Exception:
            self.note()
            raise
        if outcome is not None and outcome != RIGHT:
            self.note()
        return outcome

    def turn(self, body: Body, times: int) -> None:
        """Call a body `times` times, with as little around it as can be.

        Raises:
            ShownError: when it returns something wrong, which ends the turn as an exception of its own does.
        """
        try:
            for _ in range(times):
                outcome = body()
                if outcome is not None and outcome != RIGHT:
                    raise ShownError(outcome)
        except Exception:
            self.note()
            raise
