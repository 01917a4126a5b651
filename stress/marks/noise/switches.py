"""Switches by noise: the kinds of noise, when each yields the core and how often, and the record of what it did."""

import enum
from collections import Counter, deque
from collections.abc import Iterator
from functools import partial
from random import Random
from threading import get_ident
from types import CodeType

import attrs

from stress.machine.gil import gil_enabled
from stress.marks.noise.core_yield import CoreYield
from stress.marks.noise.last_switches import LastSwitches
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
    others have been, so that what runs once in an operation is chosen as often as what runs in a loop. `plain`: the
    part of the operations that have none: those are quick, and many fit into a window that another one opens.
    """

    period: int
    typical: float
    is_at_lines: bool = True
    skips: bool = False
    plain: float = 0.0

    def plain_calls(self, random: Random) -> Iterator[bool]:
        """For each call of a slice whether it has no noise. The first has some, since it may last for all of it."""
        yield False
        while True:
            yield random.random() < self.plain

    def row(self, random: Random) -> int:
        """The number of yields in one row."""
        drawn = int(self.typical / (1 - random.random()))
        return LONGEST_ROW if drawn > LONGEST_ROW else drawn or 1


LONGEST_ROW = 1024
CHOSEN = 6
MOST_SKIPS = 256
PLACE_SHIFT = 64
"""Puts a line, or an offset, above the bits of an address."""
YIELDS = {
    Kind.LINES: Yields(4, 1 / 8, plain=1 / 2 if gil_enabled() else 0),
    Kind.DELAYS: Yields(8, 1 if gil_enabled() else 32, skips=True),
    Kind.INSTRUCTIONS: Yields(16, 1 / 8, is_at_lines=False),
    Kind.AWAITS: Yields(16, 1 / 8, is_at_lines=False),
}
"""Chosen by the time to the first violation of shapes of `benchmarks.marks`. With a GIL, a slice of delays leaves the
switch interval as it is, so that one yield lets others do whole operations; without one, it takes a row of yields.
In slices of awaits, threads that tasks use yield at instructions: in those of delays they do at lines."""

IN_TASKS = "awaits, lines and instructions"
"""At what tasks are switched, and the threads that they use."""
AT_AWAITS = {Kind.AWAITS: Yields(2, 1 / 2), Kind.DELAYS: Yields(8, 16)}
"""The yields of tasks, each to all other tasks of the loop. The events are the steps that end an await."""

AHEAD = {Kind.AWAITS: Yields(1, 1), Kind.DELAYS: Yields(1, 8)}
"""The operations that a task does in a row, before all others have a step. In other slices it does one."""


@attrs.define(eq=False)
class NoiseCounts:
    """What the noise of a cell did. Threads share it without a lock and may lose counts, which does not matter here.

    `gave_way`: the number of slices or operations without noise, by the tool that noise gave way to. `bodies`: ids of
    the bodies' code objects. `last`: the latest switches. `where`: at what the code under test is switched.
    `takers`: who was seen to take locks. `cpus`: the identifiers of the CPUs' threads. `passed`: the files of other
    code that these ran in slices with events. `ahead`: the number of operations that a task did ahead of the others'
    turn.
    """

    bodies: frozenset[int] = frozenset()
    gave_way: Counter[tuple[str, str]] = attrs.field(factory=Counter)
    last: LastSwitches = attrs.field(factory=LastSwitches)
    where: str = "lines and instructions"
    takers: Takers = attrs.field(factory=Takers)
    cpus: frozenset[int | None] = frozenset()
    passed: set[str] = attrs.field(factory=set)
    ahead: int = 0
    _times: dict[int, int] = attrs.field(init=False, factory=dict)
    _codes: dict[int, CodeType] = attrs.field(init=False, factory=dict)

    def note(self, actor: int, code: CodeType, at: int, is_line: bool) -> None:
        """Note a switch; the arguments are the words of Switch."""
        number = id(code)  # of code that is kept, so that no other gets it
        self._codes[number] = code
        self._times[number] = self._times.get(number, 0) + 1
        self.last.note(actor, code, at, is_line)

    @property
    def switches(self) -> Counter[tuple[str, bool]]:
        """The number of switches, by the file of the code and whether the code is a role's body itself."""
        found: Counter[tuple[str, bool]] = Counter()
        for number, times in self._times.copy().items():
            found[self._codes[number].co_filename, number in self.bodies] += times
        return found


@attrs.define
class Countdown:
    """Yields at some events. Threads share it without a lock; a lost count is noise too. `is_over`: its slice is.

    Then it ends a row of yields that is under way, too: on a busy host each of them may take milliseconds. `plain`:
    the identifiers of the threads whose events count for nothing meanwhile. Each writes its own entry alone.
    """

    yields: Yields
    random: Random
    counts: NoiseCounts
    core: CoreYield = attrs.field(factory=CoreYield)
    left: int = 1
    is_over: bool = attrs.field(init=False, default=False)
    plain: dict[int, bool] = attrs.field(init=False, factory=dict)
    _chosen: deque[int] = attrs.field(init=False, factory=partial(deque, maxlen=CHOSEN))

    def event(self, code: CodeType, at: int) -> None:
        """Count one event in `code`, at a line or at an instruction's offset, and yield if it is the one."""
        self.left -= 1
        if self.left <= 0 and not (self.yields.skips and self._skip(code, at)):
            self.left = 1 + int(self.random.random() * (2 * self.yields.period - 1))
            self.counts.note(get_ident(), code, at, self.yields.is_at_lines)
            for _ in range(self.yields.row(self.random)):
                self.core.give()
                if self.is_over:
                    break

    def end(self) -> None:
        """Its slice is over: no thread has noise by it any more."""
        self.is_over = True

    def _skip(self, code: CodeType, at: int) -> bool:
        """Whether to wait for another place, since this one was chosen lately."""
        place = id(code) ^ at << PLACE_SHIFT
        if place in self._chosen and self.left > -MOST_SKIPS:
            return True
        self._chosen.append(place)
        return False


KINDS = (Kind.LINES, Kind.DELAYS, Kind.BARE, Kind.INSTRUCTIONS, *([Kind.SWITCHES] if gil_enabled() else []))
"""The kinds for threads, in turn; without a GIL there is no switch interval to shorten."""
TASK_KINDS = (Kind.AWAITS, Kind.DELAYS, Kind.BARE)
"""The kinds for the tasks of one event loop, in turn."""
