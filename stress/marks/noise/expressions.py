"""Reads in the source of a frame: the lock that it waits for, the locks whose `with` blocks it is in, and its timeout.

Python keeps no list of a thread's locks, a `threading.Lock` does not know its owner, and nobody can ask a call how long
it waits; the source shows all three. No code under test is called to look up its objects.
"""

import ast
import asyncio
import dis
import linecache
import sys
import threading
import types
from collections.abc import Iterator
from functools import lru_cache
from inspect import getattr_static
from types import CodeType, FrameType

import attrs

Span = tuple[int | None, int | None, int | None, int | None]
LOCKS = (type(threading.Lock()), type(threading.RLock()), asyncio.Lock)
CONDITIONS = (threading.Condition, asyncio.Condition)
ANYIO_LOCKS = ("Lock", "LockAdapter")
"""The classes of anyio's locks: the second is of one that is made where no event loop runs."""
WITHS = (ast.With, ast.AsyncWith)
ENTERING = ("BEFORE_WITH", "BEFORE_ASYNC_WITH")
UNNAMED = {
    ast.Lambda: "<lambda>",
    ast.GeneratorExp: "<genexpr>",
    ast.ListComp: "<listcomp>",
    ast.SetComp: "<setcomp>",
    ast.DictComp: "<dictcomp>",
}
"""The functions that have no name, by the name of their code; comprehensions are none from Python 3.12 on."""
INLINED = () if sys.version_info < (3, 12) else (ast.ListComp, ast.SetComp, ast.DictComp)
FUNCTIONS = (ast.FunctionDef, ast.AsyncFunctionDef, *(kind for kind in UNNAMED if kind not in INLINED))
ENDS_AT = {"sleep": 0, "join": 0, "acquire": 1, "get": 1}
"""Calls that wait in C code, and the place of the timeout among the arguments of each."""
PATIENT = {"blocking": ("True", "1"), "timeout": ("-1",)}
"""The parameters of `acquire` in their order, each with the arguments that make it wait until it has the lock."""
KEEPERS = frozenset({"locals", "vars", "f_locals"})
"""What a function that holds the dict of its variables has in its source, for pytest adds more to its code."""
NOTHING = object()


@attrs.frozen
class Named:
    """An expression of the source, its place and its value; `value` is NOTHING if it cannot be looked up.

    `may_give_up`: who waits for it may go on without it.
    """

    text: str
    file: str
    line: int
    value: object
    may_give_up: bool = False

    @property
    def lock(self) -> object | None:
        """The value if it is a lock, or the lock of a condition; None for anything else."""
        is_condition = isinstance(self.value, CONDITIONS) or is_of_anyio(self.value, "Condition")
        value = _stored(self.value, "_lock") if is_condition else self.value
        return value if isinstance(value, LOCKS) or is_of_anyio(value, *ANYIO_LOCKS) else None

    @property
    def place(self) -> str:
        """Its file and line."""
        return f"{self.file}:{self.line}"


def acquired(code: CodeType, line: int) -> list[str]:
    """The expressions of which a line of a function calls `acquire`."""
    called = (node.func for node in _own_nodes(code) if isinstance(node, ast.Call))
    named = (one for one in called if isinstance(one, ast.Attribute) and one.attr == "acquire")
    return [ast.unparse(one.value) for one in named if one.lineno <= line <= (one.end_lineno or 0)]


def is_of_anyio(value: object, *names: str) -> bool:
    """Whether a value is of a class with one of these names in anyio, which need not be installed."""
    return type(value).__name__ in names and type(value).__module__.partition(".")[0] == "anyio"


def wanted(frame: FrameType) -> Named | None:
    """The expression that a function enters or acquires now, or awaits to; None if it does neither."""
    here = _position(frame)
    for node in _own_nodes(frame.f_code):
        if isinstance(node, WITHS) and (item := _entered(node, here, frame)):
            return _named(item, frame)
        called = node.value if isinstance(node, ast.Await) else node
        if isinstance(called, ast.Call) and _is_at(node, here) and isinstance(called.func, ast.Attribute):
            named = _named(called.func.value, frame) if called.func.attr in ("acquire", "__enter__") else None
            return attrs.evolve(named, may_give_up=may_give_up(called)) if named else None
    return None


def may_give_up(call: ast.Call) -> bool:
    """Whether an `acquire` may end without the lock: its arguments do not say that it waits for as long as it takes."""
    given = dict(zip(PATIENT, call.args, strict=False)) | {one.arg or "": one.value for one in call.keywords}
    return len(call.args) > len(PATIENT) or any(
        ast.unparse(one) not in PATIENT.get(name, ()) for name, one in given.items()
    )


def timeout(frame: FrameType) -> float | None:
    """The timeout in seconds of the call that a function is in; None if it has none, or the source does not show it."""
    here = _position(frame)
    calls = (node for node in _own_nodes(frame.f_code) if isinstance(node, ast.Call) and _is_at(node, here))
    given = next(map(_timeout_given, calls), None)
    is_readable = isinstance(given, ast.Constant) or not _keeps_its_names(frame.f_code)
    seconds = _value(given, frame) if given and is_readable else NOTHING
    # by its very type: one of the code under test may compare itself as it likes
    return float(seconds) if type(seconds) in (int, float) and seconds >= 0 else None  # type: ignore[arg-type,operator]


def _keeps_its_names(code: CodeType) -> bool:
    """Whether a function may hold the dict of its variables: until Python 3.12 a look at them changes that dict."""
    names = (getattr(node, "id", None) or getattr(node, "attr", None) for node in _own_nodes(code))
    return sys.version_info < (3, 13) and not KEEPERS.isdisjoint(names)


def _timeout_given(call: ast.Call) -> ast.expr | None:
    """The argument of a call that is its timeout, as functions of Python's library that wait have it."""
    name = call.func.attr if isinstance(call.func, ast.Attribute) else getattr(call.func, "id", "")
    named = (one.value for one in call.keywords if one.arg == "timeout")
    place = ENDS_AT.get(name, len(call.args))
    return next(named, call.args[place] if place < len(call.args) else None)


def held(frame: FrameType) -> Iterator[Named]:
    """The expressions of the `with` blocks that a frame is inside of, outermost first."""
    here = _position(frame)
    for node in _own_nodes(frame.f_code):
        if not isinstance(node, WITHS):
            continue
        if entered := _entered(node, here, frame):
            exprs = [item.context_expr for item in node.items]
            yield from (_named(expr, frame) for expr in exprs[: exprs.index(entered)])
        elif node.body[0].lineno <= frame.f_lineno <= (node.body[-1].end_lineno or 0):
            yield from (_named(item.context_expr, frame) for item in node.items)


def _position(frame: FrameType) -> Span:
    """The place in the source, in lines and columns, of the instruction that a frame is at."""
    return list(frame.f_code.co_positions())[frame.f_lasti // 2]


def _span(node: ast.AST) -> Span:
    """The place in the source of a node."""
    line, column = getattr(node, "lineno", None), getattr(node, "col_offset", None)
    return line, getattr(node, "end_lineno", None), column, getattr(node, "end_col_offset", None)


def _is_at(node: ast.AST, here: Span) -> bool:
    """Whether an instruction belongs to a node; a call of a method begins at its name where that is on a new line."""
    line, end_line, column, end_column = _span(node)
    if isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute) and node.func.end_lineno != line:
        line, column = node.func.end_lineno, (node.func.end_col_offset or 0) - len(node.func.attr.encode())
    return here in (_span(node), (line, end_line, column, end_column))


def _entered(node: ast.With | ast.AsyncWith, here: Span, frame: FrameType) -> ast.expr | None:
    """The expression of a `with` that a frame enters; until Python 3.12 the place is that of the whole statement."""
    exprs = [item.context_expr for item in node.items]
    if _span(node) == here:
        return exprs[min(_times_entered(frame.f_code, here, frame.f_lasti), len(exprs)) - 1]
    return next((expr for expr in exprs if _span(expr) == here), None)


def _times_entered(code: CodeType, here: Span, last: int) -> int:
    """The number of instructions of a `with` at `here`, up to the offset `last`, that enter a context."""
    entering = (one for one in dis.get_instructions(code) if one.opname in ENTERING and one.offset <= last)
    return sum(one.positions is not None and tuple(one.positions) == here for one in entering)


@lru_cache(maxsize=32)
def _functions(file: str) -> dict[tuple[str, int], list[ast.AST]]:
    """The nodes of each function of a file, by its name and its first line; empty if there is no source."""
    try:
        tree = ast.parse("".join(linecache.getlines(file)))
    except (SyntaxError, ValueError):
        return {}
    found: dict[tuple[str, int], list[ast.AST]] = {}
    for node in ast.walk(tree):
        # Several lambdas of one line are one here: their nodes have places of their own.
        if isinstance(node, FUNCTIONS):
            found.setdefault(_name_and_line(node), []).extend(_within(node))
    return found


def _name_and_line(node: ast.AST) -> tuple[str, int]:
    """The name and first line of a function's code object; the first line is that of its first decorator."""
    if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
        return node.name, min([node.lineno, *(one.lineno for one in node.decorator_list)])
    return UNNAMED[type(node)], getattr(node, "lineno", 0)


def _own_nodes(code: CodeType) -> list[ast.AST]:
    """The nodes of a function, without those of the functions that it defines."""
    return _functions(code.co_filename).get((code.co_name, code.co_firstlineno), [])


def _within(node: ast.AST) -> list[ast.AST]:
    """All nodes below a node, without those of functions, which have frames of their own; each before those below it.

    Without recursion: expressions may be as deep as Python's own parser takes them.
    """
    found: list[ast.AST] = []
    left = [node]
    while left:
        one = left.pop()
        found.append(one)
        children = [child for child in ast.iter_child_nodes(one) if not isinstance(child, FUNCTIONS)]
        left.extend(reversed(children))
    return found[1:]


def _named(expr: ast.expr, frame: FrameType) -> Named:
    """An expression with its place and its value in a frame."""
    file = frame.f_code.co_filename
    return Named(ast.unparse(expr), file, expr.lineno, _value(expr, frame))


def _value(expr: ast.expr, frame: FrameType) -> object:
    """The value of a name, of an attribute that is stored, or of a constant."""
    if isinstance(expr, ast.Name):
        return frame.f_locals.get(expr.id, frame.f_globals.get(expr.id, NOTHING))
    if isinstance(expr, ast.Attribute):
        return _stored(_value(expr.value, frame), _mangled(expr.attr, frame))
    return expr.value if isinstance(expr, ast.Constant) else NOTHING


def _mangled(name: str, frame: FrameType) -> str:
    """The name of an attribute as code of its class stores it, whose name is before that of the function."""
    is_private = name.startswith("__") and not name.endswith("__")
    owner = frame.f_code.co_qualname.rpartition(".<locals>.")[2].split(".")[-2:-1]
    return f"_{owner[0].lstrip('_')}{name}" if is_private and owner else name


def _stored(owner: object, name: str) -> object:
    """An attribute as it is stored, without a call of a property or a `__getattr__`."""
    found = getattr_static(owner, name, NOTHING)
    if not isinstance(found, types.MemberDescriptorType):
        return found
    try:
        return found.__get__(owner)
    except AttributeError:  # nothing is stored there now
        return NOTHING
