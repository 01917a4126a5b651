"""Faults of plain state: read, changed and written back in steps."""

import threading
from itertools import count

from benchmarks.peers.shapes.shape import RIGHT, THREADS, Guard, Shape


class Counter:
    """A number that each thread counts up a few times."""

    def __init__(self, guard: Guard) -> None:
        """At nothing."""
        self._guard, self.number = guard, 0

    def add(self) -> None:
        """Three more."""
        for _ in range(3):
            with self._guard:
                now = self.number
                self.number = now + 1


class Limiter:
    """At most two in a window: two threads see that it is over, and both begin the next one."""

    def __init__(self, guard: Guard) -> None:
        """In a window that is over."""
        self._guard, self._window, self._count = guard, 0, 2

    def ask(self) -> bool:
        """Whether one more may pass in window 1."""
        with self._guard:
            if self._window < 1:
                self._count = 0
                self._window = 1
            if self._count >= 2:
                return False
            self._count += 1
            return True


class Bars:
    """Progress bars: each takes the first line of the screen that no other one has."""

    def __init__(self, guard: Guard) -> None:
        """None on the screen."""
        self._guard, self._taken = guard, set[int]()

    def take(self) -> int:
        """A line of one's own."""
        with self._guard:
            line = next(one for one in count() if one not in self._taken)
            self._taken.add(line)
            return line


class Parser:
    """A parser whose settings are global: a parse sets them, and puts them back."""

    def __init__(self, guard: Guard) -> None:
        """Not strict."""
        self._guard, self._strict = guard, False

    def strictly(self) -> str:
        """Parse with other settings."""
        with self._guard:
            before, self._strict = self._strict, True
            seen = RIGHT if self._parse() == "strict" else "lax, though asked to be strict"
            self._strict = before
        return seen

    def laxly(self) -> str:
        """Parse with the usual settings."""
        with self._guard:
            return RIGHT if self._parse() == "lax" else "strict, though not asked to be"

    def _parse(self) -> str:
        """What the settings make of a text."""
        return "strict" if self._strict else "lax"


class Requests:
    """What a thread works on, by the thread's ident: a new thread gets the ident of one that has ended."""

    def __init__(self, guard: Guard) -> None:
        """No thread works. The mended form forgets what a thread works on before it ends."""
        self._forgets = isinstance(guard, type(threading.Lock()))
        self._current: dict[int, str] = {}

    def serve(self) -> str:
        """Serve one request on a thread of its own."""
        seen: list[str | None] = []
        thread = threading.Thread(target=self._work, args=(seen,))
        thread.start()
        thread.join()
        return RIGHT if seen == [None] else "the request of a thread that has ended"

    def _work(self, seen: list[str | None]) -> None:
        """Work on a request; nothing may be left of another one."""
        me = threading.get_ident()
        seen.append(self._current.get(me))
        self._current[me] = "request"
        if self._forgets:
            del self._current[me]


def all_counted(subject: Counter, returned: list[None]) -> str:
    """Whether no count is lost."""
    return RIGHT if subject.number == 3 * THREADS else f"{subject.number} counted"


def at_most_two(subject: Limiter, returned: list[bool]) -> str:
    """Whether at most two passed."""
    return RIGHT if sum(returned) <= 2 else f"{sum(returned)} passed"


def all_differ(subject: Bars, returned: list[int]) -> str:
    """Whether each bar has a line of its own."""
    return RIGHT if len(set(returned)) == THREADS else f"lines {returned}"


SHAPES = (
    Shape("counter", Counter, (Counter.add,), True, all_counted),
    Shape("rate limiter", Limiter, (Limiter.ask,), True, at_most_two),
    Shape("progress bars", Bars, (Bars.take,), True, all_differ),
    Shape("parser settings", Parser, (Parser.strictly, Parser.laxly, Parser.laxly, Parser.laxly)),
    Shape("thread's ident again", Requests, (Requests.serve,)),
)
