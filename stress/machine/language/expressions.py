"""Expressions of kernel code, from Python's syntax tree to `tree`."""

import ast
from collections.abc import Callable, Sequence
from types import FunctionType
from typing import Any

from stress.machine.language import tree
from stress.machine.language.constructs import NO_OBJECTS, forbidden
from stress.machine.language.errors import KernelCodeError, is_own, refusal, unmarked
from stress.machine.language.names import FIELDS, KNOWN, UNKNOWN, Method, Names, Step, methods, parameters
from stress.machine.language.source import definition_of
from stress.machine.language.tree import CpuKind, Expression, Instance, Kind
from stress.machine.seam import CONSTANT_FUNCTIONS, HARNESS_CODE, KERNEL_FUNCTIONS
from stress.units import counted

BINARY = {
    ast.Add: "+",
    ast.Sub: "-",
    ast.Mult: "*",
    ast.BitAnd: "&",
    ast.BitOr: "|",
    ast.BitXor: "^",
    ast.LShift: "<<",
    ast.RShift: ">>",
    ast.FloorDiv: "//",
    ast.Mod: "%",
}
COMPARE = {ast.Eq: "==", ast.NotEq: "!=", ast.Lt: "<", ast.LtE: "<=", ast.Gt: ">", ast.GtE: ">="}
LEAST, MOST = -(1 << 63), (1 << 63) - 1
WORD_BITS = 64

Instances = Callable[[FunctionType, tuple[Kind, ...], "Expressions", ast.Call], Instance]


class Expressions(Names):
    """Translates the expressions of one function.

    `assigned` has the names that have a value here; None: no way leads here. `instances` gives the function for a call.
    """

    assigned: set[str] | None
    instances: Instances

    def word(self, node: ast.expr) -> Expression:
        """An expression whose value is used as a number."""
        found = self.any(node)
        if isinstance(found, tree.Call) and not found.instance.has_value:
            of = found.instance.function
            raise self._fault_of(node, of, f"{of.__name__} returns nothing", "return a number from it")
        if isinstance(found, tree.Method) and not methods()[found.name][1]:
            raise self.fault(node, f"cpu.{found.name} returns nothing", "use it as a statement")
        return found

    def any(self, node: ast.expr) -> Expression:
        """An expression, with a value or without one."""
        make = getattr(self, f"_on_{type(node).__name__.lower()}", None)
        if make is None:
            raise self.fault(node, *forbidden(node))
        found: Expression = make(node)
        return found

    def test(self, node: ast.expr) -> Expression:
        """An expression that is only asked whether it is true, so that `and` and `or` may join numbers."""
        if isinstance(node, ast.BoolOp):
            values = [self.test(value) for value in node.values]
            return tree.Several(node.lineno, isinstance(node.op, ast.And), values)
        if isinstance(node, ast.UnaryOp) and isinstance(node.op, ast.Not):
            return tree.Not(node.lineno, self.test(node.operand))
        return self.word(node)

    def _on_constant(self, node: ast.Constant) -> Expression:
        if isinstance(node.value, bool):
            return tree.IsTrue(node.lineno, tree.Constant(node.lineno, int(node.value)))
        if not isinstance(node.value, int):
            names = {"str": "a string", "float": "a float", "bytes": "bytes", "NoneType": "None"}
            kind = type(node.value).__name__
            raise self.fault(node, f"{names.get(kind, f'a {kind}')}, {ast.unparse(node)[:40]}", NO_OBJECTS)
        return self._number(node, node.value)

    def _number(self, node: ast.expr, value: int) -> Expression:
        if not LEAST <= value <= MOST:
            wrapped = (value - LEAST) % (1 << WORD_BITS) + LEAST
            what = f"{value:#x} does not fit into a signed 64-bit word"
            raise self.fault(node, what, f"write the word that you mean, for example {wrapped}")
        return tree.Constant(node.lineno, int(value))

    def _on_name(self, node: ast.Name) -> Expression:
        if node.id not in self.words:
            return self._known(node)
        if self.assigned is not None and node.id not in self.assigned:
            raise self.fault(node, f"{node.id} may have no value here", "assign it on every path to this line")
        return tree.Local(node.lineno, node.id)

    def _on_attribute(self, node: ast.Attribute) -> Expression:
        if self.value_of(node) is UNKNOWN and node.attr in FIELDS:
            return tree.Field(node.lineno, node.attr)
        return self._known(node)

    def _known(self, node: ast.expr) -> Expression:
        """A global name or an attribute that is a number."""
        value = self.value_of(node)
        if isinstance(value, bool):
            return tree.IsTrue(node.lineno, tree.Constant(node.lineno, int(value)))
        if isinstance(value, int):
            return self._number(node, int(value))
        names = {CpuKind: "a CPU", FunctionType: "a function", Method: "a function"}
        what = names.get(type(value), f"a {type(value).__name__}")
        raise self.fault(node, f"{ast.unparse(node)} is {what}, where a number is needed", NO_OBJECTS)

    def _on_unaryop(self, node: ast.UnaryOp) -> Expression:
        if isinstance(node.op, ast.Not):
            return tree.Not(node.lineno, self.test(node.operand))
        if isinstance(node.op, ast.USub) and isinstance(node.operand, ast.Constant):
            value = node.operand.value
            if isinstance(value, int) and not isinstance(value, bool):
                return self._number(node, -value)
        value_of = self.word(node.operand)
        if isinstance(node.op, ast.UAdd):
            return value_of
        zero = tree.Constant(node.lineno, 0 if isinstance(node.op, ast.USub) else -1)
        return tree.Binary(node.lineno, "-", zero, value_of)

    def _on_binop(self, node: ast.BinOp) -> Expression:
        return self.binary(node, node.op, self.word(node.left), self.word(node.right))

    def binary(
        self, node: ast.BinOp | ast.AugAssign, op: ast.operator, left: Expression, right: Expression
    ) -> Expression:
        """An operator on two words."""
        if type(op) not in BINARY:
            raise self.fault(node, *forbidden(op))
        sign = BINARY[type(op)]
        number = right.value if isinstance(right, tree.IsTrue) else right
        if isinstance(number, tree.Constant):
            self._check_operand(node, sign, number.value if number is right else int(number.value != 0))
        return tree.Binary(node.lineno, sign, left, right)

    def _check_operand(self, node: ast.AST, sign: str, value: int) -> None:
        if sign in ("//", "%") and value == 0:
            raise self.fault(node, f"{sign} 0", "divide by another number")
        if sign in ("<<", ">>") and not 0 <= value < WORD_BITS:
            raise self.fault(node, f"a shift by {value}", f"shift by 0 to {WORD_BITS - 1}")

    def _on_compare(self, node: ast.Compare) -> Expression:
        for op in node.ops:
            if type(op) not in COMPARE:
                raise self.fault(node, *forbidden(op))
        rest = [(COMPARE[type(op)], self.word(value)) for op, value in zip(node.ops, node.comparators, strict=True)]
        return tree.Compare(node.lineno, self.word(node.left), rest)

    def _on_boolop(self, node: ast.BoolOp) -> Expression:
        found = self.test(node)
        if not _is_truth_throughout(found):
            raise self.fault(
                node, "the result of `and` or `or`, used as a number", "write `x if x != 0 else y`, or compare each"
            )
        return found

    def _on_ifexp(self, node: ast.IfExp) -> Expression:
        return tree.Choose(node.lineno, self.test(node.test), self.word(node.body), self.word(node.orelse))

    def _on_call(self, node: ast.Call) -> Expression:
        called = self.value_of(node.func)
        if isinstance(called, Method):
            return self._method(node, called)
        if isinstance(called, Step):
            return self._step(node, called)
        if called in (min, max, int, bool):
            return self._builtin(node, called)
        if not isinstance(called, FunctionType):
            raise self.fault(
                node, f"{ast.unparse(node.func)} is not a kernel function", "call functions marked with @kernel"
            )
        if called in CONSTANT_FUNCTIONS:
            return self._constant(node, called)
        return self._function(node, called)

    def _constant(self, node: ast.Call, called: FunctionType) -> Expression:
        """The number that a function gives for what is known already."""
        values = [self.value_of(value) for value in self._plain_arguments(node, called.__code__.co_argcount)]
        if UNKNOWN in values:
            what = f"{called.__name__} of a word"
            raise self.fault(node, what, "give it what is known before the code runs: a name, a value, a function")
        return self._number(node, called(*values))

    def _builtin(self, node: ast.Call, called: Any) -> Expression:
        extreme = called in (min, max)
        if node.keywords or len(node.args) != 1 + extreme:
            raise self.fault(node, f"{called.__name__} with {len(node.args)} arguments", f"give it {1 + extreme}")
        if called is bool:
            return tree.IsTrue(node.lineno, self.test(node.args[0]))
        words = [self.word(value) for value in node.args]
        return tree.Extreme(node.lineno, called.__name__, words)

    def _plain_arguments(self, node: ast.Call, expected: int) -> Sequence[ast.expr]:
        if node.keywords or len(node.args) != expected:
            given = len(node.args) + len(node.keywords)
            raise self.fault(node, f"{ast.unparse(node.func)} gets {given} arguments", f"give it {expected}, by place")
        return node.args

    def _method(self, node: ast.Call, called: Method) -> Expression:
        words = [self.word(value) for value in self._plain_arguments(node, methods()[called.name][0])]
        return tree.Method(node.lineno, called.cpu, called.name, words)

    def _step(self, node: ast.Call, called: Step) -> Expression:
        if self.function not in HARNESS_CODE:
            what = f"{called.name} is a step of compiled code, which only an engine takes"
            raise self.fault(node, what, "stress.machine.seam.Cpu lists what a CPU does")
        values = self._plain_arguments(node, called.arguments)
        if called.is_truth:
            return tree.Intrinsic(node.lineno, called.name, [self.test(value) for value in values], gives_truth=True)
        return tree.Intrinsic(node.lineno, called.name, [self.word(value) for value in values])

    def _function(self, node: ast.Call, called: FunctionType) -> Expression:
        if called not in KERNEL_FUNCTIONS:
            raise self._fault_of(node, called, *unmarked(called))
        names = parameters(called.__code__.co_filename, definition_of(called).node)
        given = self._arguments(node, called, names)
        found = {name: self.value_of(value) if isinstance(value, ast.expr) else value for name, value in given.items()}
        known = {name: value for name, value in found.items() if isinstance(value, KNOWN)}
        places = [name for name in names if name not in known]
        words = {name: self._argument(node, name, value) for name, value in given.items() if name not in known}
        instance = self.instances(called, tuple(known.get(name) for name in names), self, node)
        return tree.Call(node.lineno, instance, list(words.values()), [places.index(name) for name in words])

    def _is_for_kstress(self, called: Any) -> bool:
        """Whether kstress's own code, which nobody else can change, calls a function of somebody: an operation."""
        return is_own(self.file) and not is_own(called.__code__.co_filename)

    def _fault_of(self, node: ast.AST, called: Any, what: str, instead: str) -> KernelCodeError:
        """The error for a function that is called at `node`: in its own line if its author has not written the call."""
        if self._is_for_kstress(called):
            return refusal(called.__code__.co_filename, called.__code__.co_firstlineno, what, instead)
        return self.fault(node, what, instead)

    def _argument(self, node: ast.Call, name: str, value: Any) -> Expression:
        """An argument that is a word; a default is a number already."""
        if isinstance(value, ast.expr):
            return self.word(value)
        if not isinstance(value, int):
            kind = type(value).__name__
            raise self.fault(node, f"{value!r:.40}, the default of {name}, is a {kind}", NO_OBJECTS)
        return self._number(node, int(value))

    def _arguments(self, node: ast.Call, called: FunctionType, names: Sequence[str]) -> dict[str, Any]:
        """The arguments of a call in the order in which they are evaluated; a default stands for itself."""
        defaults = dict(zip(reversed(names), reversed(called.__defaults__ or ()), strict=False))
        given = dict(zip(names, node.args, strict=False))
        named = {keyword.arg: keyword.value for keyword in node.keywords}
        missing = [name for name in names if name not in {*given, *named, *defaults}]
        if len(node.args) > len(names) or set(named) - set(names) or set(named) & set(given) or missing:
            what, instead = _mismatch(node, called, names, self._is_for_kstress(called))
            raise self._fault_of(node, called, what, instead)
        found: dict[str, Any] = {**given, **{name: value for name, value in named.items() if name}}
        return {**found, **{name: value for name, value in defaults.items() if name not in found}}


def _mismatch(node: ast.Call, called: FunctionType, names: Sequence[str], is_definitions: bool) -> tuple[str, str]:
    """What is said of a call whose arguments do not fit, and what to do: about the call, or about the definition."""
    if is_definitions:
        given = ", ".join(map(ast.unparse, node.args))
        return f"{called.__name__} has {counted(len(names), 'parameter')}", f"give it {len(node.args)}: ({given})"
    unknown = [f"**{ast.unparse(one.value)}" if one.arg is None else one.arg for one in node.keywords]
    unknown = [name for name in unknown if name not in names]
    if unknown:
        return f"{called.__name__} has no parameter {unknown[0]}", f"give it ({', '.join(names)})"
    count = len(node.args) + len(node.keywords)
    return f"{called.__name__} gets {counted(count, 'argument')}", f"give it ({', '.join(names)})"


def _is_truth_throughout(found: Expression) -> bool:
    """Whether an expression is a truth, and so is all that `and` and `or` join in it."""
    if isinstance(found, tree.Several):
        return all(map(_is_truth_throughout, found.values))
    return found.is_truth
