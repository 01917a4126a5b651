"""What needs no test: a bad end that B has and A has not. A verdict is a fact, and not a figure that varies.

The two sides may expect different verdicts of one scenario. Then a violation or a stall in B is bad also where A alone
expects another verdict: otherwise a change could break a guarantee unseen if it also stops to expect it.
"""

from collections import Counter
from collections.abc import Iterable, Iterator

import attrs

from stress.judge.verdict import STALLED, VIOLATED
from stress.results.compare.pairing import Pair
from stress.results.load.entries import BROKEN, UNEXPECTED, Entry
from stress.safe_text import shown


@attrs.frozen
class Fact:
    """A bad way in which a cell ended in B and never in A; `again` is the command that runs the first of B's again.

    `expect` is what B expects, `expect_a` what A does. `seen_a` counts repeats of A that ended so because A expects it.
    """

    end: str
    expect: str
    seen: int
    repeats: tuple[int, int]
    again: str
    expect_a: str
    seen_a: int

    @property
    def text(self) -> str:
        """It in words."""
        a, b = self.repeats
        expect, expect_a = self.expect.upper(), self.expect_a.upper()
        expected = expect if expect == expect_a else f"{expect_a} in A, {expect} in B"
        in_a = f"in {self.seen_a or 'none'} of {a} in A"
        return f"{self.end.upper()} in {self.seen} of {b} in B, {in_a}; expected {expected}"


def expected(entries: Iterable[Entry]) -> tuple[str, ...]:
    """The verdicts that some repeats are to have: one, unless campaigns with different ones lie in one folder."""
    return tuple(sorted({entry.run.expect for entry in entries if entry.run is not None}))


def bad_end(entry: Entry, known: tuple[str, ...] = ()) -> str | None:
    """How an entry broke, or the verdict that it should not have got; None for one that is as expected.

    An inconclusive one is not as expected either, but says nothing of the code: it is left to a test. `known` are the
    verdicts that the other side expects; where it expects no violation, and no stall, either is bad.
    """
    unknown = bool(known) and entry.verdict in (VIOLATED, STALLED) and entry.verdict not in known
    return shown(entry.verdict) if entry.standing in (BROKEN, UNEXPECTED) or unknown else None


def facts_of(pair: Pair) -> tuple[Fact, ...]:
    """What B does and A does not, of a cell that both have."""
    return tuple(_facts(pair)) if pair.a else ()


def _facts(pair: Pair) -> Iterator[Fact]:
    """The same, of a cell that A has."""
    expect_a, expect_b = expected(pair.a), expected(pair.b)
    known = {bad_end(entry) for entry in pair.a}
    ends = Counter(end for entry in pair.b if (end := bad_end(entry, expect_a)) is not None)
    for end, seen in ends.items():
        if end not in known:
            yield Fact(
                end=end, expect=" or ".join(expect_b or expect_a) or "-", seen=seen, repeats=(len(pair.a), len(pair.b)),
                again=next(entry.again for entry in pair.b if bad_end(entry, expect_a) == end),
                expect_a=" or ".join(expect_a or expect_b) or "-",
                seen_a=sum(shown(entry.verdict) == end for entry in pair.a),
            )  # fmt: skip
