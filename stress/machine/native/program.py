"""Whole programs as LLVM's text: their entry, and every function that they call, each written once."""

from collections.abc import Mapping, Sequence
from functools import cache
from typing import Any

import attrs

from stress.machine.features import Features
from stress.machine.language import tree
from stress.machine.language.errors import too_deep
from stress.machine.language.instances import INSTANCES, Instances
from stress.machine.language.tree import Function, Instance, Kind
from stress.machine.native import arithmetic
from stress.machine.native.call_stacks import ROOT, CallStacks, Place
from stress.machine.native.compilation_units import Written
from stress.machine.native.cpu import accesses_for
from stress.machine.native.function_code import CPU, FunctionCode
from stress.machine.native.machine_code import ENTRY
from stress.machine.native.steps_code import METHODS


@attrs.frozen
class Program:
    """What one call of a function needs: the texts of its units, the entry's first; the stacks that it may have."""

    units: Sequence[str]
    stacks: CallStacks


@attrs.define
class Library:
    """The functions of programs on their way into LLVM's text, each once.

    `features` are those of a CPU of which no more is known: what was checked for every engine is compiled for one.
    """

    features: Features | None = None
    instances: Instances = INSTANCES
    _written: dict[Instance, Written] = attrs.field(factory=dict, repr=False)
    _units: dict[str, tuple[str, Sequence[Written]]] = attrs.field(factory=dict, repr=False)

    def program(self, function: Function, *kinds: Kind) -> Program:
        """The program that calls one function: its entry stores the function's value at `out`, and returns a status.

        Raises:
            KernelCodeError: for anything that is not kernel code.
        """
        root = self.instances.root(function, *kinds)
        written = self.written(root)
        text, called = written.unit(_entry(written))
        units = {written.symbol: text}
        self._gather(called, units)
        return Program(list(units.values()), CallStacks(root, lambda one: self.written(one).places))

    def _gather(self, called: Sequence[Written], units: dict[str, str]) -> None:
        """Add the units that are called, and those that they call."""
        for one in called:
            if one.symbol not in units:
                if one.symbol not in self._units:
                    self._units[one.symbol] = one.unit()
                units[one.symbol], further = self._units[one.symbol]
                self._gather(further, units)

    def written(self, instance: Instance) -> Written:
        """A function as text, behind those that it calls."""
        if instance not in self._written:
            try:
                raises = self._may_raise(instance.body)
                self._written[instance] = FunctionCode(self, instance, raises).written()
            except RecursionError:
                raise too_deep(instance.function) from None
        return self._written[instance]

    def access(self, asked: tree.Method) -> Instance:
        """The function that does what a CPU is asked for."""
        function: Any = accesses_for(asked.cpu.features or self.features)[asked.name]
        return self.instances.root(function, asked.cpu, *[None] * len(asked.arguments))

    def calls_in(self, instance: Instance) -> Mapping[int, Place]:
        """The places in a function that call another one, by the `id` of their nodes."""
        found = {}
        for node in instance.nodes:
            if isinstance(node, tree.Call):
                found[id(node)] = Place(node.line, node.instance)
            elif isinstance(node, tree.Method) and node.name not in METHODS:
                found[id(node)] = Place(node.line, self.access(node))
        return found

    def _may_raise(self, found: Any) -> bool:
        """Whether code may end with an exception."""
        if isinstance(found, list | tuple):
            return any(map(self._may_raise, found))
        if isinstance(found, tree.Try):
            return self._may_raise(found.handler)
        if not isinstance(found, tree.Expression | tree.Statement):
            return False
        if isinstance(found, tree.Raise) or self._raises_itself(found):
            return True
        return any(self._may_raise(getattr(found, part)) for part in tree.parts_of(found))

    def _raises_itself(self, found: Any) -> bool:
        if isinstance(found, tree.Binary):
            return arithmetic.may_raise(found.operator, isinstance(found.right, tree.Constant))
        if isinstance(found, tree.Method) and found.name not in METHODS:
            return self.written(self.access(found)).raises
        return isinstance(found, tree.Call) and self.written(found.instance).raises


@cache
def library_for(features: Features) -> Library:
    """What this process has written for a CPU with `features`."""
    return Library(features)


def _entry(root: Written) -> str:
    """The one function that is called from outside, with a CPU's four numbers, `out`, and the words of the root."""
    parameters = ", ".join(f"i64 {name}" for name in (*CPU, "%out", *root.words))
    given = [f"i64 {ROOT if name == '%stack' else name}" for name in (*root.own, *root.words)]
    body = ["%pointer = inttoptr i64 %out to ptr", *_pass_on(root, given)]
    return "\n".join([f"define i64 @{ENTRY}({parameters}) nounwind {{", *body, "}", ""])


def _pass_on(root: Written, given: Sequence[str]) -> Sequence[str]:
    if root.raises:
        return [f"%status = call i64 {root.symbol}({', '.join([*given, 'ptr %pointer'])})", "ret i64 %status"]
    return [f"%value = call i64 {root.symbol}({', '.join(given)})", "store i64 %value, ptr %pointer", "ret i64 0"]
