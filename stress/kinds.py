"""The kinds of values that a setting can have: how each is read from text or a plan, written as text, and checked.

Every `--help` loads this file, so that it imports what is heavy only when a value is there.
"""

from collections.abc import Callable
from pathlib import Path
from typing import Any, NamedTuple

from stress.errors import UserError

MOST_DIGITS = 100
"""Of a whole number that is read: many more than any setting takes, so that its check can say what it does take."""

Check = Callable[[Any], str | None]
"""What is wrong with a value, in words that follow its origin; None if nothing is."""


class Kind(NamedTuple):
    """How values of one kind are read and written. `read` is given where a value comes from, for its UserError.

    `name` stands for a value in the help.
    """

    name: str
    read: Callable[[object, str], Any]
    write: Callable[[Any], str] = str


def _repr(value: object) -> str:
    """A value that is wrong, as an error shows it."""
    from stress.safe_text import shown

    return shown(repr(value))


def read_whole(value: object, origin: str) -> int:
    """A whole number, also as text, of either sign; whether it is in range is for a check to say."""
    digits = value.removeprefix("-") if isinstance(value, str) else ""
    if digits.isascii() and digits.isdecimal():
        if len(digits) > MOST_DIGITS:
            raise UserError(f"{origin}: a number of {len(digits)} digits is too long; give one like 4")
        return int(str(value))
    if type(value) is not int:
        raise UserError(f"{origin}: {_repr(value)} is not a whole number; give one like 4")
    return value


def read_text(value: object, origin: str) -> str:
    """Text."""
    if not isinstance(value, str):
        raise UserError(f"{origin}: {_repr(value)} is not text; write it between quotes")
    return value


def read_switch(value: object, origin: str) -> bool:
    """On or off."""
    if not isinstance(value, bool):
        raise UserError(f"{origin}: {_repr(value)} is neither true nor false; write one of them")
    return value


def read_time(value: object, origin: str) -> float:
    """Seconds; the error for a bare number lists the units."""
    from stress.units import parse_duration

    return parse_duration(value if isinstance(value, str) else str(value), origin)


def write_time(seconds: float) -> str:
    """Seconds as `read_time` reads them."""
    from stress.units import write_duration

    return write_duration(seconds)


def read_share(value: object, origin: str) -> Any:
    """A share of all, as a fraction; a plan may give a number."""
    from stress.units import parse_rate

    return parse_rate(value if isinstance(value, str) else str(value), origin)


def read_path(value: object, origin: str) -> Path:
    """A path, as it is given."""
    return Path(read_text(value, origin))


WHOLE = Kind("NUMBER", read_whole)
TEXT = Kind("NAME", read_text)
TIME = Kind("DURATION", read_time, write_time)
SHARE = Kind("SHARE", read_share)
PATH = Kind("FILE", read_path)
SWITCH = Kind("", read_switch)
NUMBERS = (WHOLE, TIME, SHARE)


def anything(value: Any) -> str | None:
    """The check of a setting that has none."""
    return None


def _number(value: Any) -> str:
    """A number in words."""
    return str(value) if isinstance(value, int) else f"{float(value):.12g}"


def from_to(least: float, most: float, unit: str = "") -> Check:
    """A check: a number from `least` to `most`; `unit` follows each number in the error."""

    def check(value: Any) -> str | None:
        fits = least <= value <= most
        bounds = f"from {_number(least)}{unit} to {_number(most)}{unit}"
        return None if fits else f"must be {bounds} (got {_number(value)}{unit})"

    return check


def positive(unit: str, most: float | None = None) -> Check:
    """A check: a number greater than 0 and, if `most` is given, at most that."""

    def check(value: Any) -> str | None:
        fits = value > 0 and (most is None or value <= most)
        bounds = f"greater than 0{unit}" + ("" if most is None else f", at most {_number(most)}{unit}")
        return None if fits else f"must be {bounds} (got {_number(value)}{unit})"

    return check


def zero_or(check: Check) -> Check:
    """A check: 0, or what another check takes."""

    def either(value: Any) -> str | None:
        wrong = check(value) if value else None
        return wrong and wrong.replace("must be", "must be 0, or", 1)

    return either


def one_of(*known: str) -> Check:
    """A check: one of some words."""

    def check(value: Any) -> str | None:
        return None if value in known else f"must be one of {', '.join(known)} (got {value!r})"

    return check
