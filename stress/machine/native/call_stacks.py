"""Call stacks of compiled code as one number each, so that a CPU passes its stack on in a register.

Kernel code has no recursion, so a program has a finite number of stacks: some hundreds. Each function is given as many
numbers in a row as there are ways to call it. A caller passes on its own number plus a constant of the place of the
call; the sums of different callers do not meet. So a number says all: the function, and the line of each call that
leads to it (Ball and Larus number the paths through a function in the same way, MICRO 1996).
"""

from bisect import bisect_right
from collections.abc import Callable, Iterator, Mapping, Sequence
from types import CodeType

import attrs

from stress.machine.language import tree
from stress.machine.language.tree import Instance
from stress.machine.stacks import RawStack

ROOT = 1
"""The number of the one stack of a program's root; 0 is no stack."""

Call = tuple[tree.Call | tree.Method, Instance]
"""A place where a function calls another one, and that one."""


@attrs.frozen
class Caller:
    """A place that calls a function: its numbers of that function begin at `first`."""

    first: int
    instance: Instance
    line: int


@attrs.define
class CallStacks:
    """The numbers of the stacks of one program. `calls_in` gives the calls in a function."""

    calls_in: Callable[[Instance], Sequence[Call]]
    _first: dict[Instance, int] = attrs.field(factory=dict, repr=False)
    _callers: dict[Instance, list[Caller]] = attrs.field(factory=dict, repr=False)
    _offsets: dict[int, int] = attrs.field(factory=dict, repr=False)

    def number(self, root: Instance) -> None:
        """Give every function that `root` reaches its numbers, callers before those that they call."""
        ways, calls = {root: 1}, []
        order = list(self._callees_first(root, set()))[::-1]
        for instance in order:
            for node, called in self.calls_in(instance):
                calls.append((node, instance, called, ways.get(called, 0)))
                ways[called] = ways.get(called, 0) + ways[instance]
        self._give_numbers(order, ways)
        for node, instance, called, ways_before in calls:
            first = self._first[called] + ways_before
            self._callers.setdefault(called, []).append(Caller(first, instance, node.line))
            self._offsets[id(node)] = first - self._first[instance]

    def _give_numbers(self, order: Sequence[Instance], ways: Mapping[Instance, int]) -> None:
        """Give each function as many numbers as there are ways to call it, one function after the other."""
        following = ROOT
        for instance in order:
            self._first[instance] = following
            following += ways[instance]

    def _callees_first(self, instance: Instance, seen: set[Instance]) -> Iterator[Instance]:
        seen.add(instance)
        for _, called in self.calls_in(instance):
            if called not in seen:
                yield from self._callees_first(called, seen)
        yield instance

    def offset(self, node: tree.Call | tree.Method) -> int:
        """What a caller adds to its own number for the function that it calls at `node`."""
        return self._offsets[id(node)]

    def stack(self, number: int) -> RawStack:
        """The callers that a number stands for, innermost first; empty for a number that is none."""
        frames: list[tuple[CodeType, int]] = []
        instance = self._function_of(number)
        while instance in self._callers:
            callers = self._callers[instance]
            caller = callers[bisect_right([one.first for one in callers], number) - 1]
            code: CodeType = caller.instance.function.__code__
            frames.append((code, offset_of(code, caller.line)))
            number += self._first[caller.instance] - caller.first
            instance = caller.instance
        return tuple(frames)

    def _function_of(self, number: int) -> Instance | None:
        """The function to which a number belongs; None for 0."""
        found = [instance for instance, first in self._first.items() if ROOT <= first <= number]
        return found[-1] if found else None


def offset_of(code: CodeType, line: int) -> int:
    """The offset in bytes of the first instruction of a line, as stacks have it."""
    return next((start for start, _, of in code.co_lines() if of == line), 0)
