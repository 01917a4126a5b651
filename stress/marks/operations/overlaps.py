"""Overlaps: which operations overlapped one of a writer, counted without a clock."""

import attrs


@attrs.define(eq=False)
class Overlaps:
    """Counts the operations of writers, to tell which operations overlapped one. One caller at a time."""

    _begun: int = 0
    _ended: int = 0

    def enter(self, writes: bool) -> int:
        """Begin an operation; the number of operations of writers so far, or -1 if one of them is under way."""
        seen = -1 if self._begun > self._ended else self._begun + writes
        self._begun += writes
        return seen

    def leave(self, writes: bool, seen: int) -> bool:
        """End an operation for which `enter` returned `seen`; whether it overlapped a writer's."""
        self._ended += writes
        return self._begun != seen
