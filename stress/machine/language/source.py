"""The definition of a kernel function, found in its file by its line."""

import ast
import linecache
from collections.abc import Iterator, Mapping, Sequence
from functools import cache
from itertools import chain
from types import FunctionType

import attrs

from stress.machine.language.errors import refusal


@attrs.frozen(eq=False)
class Definition:
    """A function as its file has it: its syntax tree, the names that it assigns, what it returns.

    `changing` is what makes another kind of function of it, even where no way leads. `levels` is how deep its nodes are
    nested.
    """

    node: ast.FunctionDef
    stored: Sequence[ast.Name]
    returns: Sequence[ast.Return]
    changing: Sequence[ast.AST]
    levels: int


CHANGING = (ast.Global, ast.Nonlocal, ast.Yield, ast.YieldFrom)
BLOCKS = ("body", "orelse", "finalbody", "handlers", "cases")
"""The fields in which statements have others."""


def _below(level: Sequence[ast.AST]) -> list[ast.AST]:
    """The nodes that are right below some nodes. `ast.iter_child_nodes` takes twice as long, and each start waits."""
    found: list[ast.AST] = []
    for node in level:
        for field in node._fields:
            value = getattr(node, field, None)
            if isinstance(value, list):
                found += [one for one in value if isinstance(one, ast.AST)]
            elif isinstance(value, ast.AST):
                found.append(value)
    return found


def _definition(node: ast.FunctionDef) -> Definition:
    levels: list[list[ast.AST]] = [[node]]
    while level := _below(levels[-1]):
        levels.append(level)
    inside = list(chain.from_iterable(levels))
    stored = [one for one in inside if isinstance(one, ast.Name) and isinstance(one.ctx, ast.Store)]
    changing = [one for one in inside if isinstance(one, CHANGING)]
    returns = [one for one in inside if isinstance(one, ast.Return)]
    return Definition(node, stored, returns, changing, len(levels))


def _functions(node: ast.AST) -> Iterator[ast.FunctionDef]:
    """The functions inside of a node, inner ones too. Expressions, which have none, are not looked at."""
    for block in BLOCKS:
        for child in getattr(node, block, ()):
            if isinstance(child, ast.FunctionDef):
                yield child
            yield from _functions(child)


def _first_line(node: ast.FunctionDef) -> int:
    return min([node.lineno, *(one.lineno for one in node.decorator_list)])


@cache
def _nodes(file: str) -> Mapping[int, ast.FunctionDef]:
    """The functions of a file, inner ones too, by their first line (that of a decorator, if there is one)."""
    tree = ast.parse("".join(linecache.getlines(file)))
    return {_first_line(node): node for node in _functions(tree)}


@cache
def _at(file: str, line: int) -> Definition | None:
    node = _nodes(file).get(line)
    return _definition(node) if node else None


def definition_of(function: FunctionType) -> Definition:
    """The definition of a function.

    Raises:
        KernelCodeError: where there is no source, as for a lambda or a function that was made by `exec`.
    """
    file, line = function.__code__.co_filename, function.__code__.co_firstlineno
    found = _at(file, line)
    if found is None:
        what = f"{function.__name__} has no source that can be read"
        raise refusal(file, line, what, "define it with `def` in a file")
    return found
