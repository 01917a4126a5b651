"""The slices of a run: which kind of noise comes next, and for how long."""

from collections.abc import Iterator, Sequence

import attrs

from stress.marks.noise.switches import KINDS, Kind

SLICES = 20
FIRST = dict.fromkeys(Kind, 0.006) | {Kind.LINES: 0.003, Kind.AWAITS: 0.003, Kind.DELAYS: 0.012}
"""The seconds of the first slice of each kind: at lines most faults show at once, delays take some operations."""
GROWTH = 3
"""By how much the slices of a cycle are longer than those of the one before."""
LONGEST_SECONDS = 0.25
LEAST_LONGEST_SECONDS = 0.02


@attrs.define
class Slices:
    """All kinds in turn, in the first cycles for a short time: what one finds at once, the others need not wait for.

    A kind that has found something has a second turn in each cycle from then on.
    """

    duration_s: float
    kinds: Sequence[Kind] = KINDS
    _found: set[Kind] = attrs.field(init=False, factory=set)

    @property
    def longest(self) -> float:
        """The seconds of the longest slices."""
        return min(max(self.duration_s / SLICES, LEAST_LONGEST_SECONDS), LONGEST_SECONDS)

    def found(self, kind: Kind) -> None:
        """A slice of this kind has found something."""
        self._found.add(kind)

    def __iter__(self) -> Iterator[tuple[Kind, float]]:
        """The kind and the length in seconds of each slice, without end."""
        factor = 1.0
        while True:
            for kind in (*self.kinds, *sorted(self._found, key=self.kinds.index)):
                yield kind, min(FIRST[kind] * factor, self.longest)
            factor *= GROWTH
