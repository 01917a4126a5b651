"""Compares two campaigns: `kstress compare`, and a Python caller, come in here."""

import os
from collections.abc import Iterable, Iterator, Sequence
from enum import StrEnum
from pathlib import Path

import attrs

from stress.errors import UserError
from stress.results.compare.conditions import Condition, differing
from stress.results.compare.decision import decide, repeats_needed
from stress.results.compare.facts import Fact, facts_of
from stress.results.compare.figures import only_of
from stress.results.compare.inputs import read_side
from stress.results.compare.pairing import Pair, pair_up
from stress.results.compare.terms import Terms
from stress.results.compare.tested import Tested, tested
from stress.results.load.entries import EXPECTED, Source
from stress.safe_text import shown


class Standing(StrEnum):
    """How a figure of B stands to that of A."""

    WORSE = "worse"
    BETTER = "better"
    NOISE = "noise"
    UNTESTED = "not tested"


class Answer(StrEnum):
    """What a comparison comes to."""

    REGRESSION = "regression"
    CANNOT_TELL = "cannot tell"
    NO_REGRESSION = "no regression"


@attrs.frozen
class Compared:
    """A figure of a cell with what was decided: `p` is that over all tests together, None if it could not be tested.

    `needed` is how many repeats a side it takes to test it; None of a soak, which has none.
    """

    tested: Tested
    p: float | None
    level: float
    needed: int | None

    @property
    def standing(self) -> Standing:
        """WORSE or BETTER if B differs, NOISE if it need not, UNTESTED if nobody can tell."""
        if self.p is None:
            return Standing.UNTESTED
        if self.p > self.level:
            return Standing.NOISE
        return Standing.WORSE if self.tested.worse else Standing.BETTER


@attrs.frozen
class Cell:
    """One cell on both sides: facts, which need no test, and figures; `only_a` and `only_b` name what one side has."""

    pair: Pair
    facts: tuple[Fact, ...]
    compared: tuple[Compared, ...]
    only_a: tuple[str, ...]
    only_b: tuple[str, ...]

    @property
    def there(self) -> bool:
        """Whether both sides have it."""
        return bool(self.pair.a and self.pair.b)

    @property
    def missing(self) -> bool:
        """Whether B lacks it."""
        return not self.pair.b

    @property
    def worse(self) -> bool:
        """Whether it is a regression."""
        return bool(self.facts) or any(one.standing == Standing.WORSE for one in self.compared)

    @property
    def has_answer(self) -> bool:
        """Whether anything can be said of it: a fact, a test or, of soaks, the verdict that was expected."""
        if self.facts or any(one.standing != Standing.UNTESTED for one in self.compared):
            return True
        sides = (*self.pair.a, *self.pair.b)
        return self.there and self.pair.of_soak and all(entry.standing == EXPECTED for entry in sides)


@attrs.frozen(kw_only=True)
class Comparison:
    """The results of two campaigns, side by side. `needed` repeats a side are enough to test all but shares."""

    a: Source
    b: Source
    terms: Terms
    cells: tuple[Cell, ...]
    conditions: tuple[Condition, ...]
    needed: int

    def all(self, *standings: Standing) -> list[tuple[Cell, Compared]]:
        """Every figure that stands so, with its cell; those that are furthest apart first."""
        found = [(cell, one) for cell in self.cells for one in cell.compared if one.standing in standings]
        return sorted(found, key=lambda pair: pair[1].tested.distance, reverse=True)

    @property
    def regressions(self) -> int:
        """How many facts and figures are worse in B."""
        return sum(len(cell.facts) for cell in self.cells) + len(self.all(Standing.WORSE))

    @property
    def lost(self) -> int:
        """How many figures of A the same cells of B lack."""
        return sum(len(cell.only_a) for cell in self.cells)

    @property
    def untold(self) -> list[Cell]:
        """The cells of A of which nothing can be said; those that B lacks are among them."""
        return [cell for cell in self.cells if cell.pair.a and not cell.has_answer]

    @property
    def answer(self) -> Answer:
        """REGRESSION, CANNOT_TELL where nothing can be said of a cell of A, or of any at all, else NO_REGRESSION."""
        if self.regressions:
            return Answer.REGRESSION
        return Answer.CANNOT_TELL if self.untold or not any(cell.there for cell in self.cells) else Answer.NO_REGRESSION


def compare(a: Path, b: Path, terms: Terms | None = None) -> Comparison:
    """Compare two sides: each the run directory of a soak or sweep, a run-*.json file, or a folder of either.

    Raises:
        UserError: for what cannot be read, and for one side that is named twice.
    """
    if os.path.realpath(a) == os.path.realpath(b):
        raise UserError(f"{shown(a)} is named as A and as B, and is never worse than itself; name two")
    return compare_sources(read_side(a), read_side(b), terms or Terms())


def compare_sources(a: Source, b: Source, terms: Terms) -> Comparison:
    """The same, of what was read already."""
    pairs = pair_up(a, b)
    found = [tuple(tested(pair, terms)) for pair in pairs]
    cells = _cells(pairs, found, terms)
    return Comparison(
        a=a, b=b, terms=terms, cells=cells, conditions=differing((a, b), pairs),
        needed=repeats_needed(len(_testable(pairs, found)), terms.level),
    )  # fmt: skip


def _testable(pairs: Sequence[Pair], found: Sequence[tuple[Tested, ...]]) -> list[Tested]:
    """All figures but those of soaks: a soak is one run, and its turns are not repeats.

    They share a process and follow each other for hours, so that each is like the one before it. Taken for repeats, a
    thousand of them would find any drift of the host.
    """
    return [one for pair, several in zip(pairs, found, strict=True) for one in several if not pair.of_soak]


def _cells(pairs: Sequence[Pair], found: Sequence[tuple[Tested, ...]], terms: Terms) -> tuple[Cell, ...]:
    """Every cell, all of them decided on together."""
    testable = _testable(pairs, found)
    needed = (one.repeats_needed(len(testable), terms.level) for one in testable)
    decided = zip(decide([(one.p, one.least_p) for one in testable], terms.level), needed, strict=True)
    return tuple(
        _cell(pair, tuple(_compared(pair, several, decided, terms.level)))
        for pair, several in zip(pairs, found, strict=True)
    )


def _cell(pair: Pair, compared: tuple[Compared, ...]) -> Cell:
    """A cell; of one that a side lacks, no figure is missed."""
    lone = (only_of(pair.a, pair.b), only_of(pair.b, pair.a)) if pair.a and pair.b else ((), ())
    return Cell(pair, facts_of(pair), compared, *lone)


def _compared(
    pair: Pair, several: Iterable[Tested], decided: Iterator[tuple[float | None, int]], level: float
) -> Iterator[Compared]:
    """The figures of one cell with what was decided on each, in the order in which they were tested."""
    for one in several:
        p, needed = (None, None) if pair.of_soak else next(decided)
        yield Compared(one, p, level, needed)
