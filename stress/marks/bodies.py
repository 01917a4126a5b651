"""Checks of a body: it must be a plain function; what it returns or raises is reported in text that can be printed."""

import inspect
from functools import partial
from typing import Any

NEVER_RUNS = "calling it runs none of its code; write a plain function"
BY_FUNCTION = (
    (inspect.iscoroutinefunction, f"is `async def`: {NEVER_RUNS}, which may call asyncio.run()"),
    (inspect.isasyncgenfunction, f"is `async def` and has `yield`: {NEVER_RUNS}"),
    (inspect.isgeneratorfunction, f"has `yield`: {NEVER_RUNS} that returns its outcome"),
)
BY_VALUE = (
    (inspect.isawaitable, f"returned an awaitable, as `async def` does: {NEVER_RUNS}, which may call asyncio.run()"),
    (inspect.isasyncgen, f"returned an asynchronous generator: {NEVER_RUNS}"),
    (
        inspect.isgenerator,
        f"returned a generator, as a function with `yield` does: {NEVER_RUNS} that returns its outcome",
    ),
)


class UnprintableError(Exception):
    """Stands for an exception of a body whose `__str__` or `__repr__` raises."""


def fault_of(body: Any) -> str:
    """Why calling a body would run nothing; empty if it would run."""
    while isinstance(body, partial):
        body = body.func
    called = body if inspect.isroutine(body) else getattr(type(body), "__call__", body)  # noqa: B004
    return next((fault for is_one, fault in BY_FUNCTION if is_one(called)), "")


def fault_of_value(value: object) -> str:
    """The message for a returned value that is not an outcome. A coroutine is closed, since nothing awaits it."""
    for is_one, fault in BY_VALUE:
        if is_one(value):
            if inspect.iscoroutine(value):
                value.close()
            return fault
    return f"returned {shown(value)}; return the name of an outcome, or None"


def shown(value: object) -> str:
    """A value's repr, or its type where that raises."""
    try:
        return repr(value)
    except BaseException as error:
        return f"a {type(value).__qualname__}, whose __repr__ raises {type(error).__qualname__}"


def printable(error: BaseException) -> BaseException:
    """An exception, or an UnprintableError if its own text raises, which could end the code that prints it."""
    try:
        _ = str(error), repr(error)
    except BaseException as raised:
        name, why = type(error).__qualname__, type(raised).__qualname__
        text = f"{name}, which cannot be printed: its __str__ or __repr__ raises {why}"
        return UnprintableError(text).with_traceback(error.__traceback__)
    return error
