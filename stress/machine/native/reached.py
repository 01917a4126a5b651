"""What a program's compiled code depends on: every function that it calls, directly or not, and the values they use.

Other kernel code that the process has loaded does not count, so that a program is compiled once for all processes.
"""

from collections.abc import Callable, Iterable, Iterator
from types import BuiltinFunctionType, CodeType, FunctionType, ModuleType
from typing import Any

from stress.machine.words import declared


def _names_in(code: CodeType) -> Iterator[str]:
    """Every name that may be a global name, in a function's code and in the functions nested in it."""
    yield from code.co_names
    for constant in code.co_consts:
        if isinstance(constant, CodeType):
            yield from _names_in(constant)


def _values_of(function: FunctionType) -> Iterator[Any]:
    """The values that a function takes from outside, in the order of its code, which is the same in every process."""
    yield from function.__defaults__ or ()
    yield from (cell.cell_contents for cell in function.__closure__ or ())
    known = function.__globals__
    yield from (known[name] for name in dict.fromkeys(_names_in(function.__code__)) if name in known)


def functions_of(roots: Iterable[Callable[..., Any]]) -> list[FunctionType]:
    """The roots and all functions that they call, directly or not, each once, in the order of their code."""
    found: dict[FunctionType, None] = {}
    left = list(roots)
    while left:
        function = left.pop(0)
        if isinstance(function, FunctionType) and function not in found:
            found[function] = None
            left += _values_of(function)
    return list(found)


def _text(value: Any) -> str:
    """A value as text, the same in every process. A module's text holds all declared words: its code may use any."""
    if isinstance(value, FunctionType | BuiltinFunctionType | type):
        return f"{value.__module__}.{value.__qualname__}"
    return f"{value.__name__} {declared()}" if isinstance(value, ModuleType) else repr(value)


def facts_of(functions: Iterable[FunctionType]) -> Iterator[str]:
    """What compiled code depends on besides the files: for each function, its name and the values that it uses."""
    for function in functions:
        yield f"{_text(function)}: {', '.join(map(_text, _values_of(function)))}"
