"""The turns of a task between two operations: it goes on at once, ahead of the others, or lets them have a step.

A task of asyncio goes on as long as its awaits do not wait. So a queue that is full, say, shows only if one task does
many operations in a row; in lockstep, one operation each, it is seldom full.
"""

from random import Random

import attrs

from stress.host import clocks
from stress.marks.noise.switches import AHEAD, Kind, NoiseCounts

MOST_AHEAD = 64
LONGEST_RUN_SECONDS = 0.001
"""How long a task begins operations ahead of the others, so that one that awaits nothing does not starve them."""


@attrs.define(eq=False)
class Turns:
    """The turns of one task, drawn from `random`, and counted in what the cell's noise did."""

    random: Random = attrs.field(factory=Random)
    counts: NoiseCounts = attrs.field(factory=NoiseCounts)
    _left: int = 0
    _until_ns: int = 0

    def goes_on(self, kind: Kind) -> bool:
        """Whether the task begins its next operation at once, in a slice of a kind, after it has ended one."""
        if self._left and clocks.monotonic_ns() < self._until_ns:
            self._left -= 1
            self.counts.ahead += 1
            return True
        ahead = AHEAD.get(kind)
        self._left = min(ahead.row(self.random), MOST_AHEAD) - 1 if ahead else 0
        self._until_ns = clocks.monotonic_ns() + int(LONGEST_RUN_SECONDS * 1e9)
        return False
