"""What the names of a kernel function stand for, as far as that is known before it runs."""

import ast
import builtins
import inspect
from collections.abc import Mapping
from functools import cache, cached_property
from types import FunctionType
from typing import Any

import attrs

from stress.machine.language.errors import KernelCodeError, refusal
from stress.machine.language.source import Definition
from stress.machine.language.tree import CpuKind, Kind
from stress.machine.seam import HARNESS_CODE, Cpu, KernelValue

FIELDS = ("base", "number", "area", "log")
"""The numbers that a CPU is made of; `base`, the address of RAM, is for compiled code only."""


class Unknown:
    """The value of a name that only a run knows: a word."""


UNKNOWN = Unknown()

KNOWN = CpuKind | FunctionType | KernelValue | str
"""What an argument may be that is no word."""


@attrs.frozen
class Step:
    """A step outside of the language, which an engine's own code may take: its name, its number of arguments.

    kind: the CPU that it gives, from a CPU; None: a word, or a truth.
    """

    name: str
    arguments: int
    is_truth: bool = False
    kind: CpuKind | None = None

    def __call__(self, *arguments: Any) -> Any:
        """Refuse: a step has a meaning only in compiled code."""
        raise TypeError(f"{self.name} is a step of compiled code")


@attrs.frozen
class Method:
    """A method of a CPU."""

    cpu: CpuKind
    name: str


@cache
def methods() -> Mapping[str, tuple[int, bool]]:
    """The methods of a CPU: how many arguments each takes, and whether it gives a word."""
    found = {name: value for name, value in inspect.getmembers(Cpu, inspect.isfunction) if not name.startswith("_")}
    signatures = {name: inspect.signature(function) for name, function in found.items()}
    return {name: (len(of.parameters) - 1, of.return_annotation is not None) for name, of in signatures.items()}


def parameters(file: str, node: ast.FunctionDef) -> list[str]:
    """The names of a function's parameters."""
    args = node.args
    if args.vararg or args.kwarg or args.kwonlyargs or args.posonlyargs:
        what, instead = "a parameter that is not a plain name", "give each parameter a name and a place"
        raise refusal(file, node.lineno, what, instead)
    return [argument.arg for argument in args.args]


class Names:
    """The names of one kernel function that is called with arguments of certain kinds."""

    def __init__(self, function: FunctionType, definition: Definition, kinds: tuple[Kind, ...]) -> None:
        """Bind the parameters, and find the names that are words."""
        self.function, self.definition, self.node = function, definition, definition.node
        self.file = function.__code__.co_filename
        self.parameters = parameters(self.file, self.node)
        self.known = self._bound(kinds)
        self.words = {name for name in self.parameters if name not in self.known}
        for stored in definition.stored:
            if stored.id in self.known:
                raise self.fault(stored, f"{stored.id} is a CPU or a function", "give the number another name")
            self.words.add(stored.id)

    def fault(self, node: ast.AST, what: str, instead: str) -> KernelCodeError:
        """The error for what stands at `node`."""
        return refusal(self.file, getattr(node, "lineno", self.node.lineno), what, instead)

    def _bound(self, kinds: tuple[Kind, ...]) -> dict[str, Any]:
        return {name: kind for name, kind in zip(self.parameters, kinds, strict=True) if kind is not None}

    @cached_property
    def _outer(self) -> Mapping[str, Any]:
        """The names that a function which was made inside of another one has of that one."""
        cells = self.function.__closure__ or ()
        return {name: cell.cell_contents for name, cell in zip(self.function.__code__.co_freevars, cells, strict=True)}

    def value_of(self, node: ast.expr) -> Any:
        """What an expression is known to be: a CPU, a function, a name, a module, ...; UNKNOWN for a word."""
        if isinstance(node, ast.Name):
            return self._value_of_name(node)
        if isinstance(node, ast.Attribute):
            return self._value_of_attribute(node)
        if isinstance(node, ast.Constant) and isinstance(node.value, str):
            return node.value
        if isinstance(node, ast.Call) and isinstance(step := self.value_of(node.func), Step) and step.kind:
            return step.kind
        return UNKNOWN

    def _value_of_name(self, node: ast.Name) -> Any:
        if node.id in self.words:
            return UNKNOWN
        for scope in (self.known, self._outer, self.function.__globals__, vars(builtins)):
            if node.id in scope:
                return scope[node.id]
        known = [*self.known, *self.words, *self.function.__globals__]
        raise self.fault(node, f"there is no name {node.id}{_nearest(node.id, known)}", "define or import it")

    def _value_of_attribute(self, node: ast.Attribute) -> Any:
        owner = self.value_of(node.value)
        if isinstance(owner, CpuKind):
            return self._of_cpu(node, owner)
        if owner is UNKNOWN or not hasattr(owner, node.attr):
            what = f"{ast.unparse(node.value)} has no {node.attr}"
            raise self.fault(
                node, what, "a word has no attributes" if owner is UNKNOWN else "define it or correct the name"
            )
        return getattr(owner, node.attr)

    def _of_cpu(self, node: ast.Attribute, cpu: CpuKind) -> Any:
        if node.attr in methods():
            return Method(cpu, node.attr)
        if node.attr in FIELDS[0 if self.function in HARNESS_CODE else 1 :]:
            return UNKNOWN
        near = _nearest(node.attr, [*methods(), *FIELDS[1:]])
        raise self.fault(node, f"a CPU has no {node.attr}{near}", "stress.machine.seam.Cpu lists what it has")


def _nearest(name: str, known: list[str]) -> str:
    """A question that names the known name that is most like `name`, if one is."""
    from difflib import get_close_matches

    near = get_close_matches(name, known, 1)
    return f" (did you mean {near[0]}?)" if near else ""
