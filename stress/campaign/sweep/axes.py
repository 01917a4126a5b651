"""Values on the axes of a sweep, and errors that name where a value comes from."""

import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from stress.config import Config
from stress.errors import UserError
from stress.machine.engines import choose_engine
from stress.safe_text import shown
from stress.settings import Setting


def split_flag(text: str) -> tuple[str, str]:
    """The name of the flag that an error begins with, without dashes, and the rest; no name if there is none."""
    flag, colon, what = text.partition(": ")
    named = colon and flag.startswith("--") and " " not in flag
    return (flag.removeprefix("--"), what) if named else ("", text)


@contextmanager
def telling(origin: str) -> Iterator[None]:
    """A context in which a UserError becomes one about `origin`; a flag that it names is left out."""
    try:
        yield
    except UserError as error:
        flag, what = split_flag(str(error))
        raise UserError(f"{origin}: {what if flag else error}") from None


def one_path(path: Path) -> Path:
    """A path without links: two names of one file are the same value."""
    try:
        return Path(os.path.realpath(path))
    except (OSError, ValueError) as error:  # a NUL
        raise UserError(f"{shown(repr(str(path)))} is not a path: {error}; name a file") from None


SETTLED: dict[str, Callable[[Any], Any]] = {"engine": choose_engine, "corpus": one_path}
"""What values that mean the same become, on axes that have such values."""


def value_on(axis: Setting, given: object, origin: str) -> Any:
    """One value on an axis.

    Raises:
        UserError: for a value that no machine can have here; names `origin`.
    """
    value = axis.read(given, origin)
    with telling(origin):
        Config(**{axis.field: value})
        return SETTLED[axis.name](value) if axis.name in SETTLED else value
