"""A whole program as LLVM's text: its entry, and every function that it calls, each once."""

from collections.abc import Sequence
from typing import Any

import attrs

from stress.machine.features import Features
from stress.machine.language import tree
from stress.machine.language.errors import too_deep
from stress.machine.language.instances import INSTANCES, Instances
from stress.machine.language.tree import Function, Instance, Kind
from stress.machine.native import arithmetic
from stress.machine.native.call_stacks import ROOT, Call, CallStacks
from stress.machine.native.cpu import accesses_for
from stress.machine.native.function_code import CPU, FIRST_SITE, FunctionCode
from stress.machine.native.machine_code import ENTRY
from stress.machine.native.steps_code import DECLARATIONS, METHODS
from stress.machine.native.writer import plain


@attrs.frozen
class Site:
    """A line whose own error ends a program, and what the error is."""

    file: str
    line: int
    what: str


@attrs.define
class Program:
    """The functions of one program on their way into LLVM's text.

    `features` are those of a CPU of which no more is known: what was checked for every engine is compiled for one.
    """

    features: Features | None = None
    instances: Instances = INSTANCES
    sites: list[Site] = attrs.field(factory=list)
    """The lines that may fail, in the order of their statuses."""
    stacks: CallStacks = attrs.field(init=False)
    _texts: list[str] = attrs.field(factory=list, repr=False)
    _symbols: dict[Instance, tuple[str, bool]] = attrs.field(factory=dict, repr=False)

    def __attrs_post_init__(self) -> None:
        self.stacks = CallStacks(self.calls_in)

    def text(self, function: Function, *kinds: Kind) -> str:
        """The program that calls one function: its entry stores the function's value at `out`, and returns a status.

        Raises:
            KernelCodeError: for anything that is not kernel code.
        """
        root = self.instances.root(function, *kinds)
        self.stacks.number(root)
        symbol, raises = self.called(root)
        return "".join([*self._texts, _entry(root, symbol, raises), DECLARATIONS])

    def called(self, instance: Instance) -> tuple[str, bool]:
        """The symbol of a function, and whether it may raise; its text is written at the first call."""
        if instance not in self._symbols:
            try:
                self._write(instance)
            except RecursionError:
                raise too_deep(instance.function) from None
        return self._symbols[instance]

    def _write(self, instance: Instance) -> None:
        """Write a function's text, behind those of the functions that it calls."""
        raises = self._may_raise(instance.body)  # first: it gives symbols to the functions that are called
        symbol = f"@{plain(instance.name)}.{len(self._symbols)}"
        self._symbols[instance] = symbol, raises
        self._texts.append(FunctionCode(self, instance, raises).text(symbol))

    def access(self, asked: tree.Method) -> Instance:
        """The function that does what a CPU is asked for."""
        function: Any = accesses_for(asked.cpu.features or self.features)[asked.name]
        return self.instances.root(function, asked.cpu, *[None] * len(asked.arguments))

    def site(self, instance: Instance, line: int, what: str) -> int:
        """The status for an exception that a line of a function raises."""
        self.sites.append(Site(instance.file, line, what))
        return FIRST_SITE + len(self.sites) - 1

    def calls_in(self, instance: Instance) -> Sequence[Call]:
        """The places in a function that call another one."""
        found: list[Call] = []
        for node in instance.nodes:
            if isinstance(node, tree.Call):
                found.append((node, node.instance))
            elif isinstance(node, tree.Method) and node.name not in METHODS:
                found.append((node, self.access(node)))
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
            return self.called(self.access(found))[1]
        return isinstance(found, tree.Call) and self.called(found.instance)[1]


def _entry(root: Instance, symbol: str, raises: bool) -> str:
    """The one function that is called from outside, with a CPU's four numbers, `out`, and the words of the root."""
    words = [f"%p.{plain(name)}" for name in root.words]
    parameters = ", ".join(f"i64 {name}" for name in (*CPU, "%out", *words))
    given = ", ".join(f"i64 {name}" for name in (*CPU, str(ROOT), *words))
    return "\n".join([f"define i64 @{ENTRY}({parameters}) nounwind {{", *_pass_on(symbol, raises, given), "}", ""])


def _pass_on(symbol: str, raises: bool, given: str) -> Sequence[str]:
    pointer = "%pointer = inttoptr i64 %out to ptr"
    if raises:
        return [pointer, f"%status = call i64 {symbol}({given}, ptr %pointer)", "ret i64 %status"]
    return [f"%value = call i64 {symbol}({given})", pointer, "store i64 %value, ptr %pointer", "ret i64 0"]
