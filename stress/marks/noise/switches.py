"""Switches by noise: the kinds of noise, when each yields the core and how often, and the record of what it did."""

import enum
from collections import Counter, deque
from functools import partial
from random import Random
from threading import get_ident
from types import CodeType

import attrs

from stress.machine.python_engine import gil_enabled, sched_yield
from stress.machine.stacks import line_of
from stress.marks.noise.takers import Takers


class Kind(enum.Enum):
    """The kind of noise in a slice."""

    LINES = "lines"
    DELAYS = "delays"
    BARE = "bare"
    INSTRUCTIONS = "instructions"
    SWITCHES = "switches"
    AWAITS = "awaits"


@attrs.frozen
class Yields:
    """When a kind of noise yields: at every `period`-th event on average, a row of yields.

    A row is at least n yields long with a chance of `typical` in n, so that a window opens that takes whole operations
    of others. It is at least one long, and at most LONGEST_ROW. `skips`: a place is not chosen again until CHOSEN
    others have been, so that what runs once in an operation is chosen as often as what runs in a loop.
    """

    period: int
    typical: float
    is_at_lines: bool = True
    skips: bool = False

    def row(self, random: Random) -> int:
        """The number of yields in one row."""
        return max(min(int(self.typical / (1 - random.random())), LONGEST_ROW), 1)


LONGEST_ROW = 1024
MOST_LAST = 64
CHOSEN = 6
MOST_SKIPS = 256
YIELDS = {
    Kind.LINES: Yields(4, 1 / 8),
    Kind.DELAYS: Yields(8, 1 if gil_enabled() else 32, skips=True),
    Kind.INSTRUCTIONS: Yields(16, 1 / 8, is_at_lines=False),
}
"""Chosen by the time to the first violation of shapes of `benchmarks.marks`. With a GIL, a slice of delays leaves the
switch interval as it is, so that one yield lets others do whole operations; without one, it takes a row of yields."""

AT_AWAITS = {Kind.AWAITS: Yields(2, 1 / 2), Kind.DELAYS: Yields(8, 16)}
"""The yields of tasks, each to all other tasks of the loop. The events are the steps that end an await."""


@attrs.frozen
class Switch:
    """A row of yields by noise: who yielded, the code, and the line, or the instruction's offset in bytes.

    `actor` is the ident of the thread; for a task at an await the number of its CPU.
    """

    actor: int
    code: CodeType
    at: int
    is_line: bool

    @property
    def place(self) -> str:
        """The function and the line, for a report."""
        line = self.at if self.is_line else line_of(self.code, self.at)
        return f"{self.code.co_qualname} ({self.code.co_filename}:{line})"


@attrs.define(eq=False)
class NoiseCounts:
    """What the noise of a cell did. Threads share it without a lock and may lose counts, which does not matter here.

    `switches`: yields, by the file of the code and whether the code is a role's body itself. `gave_way`: the number of
    slices or operations without noise, by the tool that noise gave way to. `bodies`: ids of the bodies' code objects.
    `last`: the latest switches. `where`: at what the code under test is switched.
    `takers`: who was seen to take locks.
    """

    bodies: frozenset[int] = frozenset()
    switches: Counter[tuple[str, bool]] = attrs.field(factory=Counter)
    gave_way: Counter[tuple[str, str]] = attrs.field(factory=Counter)
    last: deque[Switch] = attrs.field(factory=partial(deque, maxlen=MOST_LAST))
    where: str = "lines and instructions"
    takers: Takers = attrs.field(factory=Takers)


@attrs.define
class Countdown:
    """Yields at some events. Threads share it without a lock; a lost count is noise too."""

    yields: Yields
    random: Random
    counts: NoiseCounts
    left: int = 1
    _chosen: deque[tuple[CodeType, int]] = attrs.field(init=False, factory=partial(deque, maxlen=CHOSEN))

    def event(self, code: CodeType, at: int) -> None:
        """Count one event in `code`, at a line or at an instruction's offset, and yield if it is the one."""
        self.left -= 1
        if self.left <= 0 and not (self.yields.skips and self._skip(code, at)):
            self.left = self.random.randrange(1, 2 * self.yields.period)
            self.counts.last.append(Switch(get_ident(), code, at, self.yields.is_at_lines))
            for _ in range(self.yields.row(self.random)):
                sched_yield()
            self.counts.switches[code.co_filename, id(code) in self.counts.bodies] += 1

    def _skip(self, code: CodeType, at: int) -> bool:
        """Whether to wait for another place, since this one was chosen lately."""
        place = (code, at)
        if place in self._chosen and self.left > -MOST_SKIPS:
            return True
        self._chosen.append(place)
        return False


KINDS = (Kind.LINES, Kind.DELAYS, Kind.BARE, Kind.INSTRUCTIONS, *([Kind.SWITCHES] if gil_enabled() else []))
"""The kinds for threads, in turn; without a GIL there is no switch interval to shorten."""
TASK_KINDS = (Kind.AWAITS, Kind.DELAYS, Kind.BARE)
"""The kinds for the tasks of one event loop, in turn."""
