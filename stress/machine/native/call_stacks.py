"""Call stacks of compiled code as one number each, so that a CPU passes its stack on in a register.

A function's calls are numbered in the order of its source, and a caller passes on `number * FACTOR + call`: a number is
a digest of the calls that lead to a function. What a function adds depends on nothing outside it, so programs share its
machine code. Kernel code has no recursion, so a program has a finite number of stacks, some hundreds; which one a
number stands for is looked up when a report asks for it.

A line whose own error ends an operation is numbered as a call is. Its number, below 0, is the status of the operation.
"""

from collections import deque
from collections.abc import Callable, Iterator, Mapping, Sequence
from functools import cached_property
from types import CodeType

import attrs

from stress.machine.language.tree import Instance
from stress.machine.stacks import RawStack

ROOT = 1
"""The number of the one stack of a program's root; 0 is no stack."""
FACTOR = 0x5851F42D
"""An odd number, so that no two numbers become one by it; large and without pattern, so that sums seldom meet."""
ERROR = -1 << 63
"""The bit that makes the number of an error of it, as a signed word."""
MOST_STACKS = 200_000
"""More than any program has, unless it is made for that; stacks beyond it, the deepest, are not shown."""


@attrs.frozen
class Error:
    """What is wrong with a line that ends an operation."""

    what: str


@attrs.frozen
class Place:
    """A line of a function that calls another one, or ends the operation."""

    line: int
    leads_to: Instance | Error


@attrs.frozen
class Site:
    """A line whose own error ended a program, and what the error is."""

    file: str
    line: int
    what: str


@attrs.frozen
class Step:
    """The last call of a stack: its place, the function that the place is in, and that function's own number."""

    outer: int
    instance: Instance
    place: Place


def inner_number(outer: int, ordinal: int, leads_to: Instance | Error) -> int:
    """What compiled code computes at a place of a function that has the number `outer`, as an unsigned word."""
    number = outer * FACTOR + ordinal
    return (number | ERROR if isinstance(leads_to, Error) else number) % (1 << 64)


@attrs.frozen
class CallStacks:
    """The stacks of the program that calls `root`. `places_in` gives the places in a function, in their order."""

    root: Instance
    places_in: Callable[[Instance], Sequence[Place]]

    def _steps(self) -> Iterator[tuple[int, Step]]:
        """Every number with its step, the shortest stacks first."""
        ahead = deque([(ROOT, self.root)])
        while ahead:
            outer, instance = ahead.popleft()
            for ordinal, place in enumerate(self.places_in(instance), 1):
                number = inner_number(outer, ordinal, place.leads_to)
                yield number, Step(outer, instance, place)
                if isinstance(place.leads_to, Instance):
                    ahead.append((number, place.leads_to))

    @cached_property
    def _known(self) -> Mapping[int, Step | None]:
        """The step of each number; None for a number that two stacks have: it is not known which one it was."""
        known: dict[int, Step | None] = {}
        for number, step in self._steps():
            if len(known) == MOST_STACKS:
                break
            known[number] = None if number in known else step
        return known

    def stack(self, number: int) -> RawStack:
        """The callers that a word stands for, innermost first; empty for a word that is the number of none."""
        frames: list[tuple[CodeType, int]] = []
        while step := self._known.get(number % (1 << 64)):
            code: CodeType = step.instance.function.__code__
            frames.append((code, offset_of(code, step.place.line)))
            number = step.outer
        return tuple(frames)

    def site(self, status: int) -> Site | None:
        """The line that ended a program with a status; None where no line did."""
        step = self._known.get(status % (1 << 64))
        if step is None or isinstance(step.place.leads_to, Instance):
            return None
        return Site(step.instance.file, step.place.line, step.place.leads_to.what)


def offset_of(code: CodeType, line: int) -> int:
    """The offset in bytes of the first instruction of a line, as stacks have it."""
    return next((start for start, _, of in code.co_lines() if of == line), 0)
