"""The monitor of a run: which CPUs make progress, by what their threads do: end operations, use CPU time, want a core.

Time alone is no evidence: on a busy host a thread may want a core for seconds and get none. A CPU that waits may wait
for a thread of the code under test, as one of a pool, so those are watched too.
"""

import enum
import threading
from collections.abc import Callable, Collection, Sequence
from functools import partial
from pathlib import Path

import attrs

from stress.host import clocks, threads
from stress.marks.crews.timers import Timers
from stress.marks.operations.player import Player

LONGEST_SAMPLE_SECONDS = 0.5
"""The most time that one sample counts for: a process that was suspended has not waited."""
RUN_SECONDS = 0.25
"""A CPU that has used this much CPU time in one operation runs on, however rarely the host gives it a core."""
STARVED_PART = 0.5
LATEST_PART = 0.1
FAIR_SECONDS = 0.5
"""CPU time without noise: a CPU that runs on and has had less was slowed by noise, and may end its operation yet."""
STILL_SECONDS = 0.3
"""How long a thread has waited before its frames are read: it must not move meanwhile."""
PACE_PART = 0.3
"""The weight of the last sample in a CPU's pace."""


class Activity(enum.Enum):
    """What a CPU does while it does not end its operation."""

    WAITS = "waits"
    RUNS = "runs on"
    STARVES = "wants a core and gets none"


@attrs.frozen
class ThreadSample:
    """What Linux says about a thread: its CPU time in seconds, and whether it has a core or wants one (`ready`)."""

    ran: float = 0.0
    ready: bool = False

    @classmethod
    def at(cls, native_id: int | None) -> "ThreadSample":
        """Read the state of a thread in /proc; without /proc it is not ready and has no CPU time."""
        folder = Path(f"/proc/self/task/{native_id}")
        try:
            ran = int((folder / "schedstat").read_text().split()[0])
            state = (folder / "stat").read_text().rpartition(")")[2].split()[0]
        except (OSError, IndexError, ValueError):
            return cls()
        return cls(ran / 1e9, state == "R")


@attrs.define
class Watch:
    """One CPU's operation under way: the seconds for which it was seen in it, and what its thread does meanwhile.

    `calm` is the CPU time in seconds that it has used in it without noise, and `pace` the part of a core that it used
    of late; a whole one before the first look. `_hungry` is the share of its `_looks` in which the thread wanted a
    core; of many, the last ones count most.
    """

    operations: int = -1
    seconds: float = 0.0
    calm: float = 0.0
    pace: float = 1.0
    _hungry: float = 0.0
    _looks: int = 0
    _first: ThreadSample | None = None
    _last: ThreadSample = ThreadSample()

    def sample(self, operations: int, elapsed: float, look: Callable[[], ThreadSample], calm: bool = True) -> bool:
        """Take a sample; whether the CPU has ended an operation. The thread is looked at only if it has not.

        `calm`: there was no noise since the last sample.
        """
        if operations != self.operations:
            self.operations, self.seconds, self._looks, self._first = operations, 0.0, 0, None
            self.calm, self.pace = 0.0, 1.0
            return True
        before, self._last = self._last, look()
        # A host that gives this process few cores leaves room for few looks: they count alike until they are many.
        self._looks += 1
        self._hungry += (self._last.ready - self._hungry) * max(LATEST_PART, 1 / self._looks)
        if self._first is None:
            self._first = self._last
        else:
            self.seconds += elapsed
            if calm and elapsed:
                used = self._last.ran - before.ran
                self.calm += used
                self.pace += PACE_PART * (used / elapsed - self.pace)
        return False

    def doing(self, cpus: int) -> Activity:
        """What it does: with half of an equal share of one core it runs on; with less, if it wants one, it starves.

        If it has not used a core of late, nor wanted one, it waits, however long it has run before that.
        """
        if self._first is None or not self.seconds:
            return Activity.WAITS
        is_hungry = self._hungry >= STARVED_PART
        has_run = self._last.ran - self._first.ran >= min(RUN_SECONDS, self.seconds / (2 * cpus))
        if has_run and (is_hungry or self._keeps_pace(cpus)):
            return Activity.RUNS
        return Activity.STARVES if is_hungry else Activity.WAITS

    def may_end(self, cpus: int) -> bool:
        """Whether it uses a quarter of an equal share of one core, and has not had that for long without noise."""
        return self._keeps_pace(cpus) and self.calm < FAIR_SECONDS

    def _keeps_pace(self, cpus: int) -> bool:
        """Whether it has used a quarter of an equal share of one core of late."""
        return self.pace >= 1 / (4 * cpus)


def other_threads(cpus: Collection[int]) -> set[int]:
    """The native ids of the threads of this process that are not `cpus` nor the calling one; none without /proc."""
    return threads.native_ids() - {threading.get_native_id(), *cpus}


@attrs.define
class OtherWork:
    """The work of threads that are no CPUs, since a CPU last ended an operation: it may end the wait of one.

    `threads` gives their native ids. A thread that has had FAIR_SECONDS without noise has had its chance.
    """

    threads: Callable[[], set[int]] = set
    look: Callable[[int | None], ThreadSample] = ThreadSample.at
    _watches: dict[int, Watch] = attrs.field(init=False, factory=dict)

    def clear(self) -> None:
        """Forget what they did: a CPU has ended an operation."""
        self._watches.clear()

    def sample(self, elapsed: float, calm: bool) -> None:
        """Take a sample of each; of one that is new this is the first."""
        self._watches = {one: self._watches.get(one) or Watch() for one in self.threads()}
        for one, watch in self._watches.items():
            watch.sample(0, elapsed, partial(self.look, one), calm)

    def goes_on(self, cpus: int) -> bool:
        """Whether one of them runs on, or wants a core and gets none; a host of few cores has `cpus` more to serve."""
        served = cpus + len(self._watches)
        return any(self._works(watch, served) for watch in self._watches.values())

    @staticmethod
    def _works(watch: Watch, served: int) -> bool:
        """Whether a thread may do yet what a CPU waits for."""
        doing = watch.doing(served)
        return doing is Activity.STARVES or (doing is Activity.RUNS and watch.may_end(served))


@attrs.define
class Monitor:
    """Samples the CPUs of a run. `idle`: the sampled seconds since any of them last ended an operation.

    `look` says what a CPU's thread does. `others`: the threads of the code under test, which are sampled while no CPU
    ends an operation. `timers`: those that may end a CPU's wait.
    """

    players: Sequence[Player]
    look: Callable[[int], ThreadSample]
    clock: Callable[[], float] = clocks.monotonic
    others: OtherWork = attrs.field(factory=OtherWork)
    timers: Timers = attrs.field(factory=Timers)
    idle: float = attrs.field(init=False, default=0.0)
    _watches: list[Watch] = attrs.field(init=False)
    _sampled: float = attrs.field(init=False)

    def __attrs_post_init__(self) -> None:
        self._watches = [Watch() for _ in self.players]
        self._sampled = self.clock()

    def due(self, seconds: float) -> bool:
        """Whether the last sample is `seconds` old."""
        return self.clock() - self._sampled >= seconds

    def sample(self, calm: bool = True) -> float:
        """Sample every CPU; the seconds that this sample counts for. `calm`: there was no noise since the last one."""
        now = self.clock()
        elapsed, self._sampled = min(now - self._sampled, LONGEST_SAMPLE_SECONDS), now
        got_on = [self._glance(number, elapsed, calm) for number in range(len(self.players))]
        if any(got_on):
            self.idle = 0.0
            self.others.clear()
            self.timers.forget()
        else:
            self.idle += elapsed
            self.others.sample(elapsed, calm)
            self.timers.look()
        return elapsed

    def _glance(self, number: int, elapsed: float, calm: bool) -> bool:
        """Sample one CPU; whether it has ended an operation."""
        operations = self.players[number].operations
        return self._watches[number].sample(operations, elapsed, lambda: self.look(number), calm)

    def doing(self, number: int) -> Activity:
        """What a CPU does that is in its operation."""
        return self._watches[number].doing(len(self.players))

    def waits(self, number: int) -> bool:
        """Whether a CPU of a role is in its operation and neither runs nor wants a core."""
        return number < len(self.players) and self.doing(number) is Activity.WAITS

    def is_still(self, number: int) -> bool:
        """Whether a CPU has waited in its operation for so long that it will not move while its frames are read."""
        return self.waits(number) and self.seconds(number) >= STILL_SECONDS

    def may_end(self, number: int) -> bool:
        """Whether a CPU that runs on may end its operation yet."""
        return self._watches[number].may_end(len(self.players))

    @property
    def is_helped(self) -> bool:
        """Whether other threads work, each of which may end the wait of a CPU."""
        return self.others.goes_on(len(self.players))

    @property
    def starves(self) -> bool:
        """Whether any CPU that is in its operation gets no core."""
        working = (number for number, player in enumerate(self.players) if not player.has_done)
        return any(self.doing(number) is Activity.STARVES for number in working)

    def has_stalled(self, seconds: float) -> bool:
        """Whether no CPU has ended an operation for so long, though every CPU had a core."""
        return self.idle >= seconds and not self.starves

    def may_give_up(self, seconds: float) -> bool:
        """Whether it has stalled for so long, and no timer that is still far off may end a wait."""
        return self.has_stalled(seconds) and not self.timers.stand

    @property
    def longest(self) -> float:
        """The seconds of the longest operation that has ended, or of a burst of short ones."""
        return max(player.longest_ns for player in self.players) / 1e9

    def seconds(self, number: int) -> float:
        """The sampled seconds for which a CPU has been in its operation."""
        return self._watches[number].seconds
