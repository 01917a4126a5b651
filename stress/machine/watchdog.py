"""The watchdog: turns "no progress" into a named stall. Reads RAM from the thread that waits for the run's end."""

import time
from collections.abc import Sequence

import attrs

from stress.machine.ram import Ram
from stress.machine.words import OPERATIONS, SPINNING_ON, SPINS, holder_of, name_of

LONGEST_SAMPLE_SECONDS = 0.5


@attrs.frozen
class Stall:
    """One CPU that spun on one word too long without finishing an operation; `text` is one line for people."""

    cpu: int
    program: str
    operation: int
    spins_on: str
    held_by: int | None
    seconds: float

    @property
    def text(self) -> str:
        """Which CPU, program and operation spins on what, for how long, and who holds it."""
        holder = "" if self.held_by is None else f", held by CPU {self.held_by}"
        return (
            f"CPU {self.cpu} ({self.program}, operation {self.operation}) has spun on {self.spins_on}{holder} "
            f"for {self.seconds:.1f} s"
        )


@attrs.define
class _Watch:
    """What one CPU did at the last sample, and for how long it has only spun since."""

    operations: int = -1
    spinning_on: int = 0
    spins: int = 0
    seconds: float = 0.0

    def sample(self, operations: int, spinning_on: int, spins: int, elapsed: float) -> None:
        """Add `elapsed` if the CPU spun on the same word throughout; a CPU that did not run is not at fault."""
        same = (operations, spinning_on) == (self.operations, self.spinning_on)
        if not same:
            self.seconds = 0.0
        elif spins != self.spins:
            self.seconds += elapsed
        self.operations, self.spinning_on, self.spins = operations, spinning_on, spins


class Watchdog:
    """Watches one machine; a CPU that stands still for `stall_after` seconds while it spins has stalled."""

    def __init__(self, ram: Ram, programs: Sequence[str], stall_after: float) -> None:
        """Watch `ram`, whose CPU i runs the program named `programs[i]`."""
        self._ram = ram
        self._programs = programs
        self._stall_after = stall_after
        self._watches = [_Watch() for _ in programs]
        self._sampled = time.monotonic()

    def _stall(self, number: int, watch: _Watch) -> Stall:
        """What is known of a CPU that has stalled."""
        holder = holder_of(watch.spinning_on, self._ram.peek(watch.spinning_on))
        where = name_of(watch.spinning_on)
        return Stall(number, self._programs[number], watch.operations, where, holder, watch.seconds)

    def suspects(self, seconds: float) -> bool:
        """Whether a CPU has only spun for `seconds` so far: too soon to call it a stall, too long to look away."""
        return any(watch.seconds >= seconds and watch.spinning_on for watch in self._watches)

    def sample(self) -> list[Stall]:
        """Look at every CPU; the stalls found, none if all is well.

        A sample counts for half a second at most, so that a process that was suspended does not look stalled.
        """
        now = time.monotonic()
        elapsed, self._sampled = min(now - self._sampled, LONGEST_SAMPLE_SECONDS), now
        words = [self._ram.log_words(offset) for offset in (OPERATIONS, SPINNING_ON, SPINS)]
        for watch, [operations], [spinning_on], [spins] in zip(self._watches, *words, strict=True):
            watch.sample(operations, spinning_on, spins, elapsed)
        return [
            self._stall(number, watch)
            for number, watch in enumerate(self._watches)
            if watch.seconds >= self._stall_after and watch.spinning_on
        ]
