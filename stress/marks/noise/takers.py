"""Who was last seen to take a lock without `with`: a `threading.Lock` does not know its owner, but noise sees the line.

Only lines and threads are noted while threads run. A look at a frame's locals there would undo, on Python 3.11, what
other threads store to them meanwhile. So a lock is known by its text in the source, and the report says no more.
"""

import dis
from collections.abc import Iterator
from functools import cache, partial
from threading import get_ident
from types import CodeType

import attrs

from stress.marks.noise.expressions import acquired
from stress.marks.noise.last_switches import LastSwitches

MOST_TAKERS = 256


@attrs.frozen
class Taker:
    """A thread, by its ident, that took the lock `text`, and where."""

    ident: int
    text: str
    place: str


@cache
def taking_lines(code: CodeType) -> frozenset[int]:
    """The lines of a function that ask for an `acquire`."""
    if "acquire" not in code.co_names:
        return frozenset()
    asking = (one for one in dis.get_instructions(code) if one.argval == "acquire" and one.positions)
    return frozenset(one.positions.lineno for one in asking if one.positions and one.positions.lineno)


@attrs.define
class Takers:
    """Who took locks in such lines, of all threads. They share it without a lock; what is lost is only not told.

    A thread has taken the lock when it comes to its next line of that function. It has not released it yet, so that
    these are in the order in which the lock was taken, and no object is made here (`stress.marks.noise.last_switches`).
    """

    _taken: LastSwitches = attrs.field(factory=partial(LastSwitches, MOST_TAKERS))
    _codes: dict[int, CodeType] = attrs.field(factory=dict)
    _lines: dict[int, int] = attrs.field(factory=dict)

    def event(self, code: CodeType, line: int) -> None:
        """Note a line that is reached, in a function that takes locks."""
        ident = get_ident()
        asked = self._lines.pop(ident, line)
        if asked != line and self._codes.get(ident) is code:
            self._taken.note(ident, code, asked, True)
        if line in taking_lines(code):
            self._codes[ident], self._lines[ident] = code, line

    def last(self, text: str) -> Taker | None:
        """Who was last seen to take the lock `text`."""
        return next((taker for taker in self._latest_first() if taker.text == text), None)

    def _latest_first(self) -> Iterator[Taker]:
        """Who took which lock where."""
        for one in reversed(self._taken.copy()):
            where = f"{one.code.co_filename}:{one.at}"
            yield from (Taker(one.actor, text, where) for text in acquired(one.code, one.at))
