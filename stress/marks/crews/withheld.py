"""The CPU time that a busy host withholds from a run: its CPUs want a core, and other programs have it.

Linux says how long each thread has run and how long it has waited for a core. A body that sleeps, or waits for a lock,
waits for no core. But the CPUs of a run wait for each other too: on an idle host one of them runs whenever another one
waits. So all of them together have run at least as long as any one of them has wanted a core, unless others had it.
"""

import os
from collections.abc import Callable, Sequence

import attrs

from stress.host import clocks
from stress.machine.patience import process_seconds

CROWDED_PART = 0.5
"""With less than this part of the CPU time that it wanted, a run had a crowded host since the last sample."""
CROWDED_SAMPLES = 8
"""For how many samples more a host counts as crowded: in some kinds of slices a run does not see that it is."""
LINE_BYTES = 128
LITTLE_PART = 0.5
"""With less than this part of the CPU time that it should have, a run does not pass without a word."""


def wanted_seconds(thread: int) -> float:
    """For how long a thread of this process, given by its native id, has run or waited for a core; 0 if unknown."""
    try:
        handle = os.open(f"/proc/self/task/{thread}/schedstat", os.O_RDONLY)  # in a third of the time of a file object
        try:
            ran, waited, _ = os.read(handle, LINE_BYTES).split()
        finally:
            os.close(handle)
    except (OSError, ValueError):
        return 0.0
    return (int(ran) + int(waited)) / 1e9


@attrs.define
class Withheld:
    """What a host has withheld from `threads`, given by their native ids, of which `cores` can run at once.

    `seconds`: the time that was lost, of all `elapsed` since `begin`; between its making and that the threads must want
    no core. `ran`: the CPU time in seconds that this process had meanwhile, all its threads together. `is_crowded`:
    whether the threads had little of late.
    """

    threads: Sequence[int]
    cores: int
    wanted: Callable[[int], float] = wanted_seconds
    used: Callable[[], float | None] = lambda: process_seconds(os.getpid())
    clock: Callable[[], float] = clocks.monotonic
    seconds: float = attrs.field(init=False, default=0.0)
    elapsed: float = attrs.field(init=False, default=0.0)
    ran: float = attrs.field(init=False, default=0.0)
    _seen: list[float] = attrs.field(init=False)
    _used: float = attrs.field(init=False)
    _began: float = attrs.field(init=False)
    _crowded: int = attrs.field(init=False, default=0)

    def __attrs_post_init__(self) -> None:
        self._seen = self._look()
        self.begin()

    def begin(self) -> None:
        """Begin again, without a look at the threads, which takes as long as many a fault takes to show."""
        self._used, self._began = self.used() or 0.0, self.clock()

    def sample(self) -> None:
        """Add what has been lost since the last sample."""
        before, self._seen = self._seen, self._look()
        used, self._used = self._used, self.used() or 0.0
        self.elapsed = self.clock() - self._began
        ran = self._used - used
        self.ran += ran
        self._crowded = max(self._crowded - 1, 0)
        wanted, cores = self._least_wanted([now - early for now, early in zip(self._seen, before, strict=True)])
        if ran < CROWDED_PART * wanted:
            self._crowded = CROWDED_SAMPLES
            self.seconds += (wanted - ran) / cores

    @property
    def is_crowded(self) -> bool:
        """Whether other programs have had more of the cores of late than this run."""
        return self._crowded > 0

    def is_little(self, duration_s: float) -> bool:
        """Whether a run that should last so long had much less CPU time than that stands for, and lost most of its own.

        Of a run that ended early, it is the time that it lasted.
        """
        stands_for = min(self.elapsed, duration_s) * min(self.cores, len(self.threads))
        return self.seconds > self.elapsed / 2 and self.ran < LITTLE_PART * stands_for

    def _look(self) -> list[float]:
        """For how long each thread has wanted a core so far."""
        return [self.wanted(thread) for thread in self.threads]

    def _least_wanted(self, each: Sequence[float]) -> tuple[float, int]:
        """The least CPU time that the threads would have had on an idle host, and on how many cores at once.

        Some thread wants a core as long as any one does. Of threads that each want one, as many run as there are cores.
        """
        number, cores = len(each), min(self.cores, len(each))
        spread = sum(each) * cores / max(number, 1)
        longest = max(each, default=0.0)
        return (spread, cores) if spread > longest else (longest, 1)
