"""What needs no test: a bad end that B has and A has not. A verdict is a fact, and not a figure that varies."""

from collections import Counter
from collections.abc import Iterable

import attrs

from stress.results.compare.pairing import Pair
from stress.results.load.entries import BROKEN, UNEXPECTED, Entry
from stress.safe_text import shown


@attrs.frozen
class Fact:
    """A way in which a cell ended in B and never in A; `again` is the command that runs the first of B's again."""

    end: str
    expect: str
    seen: int
    repeats: tuple[int, int]
    again: str

    @property
    def text(self) -> str:
        """It in words."""
        a, b = self.repeats
        return f"{self.end.upper()} in {self.seen} of {b} in B, in none of {a} in A; expected {self.expect.upper()}"


def bad_end(entry: Entry) -> str | None:
    """How an entry broke, or the verdict that it should not have got; None for one that is as expected.

    An inconclusive one is not as expected either, but says nothing of the code: it is left to a test.
    """
    return shown(entry.verdict) if entry.standing in (BROKEN, UNEXPECTED) else None


def facts_of(pair: Pair) -> tuple[Fact, ...]:
    """What B does and A does not, of a cell that both have."""
    known, ends = _ends(pair.a), _ends(pair.b)
    expect = next((entry.run.expect for entry in (*pair.b, *pair.a) if entry.run), "-")
    return tuple(
        Fact(end, expect, count, (len(pair.a), len(pair.b)), _again(pair.b, end))
        for end, count in ends.items()
        if pair.a and end not in known
    )


def _ends(entries: Iterable[Entry]) -> Counter[str]:
    """How often each bad end was seen."""
    return Counter(end for entry in entries if (end := bad_end(entry)) is not None)


def _again(entries: Iterable[Entry], end: str) -> str:
    """The command that runs the first entry with this end again."""
    return next(entry.again for entry in entries if bad_end(entry) == end)
