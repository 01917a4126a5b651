"""The first time that a fault shows, taken in the same way for every method of `benchmarks.marks`."""

import time
from collections.abc import Sequence
from typing import Any

from benchmarks.peers.shapes.shape import RIGHT, THREADS, Shape

SECONDS = 1.0
HUNG_SECONDS = 0.5
"""Threads that wait and have ended no call for so long are taken to wait for ever."""


class ShownError(Exception):
    """A body returned something wrong."""


class Witness:
    """Looks at what the bodies of a shape return and raise for some `seconds` from when it is made.

    `first`: after how many seconds the fault first showed, None as long as it has not. `last`: when a call last began
    or ended.
    """

    def __init__(self, shape: Shape, seconds: float = SECONDS) -> None:
        """The time runs from now on."""
        self.shape, self.seconds = shape, seconds
        self.first: float | None = None
        self.began = time.perf_counter()
        self.last = 0.0

    def elapsed(self) -> float:
        """Seconds since the start."""
        return time.perf_counter() - self.began

    def is_over(self) -> bool:
        """Whether the fault has shown or the time is up."""
        return self.first is not None or self.elapsed() > self.seconds

    def note(self) -> None:
        """The fault shows now."""
        if self.first is None:
            self.first = self.elapsed()

    def note_hang(self) -> None:
        """Threads wait for ever; they do since a call last began or ended."""
        if self.first is None:
            self.first = self.last

    def call(self, number: int, subject: Any) -> Any:
        """Call the body of a thread once; what it returned. What it raises is noted, and raised."""
        if self.shape.hangs:
            self.last = self.elapsed()
        try:
            value = self.shape.body(number)(subject)
        except Exception:
            self.note()
            raise
        if self.shape.hangs:
            self.last = self.elapsed()
        if not self.shape.has_check and value is not None and value != RIGHT:
            self.note()
        return value

    def turn(self, number: int, subject: Any, times: int) -> Any:
        """Call the body of a thread `times` times, with as little around it as can be; what it returned last.

        Raises:
            ShownError: when it returns something wrong, which ends the turn as an exception of its own does.
        """
        body, judged, value = self.shape.body(number), not self.shape.has_check, None
        self.last = self.elapsed()
        try:
            for _ in range(times):
                value = body(subject)
                if judged and value is not None and value != RIGHT:
                    raise ShownError(value)
        except Exception:
            self.note()
            raise
        self.last = self.elapsed()
        return value

    def check(self, subject: Any, returned: Sequence[Any]) -> str:
        """Judge a round."""
        seen = self.shape.check(subject, list(returned)[:THREADS])
        if seen != RIGHT:
            self.note()
        return seen
