"""Expressions of kernel code as LLVM's text."""

from collections.abc import Callable, Mapping, Sequence
from typing import Protocol

from stress.machine.language import tree
from stress.machine.language.tree import Expression, Instance
from stress.machine.native import arithmetic
from stress.machine.native.call_stacks import ERROR, Error, Place
from stress.machine.native.compilation_units import Written
from stress.machine.native.steps_code import METHODS, NOTHING, STEPS
from stress.machine.native.writer import SELDOM, Writer

INNER = "%inner"
"""What the numbers of a function's places begin with (`call_stacks`)."""


class Surroundings(Protocol):
    """What the code of a function needs to know of others."""

    def written(self, instance: Instance) -> Written:
        """Another function."""

    def access(self, asked: tree.Method) -> Instance:
        """The function that does what a CPU is asked for."""

    def calls_in(self, instance: Instance) -> Mapping[int, Place]:
        """The places in a function that call another one, by the `id` of their nodes."""


class ExpressionCode(Writer):
    """Writes the expressions of one function. A word is an i64, a truth an i1.

    `called` is what it calls, by symbols; `places` is where it calls and where it may end, in the order of numbers.
    """

    locals: dict[str, str]
    """The slots of local names."""

    def __init__(self, of: Surroundings, instance: Instance) -> None:
        """Begin an empty body."""
        super().__init__()
        self.of, self.instance = of, instance
        self.called: dict[str, Written] = {}
        calls = of.calls_in(instance)
        self.places = list(calls.values())
        self._ordinals = {node: ordinal for ordinal, node in enumerate(calls, 1)}

    def throw(self, status: str) -> None:
        """End what is under way with a status."""
        raise NotImplementedError

    def word(self, node: Expression) -> str:
        """The value of an expression as a word."""
        found = self._any(node)
        if not node.is_truth:
            return found
        return str(int(found == "true")) if found in ("true", "false") else self.new(f"zext i1 {found} to i64")

    def truth(self, node: Expression) -> str:
        """The value of an expression as a truth."""
        found = self._any(node)
        return found if node.is_truth else self.new(f"icmp ne i64 {found}, 0")

    def _any(self, node: Expression) -> str:
        made: str = getattr(self, f"_on_{type(node).__name__.lower()}")(node)
        return made

    def branch(self, node: Expression, yes: str, no: str) -> None:
        """Go on at `yes` if an expression is true, else at `no`, without the value in between."""
        if isinstance(node, tree.Several):
            self._branch_several(node, yes, no)
        elif isinstance(node, tree.Not):
            self.branch(node.value, no, yes)
        elif isinstance(node, tree.Compare) and len(node.rest) > 1:
            self._branch_chain(node, yes, no)
        elif isinstance(node, tree.Intrinsic) and node.name == "unlikely":
            self.fork(self.truth(node.arguments[0]), yes, no, SELDOM)
        else:
            self.fork(self.truth(node), yes, no)

    def _branch_several(self, node: tree.Several, yes: str, no: str) -> None:
        *before, last = node.values
        for value in before:
            [following] = self.labels(1)
            self.branch(value, *((following, no) if node.every else (yes, following)))
            self.start(following)
        self.branch(last, yes, no)

    def _branch_chain(self, node: tree.Compare, yes: str, no: str) -> None:
        left = self.word(node.first)
        for at, (sign, value) in enumerate(node.rest, 1):
            right = self.word(value)
            [following] = [yes] if at == len(node.rest) else self.labels(1)
            self.fork(self._compared(sign, left, right), following, no)
            if at < len(node.rest):
                self.start(following)
            left = right

    def _compared(self, sign: str, left: str, right: str) -> str:
        return self.new(f"icmp {arithmetic.SIGNS[sign]} i64 {left}, {right}")

    def _chosen(self, test: Expression, values: Sequence[Callable[[], str]]) -> str:
        """The first value if a test is true, else the second; only that one is computed."""
        yes, no, end = self.labels(3)
        slot = self.new_slot()
        self.branch(test, yes, no)
        for label, value in zip((yes, no), values, strict=True):
            self.start(label)
            self.save(value(), slot)
            self.jump(end)
        self.start(end)
        return self.load(slot)

    def _by_branches(self, node: Expression) -> str:
        return self.new(f"trunc i64 {self._chosen(node, (lambda: '1', lambda: '0'))} to i1")

    def _on_constant(self, node: tree.Constant) -> str:
        return str(node.value)

    def _on_local(self, node: tree.Local) -> str:
        return self.load(self.locals[node.name])

    def _on_field(self, node: tree.Field) -> str:
        return f"%{node.name}"

    def _on_binary(self, node: tree.Binary) -> str:
        def refuse(bit: str, what: str) -> None:
            bad, good = self.labels(2)
            self.fork(bit, bad, good, SELDOM)
            self.start(bad)
            self.throw(self._error(node.line, what))
            self.start(good)

        left = self.word(node.left)
        return arithmetic.binary(self, refuse, node.operator, left, self.word(node.right))

    def _on_extreme(self, node: tree.Extreme) -> str:
        first, *others = [self.word(value) for value in node.values]
        for other in others:
            first = self.new(f"call i64 @llvm.s{node.name}.i64(i64 {first}, i64 {other})")
        return first

    def _on_compare(self, node: tree.Compare) -> str:
        if len(node.rest) > 1:
            return self._by_branches(node)
        [(sign, value)] = node.rest
        left = self.word(node.first)
        return self._compared(sign, left, self.word(value))

    def _on_not(self, node: tree.Not) -> str:
        return self.new(f"xor i1 {self.truth(node.value)}, true")

    def _on_several(self, node: tree.Several) -> str:
        return self._by_branches(node)

    def _on_istrue(self, node: tree.IsTrue) -> str:
        if isinstance(node.value, tree.Constant):
            return str(node.value.value != 0).lower()
        return self.truth(node.value)

    def _on_choose(self, node: tree.Choose) -> str:
        return self._chosen(node.test, (lambda: self.word(node.yes), lambda: self.word(node.no)))

    def _on_intrinsic(self, node: tree.Intrinsic) -> str:
        if node.name == "unlikely":
            return self.truth(node.arguments[0])
        return STEPS[node.name](self, *[self.word(value) for value in node.arguments])

    def _on_method(self, node: tree.Method) -> str:
        words = [self.word(value) for value in node.arguments]
        if node.name in METHODS:
            return METHODS[node.name](self, *words)
        return self._call(node, self.of.access(node), words)

    def _on_call(self, node: tree.Call) -> str:
        words = [self.word(value) for value in node.arguments]
        return self._call(node, node.instance, [words[node.places.index(place)] for place in range(len(words))])

    def _error(self, line: int, what: str) -> str:
        """The status of an error of a line: its number."""
        self.places.append(Place(line, Error(what)))
        return self.new(f"or i64 {self.new(f'add i64 {INNER}, {len(self.places)}')}, {ERROR}")

    def _call(self, node: tree.Call | tree.Method, instance: Instance, words: Sequence[str]) -> str:
        called = self.of.written(instance)
        self.called[called.symbol] = called
        own = list(called.own)
        if "%stack" in own:
            own[-1] = self.new(f"add i64 {INNER}, {self._ordinals[id(node)]}")
        given = [f"i64 {value}" for value in (*own, *words)]
        if not called.raises:
            return self.new(f"call i64 {called.symbol}({', '.join(given)})")
        slot = self.new_slot() if instance.has_value else "null"
        status = self.new(f"call i64 {called.symbol}({', '.join([*given, f'ptr {slot}'])})")
        bad, good = self.labels(2)
        self.fork(self.new(f"icmp ne i64 {status}, 0"), bad, good, SELDOM)
        self.start(bad)
        self.throw(status)
        self.start(good)
        return self.load(slot) if instance.has_value else NOTHING
