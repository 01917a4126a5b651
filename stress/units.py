"""Durations and rates as people write them, for the command line, plans and the environment."""

import re
from decimal import ROUND_CEILING, Context
from fractions import Fraction

from stress.errors import UserError

SECONDS = {"us": 1e-6, "ms": 1e-3, "s": 1.0, "m": 60.0, "h": 3600.0, "d": 86400.0}
LONGEST = 365 * 86400.0
MINUTE = 60.0
WHOLE = 100
_PART = re.compile(r"([0-9]{1,30}(?:\.[0-9]{1,12})?)(us|ms|s|m|h|d)")
_RATE = re.compile(r"[0-9]{1,30}(?:/[0-9]{1,30}|\.[0-9]{1,30})?|\.[0-9]{1,30}")


def parse_duration(text: str, origin: str) -> float:
    """Seconds of a duration such as `500ms`, `90s` or `1h30m`; `origin` says where it came from, for the error.

    Raises:
        UserError: for anything else; for a bare number the message names the units.
    """
    parts = _PART.findall(text)
    if not parts or "".join(number + unit for number, unit in parts) != text:
        units = ", ".join(SECONDS)
        raise UserError(
            f"{origin}: {text!r} is not a duration; write a number with a unit ({units}), like 500ms or 1h30m"
        )
    seconds = sum(float(number) * SECONDS[unit] for number, unit in parts)
    if seconds > LONGEST:
        raise UserError(f"{origin}: {text!r} is longer than a year; give a shorter duration")
    return seconds


def parse_rate(text: str, origin: str) -> Fraction:
    """A rate from 0 to 1, such as `1/64`, `0.01` or `0`.

    Raises:
        UserError: for anything else.
    """
    try:
        rate = Fraction(text if _RATE.fullmatch(text) else "")
    except (ValueError, ZeroDivisionError):
        raise UserError(
            f"{origin}: {text!r} is not a rate; write a share of accesses like 1/64 or 0.01, or 0"
        ) from None
    if not 0 <= rate <= 1:
        raise UserError(f"{origin}: {text!r} is not between 0 and 1; write a share of accesses like 1/64")
    return rate


def show_number(value: float, digits: int = 3) -> str:
    """A number for people, in so many digits, or all that are before the point: `0.047`, `17.4`, `12,300`."""
    rounded = float(f"{value:.{digits}g}")
    return f"{rounded:,.0f}" if abs(rounded) >= 10 ** (digits - 1) else f"{rounded:.{digits}g}"


def show_amount(value: float) -> str:
    """How much of something there is, in whole numbers, or in three digits below 100, so that little is not nothing."""
    return f"{value:,.0f}" if value >= WHOLE else show_number(value)


def show_duration(seconds: float) -> str:
    """A duration for people in three digits, or in its two largest units: `17.4 us`, `59.2 s`, `4 min`, `2 d 3 h`."""
    rounded = float(f"{seconds:.3g}")
    if rounded >= MINUTE:
        return _in_two_units(round(seconds))
    for unit, size in (("s", 1.0), ("ms", 1e-3), ("us", 1e-6)):
        if rounded >= size or unit == "us":
            return f"{show_number(rounded / size)} {unit}"
    raise AssertionError(seconds)


def _in_two_units(left: int) -> str:
    """Whole seconds, a minute or more, in their two largest units."""
    words = list[str]()
    for unit, size in (("d", 86400), ("h", 3600), ("min", 60), ("s", 1)):
        count, left = divmod(left, size)
        words += [f"{count} {unit}"] if count else [""] if words else []
    return " ".join(filter(None, words[:2]))


def show_bound(bound: float, digits: int = 2) -> str:
    """An upper bound, above 0, in so many digits. It is rounded up: a bound that is rounded down is too low."""
    exact = f"{bound:.12g}"  # in binary 0.003 is a little more, and would become 0.0031
    return f"{float(Context(prec=digits, rounding=ROUND_CEILING).create_decimal(exact)):.{digits}g}"


def write_duration(seconds: float) -> str:
    """A duration that `parse_duration` reads back."""
    for unit in ("h", "m", "s", "ms"):
        count = seconds / SECONDS[unit]
        if count >= 1 and abs(count - round(count)) < 1e-9:
            return f"{round(count)}{unit}"
    return f"{round(seconds * 1e6)}us"


def counted(number: int, noun: str, several: str = "") -> str:
    """How many of something; `several` is the plural of a noun that takes more than an s."""
    return f"{number:,} {noun if number == 1 else several or f'{noun}s'}"
