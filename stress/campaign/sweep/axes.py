"""The axes of a sweep: what may differ from cell to cell, what plans and the command line call it, how it is read."""

import os
from collections.abc import Callable
from fractions import Fraction
from pathlib import Path
from typing import Any

import attrs

from stress.config import Config
from stress.errors import UserError
from stress.machine.engines import choose_engine
from stress.safe_text import shown
from stress.units import parse_duration, parse_rate


def read_whole(value: object, origin: str) -> int:
    """A whole number, also as text."""
    if isinstance(value, str) and value.isascii() and value.isdecimal() and len(value) < 20:
        return int(value)
    if type(value) is not int:
        raise UserError(f"{origin}: {shown(repr(value))} is no whole number; give one like 4")
    return value


def read_text(value: object, origin: str) -> str:
    """Text."""
    if not isinstance(value, str):
        raise UserError(f"{origin}: {shown(repr(value))} is no text; write it between quotes")
    return value


def read_duration(value: object, origin: str) -> float:
    """A time in seconds; a bare number is told the units."""
    return parse_duration(value if isinstance(value, str) else str(value), origin)


def read_rate(value: object, origin: str) -> Fraction:
    """A rate, which may be a number too."""
    return parse_rate(value if isinstance(value, str) else str(value), origin)


def read_path(value: object, origin: str) -> Path:
    """A path, from where it is read on: two names of one file are the same value."""
    text = read_text(value, origin)
    try:
        return Path(os.path.realpath(text))
    except (OSError, ValueError) as error:  # a NUL
        raise UserError(f"{origin}: {shown(repr(text))} is no path: {error}; name a file") from None


def read_engine(value: object, origin: str) -> str:
    """The name of an engine that is there."""
    name = read_text(value, origin)
    with telling(origin):
        return choose_engine(Config(engine=name).engine)


def split_flag(told: str) -> tuple[str, str]:
    """The name of the flag that an error begins with, without dashes, and the rest; no name if there is none."""
    flag, colon, what = told.partition(": ")
    named = colon and flag.startswith("--") and " " not in flag
    return (flag.removeprefix("--"), what) if named else ("", told)


class telling:  # noqa: N801
    """A context in which a UserError is told as one about `origin`; where it names a flag, that goes."""

    def __init__(self, origin: str) -> None:
        """Where the value came from."""
        self.origin = origin

    def __enter__(self) -> None:
        """Nothing to do."""

    def __exit__(self, kind: object, error: BaseException | None, trace: object) -> None:
        """Tell it."""
        if isinstance(error, UserError):
            flag, what = split_flag(str(error))
            raise UserError(f"{self.origin}: {what if flag else error}") from None


@attrs.frozen
class Axis:
    """One axis: its name in plans, and as a flag behind two dashes; the config's field that it sets."""

    name: str
    field: str
    read: Callable[[object, str], Any]

    def value(self, given: object, origin: str) -> Any:
        """One value on it.

        Raises:
            UserError: for a value that no machine can have; names `origin`.
        """
        value = self.read(given, origin)
        with telling(origin):
            Config(**{self.field: value})
        return value


AXES = (
    Axis("cpus", "cpus", read_whole),
    Axis("engine", "engine", read_engine),
    Axis("readers-per-writer", "readers_per_writer", read_whole),
    Axis("noise", "noise", read_rate),
    Axis("switch-interval", "switch_interval_s", read_duration),
    Axis("gap", "gap_s", read_duration),
    Axis("pace", "pace_s", read_duration),
    Axis("fate", "fate", read_text),
    Axis("corpus", "corpus", read_path),
)
