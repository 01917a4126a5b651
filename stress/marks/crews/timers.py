"""Timers that may end the waits of CPUs: those of event loops, and the timeouts of the calls that threads wait in."""

import threading
from collections.abc import Callable, Hashable, Iterator, Mapping, Sequence

import attrs

from stress.host import clocks
from stress.host.frames import current_frames
from stress.marks.noise.code_under_test import PACKAGE, is_within
from stress.marks.noise.expressions import timeout
from stress.marks.operations.player import Player

FAR_SECONDS = 0.3
"""A timer that goes off later than that is no part of a loop that looks again and again whether it may go on."""
GO_ON_SECONDS = 0.5
"""What a timer has woken may take so long to go on; then its next wait is still for as long as it takes to be seen."""
NEVER_SECONDS = 3600.0
"""A timeout that is longer ends no wait: `threading.TIMEOUT_MAX` stands for none."""


@attrs.define
class Timers:
    """The timers that were far off when they were looked at: they may end a wait.

    `left` gives the seconds until each one that is known goes off, by its identity. Behind the last of them a thread
    gets GO_ON_SECONDS: the timer is gone before what it wakes has run.
    """

    left: Callable[[], Mapping[Hashable, float]] = dict
    clock: Callable[[], float] = clocks.monotonic
    _far: set[Hashable] = attrs.field(init=False, factory=set)
    _until: float = attrs.field(init=False, default=0.0)
    _pending: bool = attrs.field(init=False, default=False)
    _first: set[Hashable] | None = attrs.field(init=False, default=None)

    def look(self) -> None:
        """Look which ones are far off, so that they are known once they are close."""
        now = self.clock()
        left = {one: seconds for one, seconds in self.left().items() if seconds <= NEVER_SECONDS}
        self._far = {one for one, seconds in left.items() if seconds > FAR_SECONDS or one in self._far}
        self._first = (set(self._far) or None) if self._first is None else self._first & self._far
        self._until = now + GO_ON_SECONDS if self._far else self._until
        self._pending = now < self._until

    def forget(self) -> None:
        """Forget which ones were the first: a CPU has ended an operation, and the next one may wait as long."""
        self._first = None

    def pend(self) -> bool:
        """Look at them; whether one that was far off has still to go off, or has just done so."""
        self.look()
        return self._pending

    @property
    def stand(self) -> bool:
        """Whether one of the first that were far off since a CPU ended an operation was so at the last look."""
        return bool(self._first)


@attrs.define
class Timeouts:
    """The timeouts of the calls that the CPUs of `players` wait in, each on the thread that `thread` gives.

    When a call began is unknown: each timeout counts from the first look at it. `waits` says that a CPU has not moved
    for long: the frames of one that moves cannot be read without a GIL.
    """

    players: Sequence[Player]
    thread: Callable[[int], threading.Thread]
    waits: Callable[[int], bool]
    clock: Callable[[], float] = clocks.monotonic
    _seen: dict[Hashable, float] = attrs.field(init=False, factory=dict)

    def left(self) -> dict[Hashable, float]:
        """The seconds until each one is over, by the call; those that are over, or have no end, are left out."""
        now, found = self.clock(), dict(self._calls())
        self._seen = {call: self._seen.get(call, now) for call in found}
        ends = {call: self._seen[call] + seconds for call, seconds in found.items()}
        return {call: end - now for call, end in ends.items() if end > now}

    def _calls(self) -> Iterator[tuple[Hashable, float]]:
        """The calls that the CPUs wait in which have a timeout, and that timeout in seconds.

        A call is known by the operation that it is part of, its frame, and its place there.
        """
        still = [number for number in range(len(self.players)) if self.waits(number)]
        frames = current_frames() if still else {}
        for number in still:
            frame = frames.get(self.thread(number).ident or 0)
            if frame and not is_within(frame.f_code.co_filename, PACKAGE) and (seconds := timeout(frame)) is not None:
                yield (number, self.players[number].operations, id(frame), frame.f_lasti), seconds
