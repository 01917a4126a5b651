"""A pure-Python package with four planted bugs; all of it is right as long as one thread uses it."""

from __future__ import annotations

from collections.abc import Callable


class Lazy:
    """A value that is made when it is first asked for, and again once it was forgotten."""

    def __init__(self, make: Callable[[], object]) -> None:
        """Nothing is made yet."""
        self._make = make
        self._value: object = None

    def get(self) -> object:
        """The value. The bug: it may be forgotten between the look and the return, which is None then."""
        if self._value is None:
            self._value = self._make()
        return self._value

    def forget(self) -> None:
        """Make the next one anew."""
        self._value = None


class Shelf:
    """What was put there and is taken at most once."""

    def __init__(self) -> None:
        """Empty."""
        self._things: dict[int, object] = {}

    def put(self, key: int) -> None:
        """Put a thing there."""
        self._things[key] = key

    def take(self, key: int) -> object:
        """Take a thing, or None. The bug: another thread takes it between the look and the act, a KeyError."""
        if key in self._things:
            thing = self._things[key]
            del self._things[key]
            return thing
        return None


class Listeners:
    """Who is told of what happens."""

    def __init__(self) -> None:
        """A few are there from the start."""
        self._known: dict[int, int] = dict.fromkeys(range(8), 0)

    def tell(self) -> int:
        """How many were told. The bug: one that comes or goes meanwhile ends the loop with a RuntimeError."""
        told = 0
        for number in self._known:
            told += number >= 0
        return told

    def come(self, number: int) -> None:
        """Tell one more."""
        self._known[number] = 0

    def go(self, number: int) -> None:
        """Tell one less."""
        self._known.pop(number, None)


class Tickets:
    """Numbers, each of which is given out once."""

    def __init__(self) -> None:
        """From 1 on."""
        self._last = 0

    def draw(self) -> int:
        """The next number. The bug: two threads read the same last one, and get the same ticket."""
        self._last += 1
        return self._last
