"""The watchdog: turns "no progress" into a named stall. Reads RAM from the thread that waits for the run's end."""

from collections.abc import Callable, Sequence

import attrs

from stress import clocks
from stress.machine import waits, words
from stress.machine.ram import Ram
from stress.machine.waits import Link, Stall, Wait, follow, wait_on

LONGEST_SAMPLE_SECONDS = 0.5
NEVER = float("inf")


@attrs.frozen
class _Glance:
    """One CPU's counters at one sample, and what its last spin was on."""

    spins: int = 0
    wait: Wait | None = None
    operations: int = -1
    sleeps: int = 0


def _look(ram: Ram) -> list[_Glance]:
    """Read every CPU's words.

    SPINS first: a CPU stores it after the word that it spins on and after the operations that came before, so a
    spin is never taken for one on an older word or in an older operation. Who holds what comes last.
    """
    offsets = (words.SPINS, words.SPINNING_ON, words.OPERATIONS, words.SLEEPS)
    columns = [[word for [word] in ram.log_words(offset)] for offset in offsets]
    return [
        _Glance(spins, wait_on(ram, spinning_on) if spins else None, operations, sleeps)
        for spins, spinning_on, operations, sleeps in zip(*columns, strict=True)
    ]


@attrs.define
class _Watch:
    """What one CPU has done so far. Times are in seconds that were sampled.

    `spun` is for how long it has only spun, on one word in one operation. `confirmed` says that it has spun since
    the CPU that it waits for was last another one: a spin that has just ended leaves its word behind, and a lock
    that was just taken is held by whoever spun on it. The rest is when it last did something.
    """

    last: _Glance = _Glance()
    spun: float = 0.0
    confirmed: bool = False
    since_spin: float = NEVER
    since_operation: float = NEVER
    since_sleep: float = NEVER

    def sample(self, seen: _Glance, elapsed: float) -> None:
        """Take a new look into account; a CPU that did not run since the last one is not at fault."""
        last, self.last = self.last, seen
        spins, sleeps = seen.spins != last.spins, seen.sleeps != last.sleeps
        within = seen.operations == last.operations
        if not (within and _address(seen) == _address(last)):
            self.spun = 0.0
        elif spins:
            self.spun += elapsed
        self.confirmed = within and seen.wait == last.wait and (self.confirmed or spins)
        self.since_spin = 0.0 if spins else self.since_spin + elapsed
        self.since_sleep = 0.0 if sleeps else self.since_sleep + elapsed
        self.since_operation = self.since_operation + elapsed if within else 0.0

    def activity(self, recent: float) -> str:
        """What the CPU does, going by the last `recent` seconds: it need not have had a core in the last sample."""
        if self.confirmed and self.since_spin < recent:
            return waits.SPINS
        if self.since_operation < recent:
            return waits.GOES_ON
        return waits.SLEEPS if self.since_sleep < recent else waits.RUNS_ON


def _address(glance: _Glance) -> int | None:
    """The word that a CPU spun on last."""
    return None if glance.wait is None else glance.wait.address


class Watchdog:
    """Watches one machine; it has stalled when a CPU does nothing but spin for `stall_after` seconds."""

    def __init__(
        self,
        ram: Ram,
        programs: Sequence[str],
        stall_after: float,
        is_alive: Callable[[int], bool] = lambda number: True,
        clock: Callable[[], float] = clocks.monotonic,
    ) -> None:
        """Watch `ram`, whose CPU i runs the program named `programs[i]` on a thread of which `is_alive(i)` tells."""
        self._ram = ram
        self._programs = programs
        self._stall_after = stall_after
        self._is_alive = is_alive
        self._clock = clock
        self._watches = [_Watch() for _ in programs]
        self._sampled = clock()

    def _activity(self, number: int) -> str:
        """What CPU `number` does."""
        if not self._is_alive(number):
            return waits.ENDED
        return self._watches[number].activity(self._stall_after / 2)

    def _link(self, number: int) -> Link:
        """CPU `number` as part of a chain."""
        watch, activity = self._watches[number], self._activity(number)
        link = Link(number, self._programs[number], watch.last.operations, activity)
        return attrs.evolve(link, seconds=watch.spun, wait=watch.last.wait) if activity == waits.SPINS else link

    def links(self) -> list[Link]:
        """What every CPU does, as of the last sample."""
        return [self._link(number) for number in range(len(self._watches))]

    def _spinning(self, seconds: float) -> list[int]:
        """The CPUs that spin and have only spun for `seconds` or longer."""
        long = (number for number, watch in enumerate(self._watches) if watch.spun >= seconds)
        return [number for number in long if self._activity(number) == waits.SPINS]

    def suspects(self, seconds: float) -> bool:
        """Whether a CPU has only spun for `seconds` so far: too soon to call it a stall, too long to look away."""
        return bool(self._spinning(seconds))

    def _stall(self, first: int) -> Stall:
        """The stall that CPU `first` hangs in."""
        links = follow(first, self._link)
        chain = {link.cpu for link in links}
        return Stall(links, tuple(number for number in self._spinning(self._stall_after / 2) if number not in chain))

    def sample(self) -> Stall | None:
        """Look at every CPU; why the machine has stalled, seen from the CPU that spins longest, or None if all is well.

        A sample counts for half a second at most, so that a process that was suspended does not look stalled.
        """
        now = self._clock()
        elapsed, self._sampled = min(now - self._sampled, LONGEST_SAMPLE_SECONDS), now
        for watch, seen in zip(self._watches, _look(self._ram), strict=True):
            watch.sample(seen, elapsed)
        stalled = self._spinning(self._stall_after)
        return self._stall(max(stalled, key=lambda number: self._watches[number].spun)) if stalled else None
