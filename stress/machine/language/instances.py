"""Kernel functions, translated: each once for each set of CPUs and functions that it is called with."""

import ast
from types import FunctionType

import attrs

from stress.machine.language.constructs import forbidden
from stress.machine.language.errors import KernelCodeError, is_own, refusal, too_deep, unmarked
from stress.machine.language.expressions import Expressions
from stress.machine.language.source import definition_of
from stress.machine.language.statements import Statements
from stress.machine.language.tree import CpuKind, Function, Instance, Kind
from stress.machine.seam import KERNEL_FUNCTIONS
from stress.units import counted

MOST_LEVELS = 100
"""Half of what Python's limit of recursion allows a compiler, which takes five frames a level."""


class Translation(Statements):
    """One function on its way into the tree."""

    def __init__(self, function: FunctionType, kinds: tuple[Kind, ...], instances: "Instances") -> None:
        """Translate and check the whole function, and all that it calls."""
        super().__init__(function, definition_of(function), kinds)
        self.instances = instances.called
        self.assigned, self.leaving = set(self.parameters), []
        self.body = self.block(self.node.body)
        if self.definition.levels > MOST_LEVELS:
            raise too_deep(function)
        for node in self.definition.changing:
            raise self.fault(node, *forbidden(node))
        self.has_value = self._check_returns()

    def _check_returns(self) -> bool:
        """Whether the function gives a number, on every way that ends. It must if it says so, or does on one way."""
        ends = self.definition.returns
        gives = any(node.value for node in ends)
        bare = next((node for node in ends if not node.value), None)
        if bare and gives:
            raise self.fault(
                bare, f"{self.function.__name__} returns a number elsewhere, and nothing here", "return a number"
            )
        says = self.node.returns is not None and ast.unparse(self.node.returns).strip("'") not in ("None", "NoReturn")
        if (gives or says) and (bare or self.assigned is not None):
            what = f"{self.function.__name__} may end without a number"
            raise self.fault(bare or self.node, what, "end it with a return")
        return gives or says


@attrs.define
class Instances:
    """The functions that were translated, by what they are called with."""

    _known: dict[tuple[Function, tuple[Kind, ...]], Instance | None] = attrs.field(init=False, factory=dict, repr=False)

    def root(self, function: Function, *kinds: Kind) -> Instance:
        """The instance of a function that nobody calls; `kinds` are those of its arguments.

        Raises:
            KernelCodeError: for the first thing in it, or in what it calls, that is not kernel code.
        """
        if not isinstance(function, FunctionType):
            raise KernelCodeError(f"{function!r} is not a function; define one with def, and mark it with @kernel")
        code = function.__code__
        if function not in KERNEL_FUNCTIONS:
            raise refusal(code.co_filename, code.co_firstlineno, *unmarked(function))
        if code.co_argcount != len(kinds):
            what = f"{function.__name__} has {counted(code.co_argcount, 'parameter')}"
            raise refusal(code.co_filename, code.co_firstlineno, what, f"give it {len(kinds)}")
        return self._instance(function, kinds)

    def called(self, function: FunctionType, kinds: tuple[Kind, ...], caller: Expressions, node: ast.Call) -> Instance:
        """The instance that a call at `node` in another function needs."""
        if self._known.get((function, kinds), self) is None:
            raise caller.fault(node, f"{function.__name__} calls itself", "write a loop")
        try:
            return self._instance(function, kinds)
        except KernelCodeError as error:
            # A function of kstress is right by itself: what its author's caller gives it is not.
            if not is_own(error.file) or is_own(caller.file):
                raise
            raise caller.fault(node, f"{function.__name__} is given what it cannot take", error.said) from None

    def _instance(self, function: FunctionType, kinds: tuple[Kind, ...]) -> Instance:
        key = (function, kinds)
        found = self._known.get(key)
        if found is None:
            self._known[key] = None
            try:
                found = self._known[key] = _translated(Translation(function, kinds, self), kinds)
            except RecursionError:
                # Where this takes too many frames itself, the caller's handler names the caller.
                raise too_deep(function) from None
            finally:
                if self._known[key] is None:
                    del self._known[key]
        return found


def _translated(of: Translation, kinds: tuple[Kind, ...]) -> Instance:
    words = [name for name, kind in zip(of.parameters, kinds, strict=True) if kind is None]
    return Instance(of.function, kinds, of.file, words, of.body, of.has_value)


CPU = CpuKind()
"""A CPU of which no more is known, as code is checked for every engine."""

INSTANCES = Instances()
"""What this process has translated: a function stays as it is, so it is translated once for all programs."""
