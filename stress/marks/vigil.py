"""Who gets on and who does not, told by what threads do: operations that end, CPU time, and waiting for a core.

Time alone is no evidence: a thread of a busy host may want a core for seconds and get none.
"""

import enum
from collections.abc import Callable, Sequence
from pathlib import Path

import attrs

from stress.host import clocks
from stress.marks.cpu import Player

LONGEST_SAMPLE_SECONDS = 0.5
"""What one sample counts for at most: a process that was suspended has not waited."""
RUN_SECONDS = 0.25
"""CPU time in one operation by which a CPU runs on for certain, however few cores the host has left for it."""
STARVED_PART = 0.5
LATEST_PART = 0.1


class Doing(enum.Enum):
    """What a CPU does that does not end its operation."""

    WAITS = "waits"
    RUNS = "runs on"
    STARVES = "wants a core and gets none"


@attrs.frozen
class Look:
    """What Linux says of a thread: seconds for which it has run, and whether it has a core now, or wants one."""

    ran: float = 0.0
    ready: bool = False

    @classmethod
    def at(cls, native_id: int | None) -> "Look":
        """Look at a thread; it does nothing where the system does not say."""
        folder = Path(f"/proc/self/task/{native_id}")
        try:
            ran = int((folder / "schedstat").read_text().split()[0])
            state = (folder / "stat").read_text().rpartition(")")[2].split()[0]
        except (OSError, IndexError, ValueError):
            return cls()
        return cls(ran / 1e9, state == "R")


@attrs.define
class Watch:
    """One CPU's operation under way: for how many seconds it was seen in it, and what its thread does meanwhile.

    `_hungry` is the part of the latest looks in which it wanted a core, the last ones counting most.
    """

    operations: int = -1
    seconds: float = 0.0
    _hungry: float = 0.0
    _first: Look | None = None
    _last: Look = Look()

    def sample(self, operations: int, elapsed: float, look: Callable[[], Look]) -> bool:
        """Look again; whether it got on. The thread is looked at only if it did not."""
        if operations != self.operations:
            self.operations, self.seconds, self._hungry, self._first = operations, 0.0, 0.0, None
            return True
        self._last = look()
        self._hungry += (self._last.ready - self._hungry) * LATEST_PART
        if self._first is None:
            self._first = self._last
        else:
            self.seconds += elapsed
        return False

    def doing(self, cpus: int) -> Doing:
        """What it does: who has half of an equal share of one core runs on; who wants one and has less starves."""
        if self._first is None or not self.seconds:
            return Doing.WAITS
        if self._last.ran - self._first.ran >= min(RUN_SECONDS, self.seconds / (2 * cpus)):
            return Doing.RUNS
        return Doing.STARVES if self._hungry >= STARVED_PART else Doing.WAITS


@attrs.define
class Vigil:
    """Watches the CPUs of a bout. `idle` is for how many seconds none of them has got on, as sampled."""

    players: Sequence[Player]
    native_id: Callable[[int], int | None]
    look: Callable[[int | None], Look] = Look.at
    clock: Callable[[], float] = clocks.monotonic
    idle: float = attrs.field(init=False, default=0.0)
    _watches: list[Watch] = attrs.field(init=False)
    _sampled: float = attrs.field(init=False)

    def __attrs_post_init__(self) -> None:
        self._watches = [Watch() for _ in self.players]
        self._sampled = self.clock()

    def due(self, seconds: float) -> bool:
        """Whether the last look was so long ago."""
        return self.clock() - self._sampled >= seconds

    def sample(self) -> float:
        """Look at every CPU; how many seconds this look counts for."""
        now = self.clock()
        elapsed, self._sampled = min(now - self._sampled, LONGEST_SAMPLE_SECONDS), now
        got_on = [self._glance(number, elapsed) for number in range(len(self.players))]
        self.idle = 0.0 if any(got_on) else self.idle + elapsed
        return elapsed

    def _glance(self, number: int, elapsed: float) -> bool:
        """Look at one CPU; whether it got on."""
        operations = self.players[number].operations
        return self._watches[number].sample(operations, elapsed, lambda: self.look(self.native_id(number)))

    def doing(self, number: int) -> Doing:
        """What a CPU does that has not ended its operation."""
        return self._watches[number].doing(len(self.players))

    @property
    def starves(self) -> bool:
        """Whether a CPU that has not ended its operation gets no core."""
        return any(self.doing(number) is Doing.STARVES for number in range(len(self.players)))

    def has_stalled(self, seconds: float) -> bool:
        """Whether nobody has got on for so long, and it was not for want of a core."""
        return self.idle >= seconds and not self.starves

    def seconds(self, number: int) -> float:
        """For how long a CPU was seen in its operation."""
        return self._watches[number].seconds
