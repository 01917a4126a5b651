"""The definition of a kernel function, found in its file by its line."""

import ast
import linecache
from collections.abc import Mapping, Sequence
from functools import cache
from types import FunctionType

import attrs

from stress.machine.language.errors import refusal


@attrs.frozen(eq=False)
class Definition:
    """A function as its file has it: its syntax tree, the names that it assigns, what it returns."""

    node: ast.FunctionDef
    stored: Sequence[ast.Name]
    returns: Sequence[ast.Return]


def _definition(node: ast.FunctionDef) -> Definition:
    inside = list(ast.walk(node))
    stored = [one for one in inside if isinstance(one, ast.Name) and isinstance(one.ctx, ast.Store)]
    return Definition(node, stored, [one for one in inside if isinstance(one, ast.Return)])


@cache
def _nodes(file: str) -> Mapping[int, ast.FunctionDef]:
    """The functions of a file, inner ones too, by their first line (that of a decorator, if there is one)."""
    tree = ast.parse("".join(linecache.getlines(file)))
    found = (node for node in ast.walk(tree) if isinstance(node, ast.FunctionDef))
    return {min(node.lineno, *(one.lineno for one in node.decorator_list), node.lineno): node for node in found}


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
