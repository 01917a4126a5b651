"""Checks of a body: it must be a plain function; what it returns or raises is reported in text that can be printed.

Functions of the harness that call the code under test are known, so that stacks of threads begin where that does.
"""

import inspect
from collections.abc import Callable
from contextlib import suppress
from functools import partial
from types import CodeType
from typing import Any, TypeVar

from stress.safe_text import on_one_line, shortened

F = TypeVar("F", bound=Callable[..., Any])
CALLERS: set[CodeType] = set()
"""The code of the functions of the harness that call the code under test."""
NEVER_RUNS = "calling it runs none of its code; write a plain function"
ASYNC = (inspect.iscoroutinefunction, f"is `async def`: {NEVER_RUNS}, which may call asyncio.run()")
BY_FUNCTION = (
    (inspect.isasyncgenfunction, f"is `async def` and has `yield`: {NEVER_RUNS}"),
    (inspect.isgeneratorfunction, f"has `yield`: {NEVER_RUNS} that returns its outcome"),
)
BY_VALUE = (
    (inspect.isawaitable, f"returned an awaitable: {NEVER_RUNS}, or an `async def`"),
    (inspect.isasyncgen, f"returned an asynchronous generator: {NEVER_RUNS}"),
    (
        inspect.isgenerator,
        f"returned a generator, as a function with `yield` does: {NEVER_RUNS} that returns its outcome",
    ),
)


class UnprintableError(Exception):
    """Stands for an exception of a body whose `__str__` or `__repr__` raises."""


class EndThread(SystemExit):
    """Raised within an operation that the run no longer waits for; its outcome is not counted."""


def calls_bodies(function: F) -> F:
    """Decorates a function of the harness that calls the code under test."""
    CALLERS.add(function.__code__)
    return function


def fault_of(function: Any, may_be_async: bool = False) -> str:
    """Why calling a function would run nothing; empty if it would run, or is `async def` and may be."""
    faults = BY_FUNCTION if may_be_async else (ASYNC, *BY_FUNCTION)
    return next((fault for is_one, fault in faults if is_one(_called(function))), "")


def refusal_of(function: Any, *given: str) -> str:
    """Why a function cannot be called with so many arguments; empty if it can, or if that cannot be known."""
    try:
        # Not that of a function it wraps: a decorator may pass arguments of its own.
        signature = inspect.signature(function, follow_wrapped=False)
    except (TypeError, ValueError):
        return ""
    try:
        signature.bind(*given)
    except TypeError as error:
        return f"cannot be called with {' and '.join(given) or 'no argument'}: {error}"
    return ""


def is_async(function: Any) -> bool:
    """Whether calling a function makes a coroutine."""
    return inspect.iscoroutinefunction(_called(function))


def _called(function: Any) -> Any:
    """The function that runs when something is called."""
    while isinstance(function, partial):
        function = function.func
    return function if inspect.isroutine(function) else getattr(type(function), "__call__", function)  # noqa: B004


def fault_of_value(value: object) -> str:
    """The message for a returned value that is not an outcome. A coroutine is closed, since nothing awaits it."""
    for is_one, fault in BY_VALUE:
        if is_one(value):
            if inspect.iscoroutine(value):
                value.close()
            return fault
    if isinstance(value, tuple):
        return f"returned {shown(value)}; a tuple is the name of an outcome and a detail, both as text"
    return f"returned {shown(value)}; return the name of an outcome, or None"


def shown(value: object) -> str:
    """A value's repr, safe for a terminal and not too long, or its type where that raises."""
    try:
        return on_one_line(shortened(repr(value)))
    except BaseException as error:
        return f"a {type(value).__qualname__}, whose __repr__ raises {type(error).__qualname__}"


def add_note(error: BaseException, note: str) -> None:
    """Add a note to an exception of the code under test, whose class may let nothing be set, or have other notes."""
    try:
        BaseException.add_note(error, note)
    except Exception:
        with suppress(Exception):
            BaseException.__setattr__(error, "__notes__", [note])


def printable(error: BaseException) -> BaseException:
    """An exception, or an UnprintableError if its own text raises, which could end the code that prints it."""
    try:
        _ = str(error), repr(error)
    except BaseException as raised:
        name, why = type(error).__qualname__, type(raised).__qualname__
        text = f"{name}, which cannot be printed: its __str__ or __repr__ raises {why}"
        return UnprintableError(text).with_traceback(error.__traceback__)
    return error
