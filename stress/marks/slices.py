"""The slices of a run: which kind of noise comes next, and for how long."""

from collections.abc import Iterator, Sequence

import attrs

from stress.marks.switches import KINDS, Kind

SLICES = 20
SHORTEST_SECONDS = 0.01
LONGEST_SECONDS = 0.25


@attrs.define
class Slices:
    """All kinds in turn, at first for SHORTEST_SECONDS each, so that each has its turn soon, then for longer.

    A kind that has found something has a second turn in each cycle from then on.
    """

    duration_s: float
    kinds: Sequence[Kind] = KINDS
    _found: set[Kind] = attrs.field(init=False, factory=set)

    @property
    def longest(self) -> float:
        """The seconds of the longest slices."""
        return min(max(self.duration_s / SLICES, SHORTEST_SECONDS), LONGEST_SECONDS)

    def found(self, kind: Kind) -> None:
        """A slice of this kind has found something."""
        self._found.add(kind)

    def __iter__(self) -> Iterator[tuple[Kind, float]]:
        """The kind and the length in seconds of each slice, without end."""
        seconds = SHORTEST_SECONDS
        while True:
            for kind in (*self.kinds, *sorted(self._found, key=self.kinds.index)):
                yield kind, seconds
            seconds = min(2 * seconds, self.longest)
