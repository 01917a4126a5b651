"""The outcomes of a reader's operation, in the order in which the first that fits is taken, and who has which code.

A code is a place among the counters in a CPU's log: 1 to 31, and 0 is not counted. `Code` allots those of the catalogue
from 1 up, `Outcome.table` those of a scenario's own from `LAST_CODE` down. The last three are what the harness itself
finds.
"""

import enum
from collections.abc import Iterable, Mapping

import attrs

from stress.machine import words
from stress.machine.words import MOST_OUTCOMES

FORBIDDEN = "forbidden"
ACCEPTABLE = "acceptable"
GRADES = (FORBIDDEN, ACCEPTABLE)
LAST_CODE = words.AFTER_FREE - 1
"""The greatest code that a scenario's own outcome may have."""


def _check_grade(outcome: "Outcome", attribute: object, grade: str) -> None:
    """Raise ValueError for a grade that does not exist."""
    if grade not in GRADES:
        raise ValueError(f"outcome {outcome.name!r} has the grade {grade!r}; give {' or '.join(GRADES)}")


def _check_graded(name: str, graded: object) -> None:
    """Raise ValueError for what is no grade with a meaning."""
    if not isinstance(graded, tuple | list) or list(map(type, graded)) != [str, str]:
        raise ValueError(f"outcome {name!r} is {graded!r:.60}; give {name}=(grade, meaning), both in quotes")


@attrs.frozen
class Outcome:
    """One outcome: its code (1 to 31), its name, its usual grade and what it means in a line.

    Raises:
        ValueError: for a grade that is not one of `GRADES`.
    """

    code: int
    name: str
    grade: str = attrs.field(validator=_check_grade)
    meaning: str

    @staticmethod
    def table(**own: tuple[str, str]) -> "Outcomes":
        """Outcomes of a scenario's own, each given as name=(grade, meaning); their codes are allotted.

        Kernel code returns the code of an outcome, `TABLE.name`.

        The same table has the same codes in every process. A name of the catalogue keeps its code there, and gets the
        grade and the meaning given here.

        Raises:
            ValueError: for what is no grade with a meaning, or more names than there are codes left.
        """
        for name, graded in own.items():
            _check_graded(name, graded)
        new = [name for name in own if name not in CATALOGUE]
        if len(new) > len(OWN_CODES):
            raise ValueError(f"{len(new)} outcomes of its own; a scenario may have {len(OWN_CODES)}")
        codes = dict(zip(new, OWN_CODES, strict=False))
        codes |= {name: CATALOGUE[name].code for name in own if name in CATALOGUE}
        return Outcomes((name, Outcome(codes[name], name, *graded)) for name, graded in own.items())


class Outcomes(dict[str, Outcome]):
    """Outcomes by name; the code of each is an attribute."""

    def __getattr__(self, name: str) -> int:
        """The code of the outcome of this name."""
        if name not in self:
            raise AttributeError(f"there is no outcome {name}")
        return self[name].code


@enum.unique
class Code(enum.IntEnum):
    """The codes of the catalogue, each with its usual grade and its meaning: kernel code returns the number."""

    grade: str
    meaning: str

    def __new__(cls, number: int, grade: str = "", meaning: str = "") -> "Code":
        """The number with its grade and meaning."""
        code = int.__new__(cls, number)
        code._value_, code.grade, code.meaning = number, grade, meaning
        return code

    UNJUDGED = 0
    """An operation that has nothing to judge; it is not counted."""

    # What a lookup can end in.
    WILD = words.CAUSE_WILD, FORBIDDEN, "followed a poisoned or bad pointer: a real CPU would have oopsed"
    ENDLESS = words.CAUSE_ENDLESS, FORBIDDEN, "walked further than any list is long"
    POISONED = 3, FORBIDDEN, "copied poison: the memory was freed"
    TORN = 4, FORBIDDEN, "copied a mix of two names"
    ALIEN = 5, FORBIDDEN, "copied the whole name of something else"
    FREED = 6, FORBIDDEN, "right answer, but read from freed memory"
    MISSED = 7, FORBIDDEN, "said absent, though the module was listed throughout"
    GARBLED = 8, FORBIDDEN, "copied anything else that is not the name"
    ABSENT = 9, ACCEPTABLE, "no module covers the address just now"
    FOUND = 10, ACCEPTABLE, "the whole right name, from live memory"

    # What scenarios that test something else than lookups add.
    LOCKED = words.LOCKED_WHILE_STOPPED, FORBIDDEN, "took a spinlock while the machine was stopped"
    OWNED = words.OWNED_WHILE_STOPPED, FORBIDDEN, "the machine was stopped while a spinlock had an owner"
    RUNNING = words.CPU_RUNS, FORBIDDEN, "changed the list while another CPU was not held"
    GOING = 14, FORBIDDEN, "found in a module that rmmod had marked GOING"
    MISCOUNTED = 15, FORBIDDEN, "stopped the machine the wrong number of times"
    RIGHT = 16, ACCEPTABLE, "did what the claim says"

    # What the harness finds in operations of every kind, judged or not.
    AFTER_FREE = words.AFTER_FREE, FORBIDDEN, "touched freed memory, whatever the operation returned"
    OUT_OF_BOUNDS = words.OUT_OF_BOUNDS, FORBIDDEN, "touched a redzone: memory that no block was given"
    OVERWRITTEN = words.OVERWRITTEN, FORBIDDEN, "memory was written to after its free: its poison is broken"


def _outcomes(codes: Iterable[Code]) -> dict[str, Outcome]:
    """The outcomes of some codes, by their names."""
    return {code.name.lower(): Outcome(int(code), code.name.lower(), code.grade, code.meaning) for code in codes}


OUTCOMES: Mapping[str, Outcome] = _outcomes(code for code in Code if Code.UNJUDGED < code <= Code.FOUND)
"""What a lookup can end in."""

MORE_OUTCOMES: Mapping[str, Outcome] = _outcomes(code for code in Code if Code.FOUND < code <= LAST_CODE)
"""What scenarios that test something else than lookups add."""

FINDINGS: Mapping[str, Outcome] = _outcomes(code for code in Code if code > LAST_CODE)
"""What the harness itself finds in operations of every kind, judged or not: every scenario has these."""

CATALOGUE = {**OUTCOMES, **MORE_OUTCOMES, **FINDINGS}
_TAKEN = {outcome.code: outcome.name for outcome in CATALOGUE.values()}
OWN_CODES = range(LAST_CODE, max(outcome.code for outcome in MORE_OUTCOMES.values()), -1)
"""The codes for scenarios' own outcomes, in the order in which they are allotted: the catalogue grows towards them."""


def with_findings(graded: Mapping[str, Outcome]) -> Mapping[str, Outcome]:
    """`graded`, and those of `FINDINGS` that it does not have."""
    return {**graded, **{name: outcome for name, outcome in FINDINGS.items() if name not in graded}}


def with_more(*names: str) -> Mapping[str, Outcome]:
    """A lookup's outcomes and those of `MORE_OUTCOMES` with these names."""
    return {**{name: MORE_OUTCOMES[name] for name in names}, **OUTCOMES}


def fault_of(graded: Mapping[str, Outcome]) -> str | None:
    """Why a scenario cannot have these outcomes, in one line; None if each has a code and a name of its own."""
    names: dict[int, str] = {}
    for name, outcome in graded.items():
        fault = _fault_of_kind(name, outcome) or _fault_of_code(outcome)
        if fault is None and outcome.code in names:
            fault = f"has code {outcome.code}, and so has {names[outcome.code]!r}; {_advice()}"
        if fault is not None:
            return f"outcome {name!r} {fault}"
        names[outcome.code] = name
    return None


def _fault_of_kind(name: object, outcome: object) -> str | None:
    """What is wrong with an outcome or its name; a table shows the name, and `[` is markup there."""
    if not isinstance(outcome, Outcome):
        return "is not an Outcome; give Outcome(code, name, grade, meaning)"
    if name != outcome.name:
        return f"calls itself {outcome.name!r}; give it one name"
    if not (isinstance(name, str) and name and name.isprintable()) or "[" in name:
        return "has a name that no table can show; use letters, digits and underscores"
    return None


def _fault_of_code(outcome: Outcome) -> str | None:
    """What is wrong with an outcome's code, or with the name that it has for it."""
    code, known = outcome.code, CATALOGUE.get(outcome.name)
    if not isinstance(code, int) or not 0 < code < MOST_OUTCOMES:
        return f"has code {code!r}, which does not exist; {_advice()}"
    if known is not None and known.code != code:
        return f"has code {code}, but this name has code {known.code} in every scenario; give it another name"
    if known is None and code in _TAKEN:
        return f"has code {code}, which is the code of {_TAKEN[code]!r} in every scenario; {_advice()}"
    if outcome.name in FINDINGS and outcome != known:
        return f"is what kstress itself finds, and is {known and known.grade}; give another name"
    return None


def _advice() -> str:
    """What to do about a code that is wrong."""
    return f"give a code of {OWN_CODES[-1]} to {OWN_CODES[0]}, or let Outcome.table() allot one"


def codes_of(graded: Mapping[str, Outcome]) -> Mapping[int, str]:
    """The names of the outcomes that there are, by their codes."""
    return {outcome.code: outcome.name for outcome in graded.values()}


def names_of(graded: Mapping[str, Outcome]) -> list[str]:
    """The name of every code, by the code; one that `graded` does not have is called by its number."""
    names = codes_of(graded)
    return [names.get(code, f"outcome {code}") for code in range(MOST_OUTCOMES)]


def forbidden_mask(graded: Mapping[str, Outcome]) -> int:
    """A bit for every outcome number that is forbidden; a number that `graded` does not have is forbidden."""
    acceptable = sum(1 << outcome.code for outcome in graded.values() if outcome.grade == ACCEPTABLE)
    return ((1 << MOST_OUTCOMES) - 2) & ~acceptable
