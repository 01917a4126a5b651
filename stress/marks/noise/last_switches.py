"""The latest switches of threads, noted without an object that the garbage collector counts.

Noise runs at any line of the code under test, so also while it holds a lock. An object that the collector counts may
start a collection, and with it a finalizer, which may want that lock: code that is right would stall. So what happens
at an event makes numbers only, and neither a tuple nor a bound method.
"""

from itertools import count
from operator import itemgetter
from types import CodeType

import attrs

from stress.machine.stacks import line_of


@attrs.frozen
class Switch:
    """A row of yields by noise: who yielded, the code, and the line, or the instruction's offset in bytes.

    `actor` is the ident of the thread; for a task at an await the number of its CPU.
    """

    actor: int
    code: CodeType
    at: int
    is_line: bool

    @property
    def place(self) -> str:
        """The function and the line, for a report."""
        line = self.at if self.is_line else line_of(self.code, self.at)
        return f"{self.code.co_qualname} ({self.code.co_filename}:{line})"


class LastSwitches:
    """The latest switches, in columns. Threads share it without a lock: each takes a number, and writes in its row.

    A row that is read while it is written may mix two switches; it is only shown.
    """

    def __init__(self, most: int = 64) -> None:
        """Keep at most so many."""
        self._most = most
        self._numbers = count(1)
        self._since = 0
        self._rows: list[int] = [0] * most
        self._actors: list[int] = [0] * most
        self._codes: list[CodeType | None] = [None] * most
        self._places: list[int] = [0] * most

    def note(self, actor: int, code: CodeType, at: int, is_line: bool) -> None:
        """Note a switch; an offset is kept as a negative number."""
        number = next(self._numbers)
        row = number % self._most
        self._actors[row], self._codes[row], self._places[row] = actor, code, at if is_line else ~at
        self._rows[row] = number

    def clear(self) -> None:
        """Forget all so far."""
        self._since = next(self._numbers)

    def copy(self) -> list[Switch]:
        """Those since they were last forgotten, oldest first."""
        columns = zip(self._rows.copy(), self._actors.copy(), self._codes.copy(), self._places.copy(), strict=True)
        known = sorted((one for one in columns if one[0] > self._since), key=itemgetter(0))
        return [Switch(actor, code, max(at, ~at), at >= 0) for _, actor, code, at in known if code]
