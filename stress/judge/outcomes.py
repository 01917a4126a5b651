"""The outcomes of a reader's operation, in the order in which the first that fits is taken."""

import enum
from collections.abc import Mapping

import attrs

from stress.kernel.held import CPU_RUNS
from stress.kernel.spinlock import LOCKED_WHILE_STOPPED, OWNED_WHILE_STOPPED
from stress.machine import words
from stress.machine.words import CAUSE_ENDLESS, CAUSE_WILD, MOST_OUTCOMES

FORBIDDEN = "forbidden"
ACCEPTABLE = "acceptable"
LAST_CODE = words.AFTER_FREE - 1
"""The last number that a scenario's own outcome may have."""


@attrs.frozen
class Outcome:
    """One outcome: its number in RAM (0 to 31), its name, its usual grade and what it means in a line."""

    code: int
    name: str
    grade: str
    meaning: str


class Code(enum.IntEnum):
    """The numbers under which kernel code returns outcomes; 0 is an operation that is not judged."""

    UNJUDGED = 0
    WILD = CAUSE_WILD
    ENDLESS = CAUSE_ENDLESS
    POISONED = 3
    TORN = 4
    ALIEN = 5
    FREED = 6
    MISSED = 7
    GARBLED = 8
    ABSENT = 9
    FOUND = 10
    LOCKED = LOCKED_WHILE_STOPPED
    OWNED = OWNED_WHILE_STOPPED
    RUNNING = CPU_RUNS
    GOING = 14
    MISCOUNTED = 15
    RIGHT = 16
    AFTER_FREE = words.AFTER_FREE
    OUT_OF_BOUNDS = words.OUT_OF_BOUNDS
    OVERWRITTEN = words.OVERWRITTEN


_MEANINGS = {
    Code.WILD: (FORBIDDEN, "followed a poisoned or bad pointer: a real CPU would have oopsed"),
    Code.ENDLESS: (FORBIDDEN, "walked further than any list is long"),
    Code.POISONED: (FORBIDDEN, "copied poison: the memory was freed"),
    Code.TORN: (FORBIDDEN, "copied a mix of two names"),
    Code.ALIEN: (FORBIDDEN, "copied the whole name of something else"),
    Code.FREED: (FORBIDDEN, "right answer, but read from freed memory"),
    Code.MISSED: (FORBIDDEN, "said absent, though the module was listed throughout"),
    Code.GARBLED: (FORBIDDEN, "copied anything else that is not the name"),
    Code.ABSENT: (ACCEPTABLE, "no module covers the address just now"),
    Code.FOUND: (ACCEPTABLE, "the whole right name, from live memory"),
}

_MORE = {
    Code.LOCKED: (FORBIDDEN, "took a spinlock while the machine was stopped"),
    Code.OWNED: (FORBIDDEN, "the machine was stopped while a spinlock had an owner"),
    Code.RUNNING: (FORBIDDEN, "changed the list while another CPU was not held"),
    Code.GOING: (FORBIDDEN, "found in a module that rmmod had marked GOING"),
    Code.MISCOUNTED: (FORBIDDEN, "stopped the machine another number of times"),
    Code.RIGHT: (ACCEPTABLE, "did what the claim says"),
}

_FOUND_BY_HARNESS = {
    Code.AFTER_FREE: (FORBIDDEN, "touched freed memory, whatever the operation returned"),
    Code.OUT_OF_BOUNDS: (FORBIDDEN, "touched a redzone: memory that no block was given"),
    Code.OVERWRITTEN: (FORBIDDEN, "memory was written to after its free: its poison is broken"),
}


def _outcome(code: Code, grade: str, meaning: str) -> Outcome:
    """The outcome of a code, called by its name."""
    return Outcome(int(code), code.name.lower(), grade, meaning)


OUTCOMES: Mapping[str, Outcome] = {code.name.lower(): _outcome(code, *_MEANINGS[code]) for code in _MEANINGS}
"""What a lookup can end in."""

MORE_OUTCOMES: Mapping[str, Outcome] = {code.name.lower(): _outcome(code, *_MORE[code]) for code in _MORE}
"""What scenarios that test something else than lookups add."""

FINDINGS: Mapping[str, Outcome] = {
    code.name.lower(): _outcome(code, *_FOUND_BY_HARNESS[code]) for code in _FOUND_BY_HARNESS
}
"""What the harness itself finds in operations of every kind, judged or not: every scenario has these."""


def with_findings(graded: Mapping[str, Outcome]) -> Mapping[str, Outcome]:
    """`graded` and `FINDINGS`.

    Raises:
        ValueError: when one of `graded` has the number or the name of a finding.
    """
    for name, outcome in graded.items():
        if outcome not in FINDINGS.values() and (outcome.code > LAST_CODE or {name, outcome.name} & set(FINDINGS)):
            raise ValueError(
                f"outcome {name!r} has code {outcome.code}; kstress itself uses the names {', '.join(FINDINGS)}"
                f" and the codes from {LAST_CODE + 1}: give another name and a code of 1 to {LAST_CODE}"
            )
    return {**graded, **FINDINGS}


def with_more(*names: str) -> Mapping[str, Outcome]:
    """A lookup's outcomes and those of `MORE_OUTCOMES` with these names."""
    return {**{name: MORE_OUTCOMES[name] for name in names}, **OUTCOMES}


def forbidden_mask(graded: Mapping[str, Outcome]) -> int:
    """A bit for every outcome number that is forbidden; a number that `graded` does not have is forbidden."""
    acceptable = sum(1 << outcome.code for outcome in graded.values() if outcome.grade == ACCEPTABLE)
    return ((1 << MOST_OUTCOMES) - 2) & ~acceptable
