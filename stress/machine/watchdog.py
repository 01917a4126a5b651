"""The watchdog: turns "no progress" into a named stall. The main thread, which runs no CPU, calls it and reads RAM."""

from collections.abc import Callable, Sequence

import attrs

from stress.host import clocks
from stress.machine import waits, words
from stress.machine.ram import Ram
from stress.machine.waits import Link, Stall, Wait, follow, wait_on

LONGEST_SAMPLE_SECONDS = 0.5
CHANCE_SECONDS = 0.5
"""CPU time in which the CPU that is waited for would end the wait; for a short `stall_after`, a tenth of that."""
CHANCES = 3
"""Instead of CPU time: the samples in which it slept or finished an operation, each of which shows that it ran."""
LONGEST_DOUBT_SECONDS = 60.0
"""How long a stall may be suspected and not confirmed; then the slice ends and reports no stall."""
NEVER = float("inf")


@attrs.frozen
class _Glance:
    """One CPU's counters at one sample, and the wait of its last spin."""

    spins: int = 0
    wait: Wait | None = None
    operations: int = -1
    sleeps: int = 0


def _look(ram: Ram) -> list[_Glance]:
    """Read every CPU's counters.

    SPINS is read first: a CPU stores it after SPINNING_ON and after the count of operations before the spin. So a spin
    is never paired with an older word or an older operation. The holders of locks are read last.
    """
    offsets = (words.SPINS, words.SPINNING_ON, words.OPERATIONS, words.SLEEPS)
    columns = [[word for [word] in ram.log_words(offset)] for offset in offsets]
    return [
        _Glance(spins, wait_on(ram, spinning_on) if spins else None, operations, sleeps)
        for spins, spinning_on, operations, sleeps in zip(*columns, strict=True)
    ]


@attrs.define
class _Chance:
    """Whether a CPU that is waited for has had a core long enough to end the wait, since the stall was suspected."""

    used: float | None
    last: _Glance
    moved: int = 0
    had: bool = False
    since: float = 0.0

    def sample(self, used: float | None, seen: _Glance, enough: float, elapsed: float) -> float:
        """For how many sampled seconds it has had that, by its CPU time `used` and its counters; NEVER if unknown."""
        if self.used is None or used is None:
            return NEVER
        self.since += elapsed if self.had else 0.0
        self.moved += _counts(seen) != _counts(self.last)
        self.last = seen
        self.had = self.had or used - self.used >= enough or self.moved >= CHANCES
        return self.since


@attrs.define
class _Watch:
    """What one CPU has done so far. Times are sampled seconds.

    `spun` is the time for which it has only spun, on one word in one operation. `confirmed`: it has spun again since
    its wait (word and holder) last changed. That is needed because a spin that has just ended leaves its word behind,
    and the new holder of a lock may be the CPU that spun on it. `since_confirmed` is for how long that has been so. The
    other fields are the time since it last did that.
    """

    last: _Glance = _Glance()
    spun: float = 0.0
    confirmed: bool = False
    since_confirmed: float = 0.0
    since_spin: float = NEVER
    since_operation: float = NEVER
    since_sleep: float = NEVER

    def sample(self, seen: _Glance, elapsed: float) -> None:
        """Count a new look. A CPU that did not spin since the last look adds nothing: it may have had no core."""
        last, self.last = self.last, seen
        spins, sleeps = seen.spins != last.spins, seen.sleeps != last.sleeps
        within = seen.operations == last.operations
        if not (within and _address(seen) == _address(last)) or changed_hands(last.wait, seen.wait):
            self.spun = 0.0
        elif spins:
            self.spun += elapsed
        still = within and seen.wait == last.wait
        self.since_confirmed = self.since_confirmed + elapsed if still and self.confirmed else 0.0
        self.confirmed = still and (self.confirmed or spins)
        self.since_spin = 0.0 if spins else self.since_spin + elapsed
        self.since_sleep = 0.0 if sleeps else self.since_sleep + elapsed
        self.since_operation = self.since_operation + elapsed if within else 0.0

    def activity(self, recent: float) -> str:
        """What the CPU does, by the last `recent` seconds: it may have had no core in the very last sample."""
        if self.confirmed and self.since_spin < recent:
            return waits.SPINS
        if self.since_operation < recent:
            return waits.GOES_ON
        return waits.SLEEPS if self.since_sleep < recent else waits.RUNS_ON


def changed_hands(before: Wait | None, after: Wait | None) -> bool:
    """Whether a lock that was held is held by another CPU now: the machine goes on, though one CPU waits long."""
    holders = [wait.held_by for wait in (before, after) if wait and wait.held_by is not None]
    return len(holders) == 2 and holders[0] != holders[1]


def _counts(glance: _Glance) -> tuple[int, int, int]:
    """The counters that grow while a CPU runs."""
    return glance.operations, glance.sleeps, glance.spins


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
        cpu_seconds: Callable[[int], float | None] = lambda number: None,
    ) -> None:
        """Watch `ram`. CPU i runs the program named `programs[i]`; `is_alive(i)` says whether its thread runs.

        `cpu_seconds(i)` is the CPU time in seconds that the thread has used; None where the system does not say.
        """
        self._ram = ram
        self._programs = programs
        self._stall_after = stall_after
        self._is_alive = is_alive
        self._clock = clock
        self._cpu_seconds = cpu_seconds
        self._chances: dict[int, _Chance] = {}
        self._doubted = 0.0
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
        wait = watch.last.wait if activity == waits.SPINS else None
        return link.spinning(watch.spun, wait) if wait else link

    def links(self) -> list[Link]:
        """What every CPU does, as of the last sample."""
        return [self._link(number) for number in range(len(self._watches))]

    def _spinning(self, seconds: float) -> list[int]:
        """The CPUs that spin and have only spun for `seconds` or longer."""
        long = (number for number, watch in enumerate(self._watches) if watch.spun >= seconds)
        return [number for number in long if self._activity(number) == waits.SPINS]

    def suspects(self, seconds: float) -> bool:
        """Whether a CPU has only spun for `seconds` so far, and the stall is not in doubt for too long."""
        return self._doubted < LONGEST_DOUBT_SECONDS and bool(self._spinning(seconds))

    def _stall(self, first: int) -> Stall:
        """The stall that CPU `first` hangs in."""
        links = follow(first, self._link)
        chain = {link.cpu for link in links}
        return Stall(links, tuple(number for number in self._spinning(self._stall_after / 2) if number not in chain))

    def sample(self) -> Stall | None:
        """Look at every CPU; the stall, from the CPU that spins longest, or None if the machine has not stalled.

        A sample counts for half a second at most, so that a process that was suspended does not look stalled.
        """
        now = self._clock()
        elapsed, self._sampled = min(now - self._sampled, LONGEST_SAMPLE_SECONDS), now
        for watch, seen in zip(self._watches, _look(self._ram), strict=True):
            watch.sample(seen, elapsed)
        stalled = self._spinning(self._stall_after)
        if not stalled:
            self._chances.clear()
            self._doubted = 0.0
            return None
        stall = self._stall(max(stalled, key=lambda number: self._watches[number].spun))
        if self._had_chances(stall, elapsed):
            return stall
        self._doubted += elapsed
        return None

    def _had_chances(self, stall: Stall, elapsed: float) -> bool:
        """Whether every CPU that could end a wait has had a core, and whoever waits for it has looked again since.

        A CPU that got no core is not at fault. One that had its chance may have ended the wait: who waits for it sees
        that only with a core of its own.
        """
        waits_for = {link.cpu: self._waited_for(link) for link in stall.links}
        numbers = set[int]().union(*waits_for.values())
        since = {number: self._since_chance(number, elapsed) for number in numbers}  # of all: each is counted
        spins = {number: self._watches[number].since_spin for number in waits_for}
        return all(spins[number] < since[other] for number, others in waits_for.items() for other in others)

    def _waited_for(self, link: Link) -> set[int]:
        """The CPUs that could end a CPU's wait: all others if any CPU may store the word; none if it does not spin."""
        if link.activity != waits.SPINS:
            return set()
        return set(range(len(self._watches))) - {link.cpu} if link.waits_for is None else {link.waits_for}

    def _since_chance(self, number: int, elapsed: float) -> float:
        """For how long, in sampled seconds, CPU `number` has had its chance; 0 if it had none, or just now.

        A CPU that spins has a core, and has its chance when its wait is confirmed. One whose thread is gone ends no
        wait.
        """
        activity = self._activity(number)
        if activity == waits.ENDED:
            return NEVER
        if activity == waits.SPINS:
            return self._watches[number].since_confirmed
        used, seen = self._cpu_seconds(number), self._watches[number].last
        chance = self._chances.setdefault(number, _Chance(used, seen))
        return chance.sample(used, seen, min(CHANCE_SECONDS, self._stall_after / 10), elapsed)
