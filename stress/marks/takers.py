"""Who was last seen to take a lock without `with`: a `threading.Lock` does not know its owner, but noise sees the line.

Only lines and threads are noted while threads run. A look at a frame's locals there would undo, on Python 3.11, what
other threads store to them meanwhile. So a lock is known by its text in the source, and the report says no more.
"""

import dis
from collections import deque
from collections.abc import Iterable, Iterator
from functools import cache, partial
from threading import get_ident
from types import CodeType

import attrs

from stress.marks.expressions import acquired

MOST_TAKERS = 256


@attrs.frozen
class Taker:
    """A thread, by its ident, that came to a line which takes the lock `text`."""

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
    """The last visits of such lines, of all threads. They share it without a lock; a lost visit is only not told."""

    _visits: deque[tuple[int, CodeType, int]] = attrs.field(factory=partial(deque, maxlen=MOST_TAKERS))

    def event(self, code: CodeType, line: int) -> None:
        """Note a line that is reached."""
        if line in taking_lines(code):
            self._visits.append((get_ident(), code, line))

    def last(self, text: str, waiting: Iterable[int]) -> Taker | None:
        """Who was last seen to take the lock `text`. The last visit of each thread that waits for it is its wait."""
        still = set(waiting)
        for taker in self._latest_first():
            if taker.text == text:
                if taker.ident not in still:
                    return taker
                still.discard(taker.ident)
        return None

    def _latest_first(self) -> Iterator[Taker]:
        """The visits with the locks that they are about."""
        for ident, code, line in reversed(self._visits.copy()):
            yield from (Taker(ident, text, f"{code.co_filename}:{line}") for text in acquired(code, line))
