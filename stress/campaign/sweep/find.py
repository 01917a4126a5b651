"""What `--find` says: the axis on which a knee is sought, and the candidates, as a list, a range or the usual range."""

import math
import re
from collections.abc import Callable, Iterator
from fractions import Fraction
from typing import Any

import attrs

from stress.campaign.sweep.axes import value_on
from stress.campaign.sweep.records import rises
from stress.errors import UserError
from stress.kinds import SHARE, TIME, WHOLE, Kind, read_text
from stress.safe_text import shown
from stress.settings import SETTINGS, Setting

MICROSECONDS = 10**6
_PERCENT = re.compile(r"[0-9]{1,2}(?:\.[0-9]{1,6})?%")
PREFERRED = tuple(map(Fraction, ("1", "1.25", "1.6", "2", "2.5", "3.15", "4", "5", "6.3", "8")))
"""Ten steps to a decade, each about a quarter more: the preferred numbers of ISO 3."""


def preferred(low: Fraction, high: Fraction) -> Iterator[Fraction]:
    """The preferred numbers between two numbers above 0."""
    for power in range(math.floor(math.log10(low)) - 1, math.ceil(math.log10(high)) + 1):
        decade = (number * Fraction(10) ** power for number in PREFERRED)
        yield from (number for number in decade if low < number < high)


def _counts(low: int, high: int) -> Iterator[int]:
    """Every whole number."""
    return iter(range(low, high + 1))


def _times(low: float, high: float) -> Iterator[float]:
    """Times in seconds, in whole microseconds."""
    for number in preferred(Fraction(low), Fraction(high)):
        yield round(number * MICROSECONDS) / MICROSECONDS


def _shares(low: Fraction, high: Fraction) -> Iterator[Fraction]:
    """Shares of which each is 1 in a whole number."""
    for number in preferred(1 / high, 1 / low):
        yield Fraction(1, round(number))


BETWEEN: dict[Kind, Callable[[Any, Any], Iterator[Any]]] = {WHOLE: _counts, TIME: _times, SHARE: _shares}
"""What is between two ends of a range."""
KNOWN = {setting.name: setting for setting in SETTINGS if setting.axis or setting.knee}
SLOPES = {name: setting for name, setting in KNOWN.items() if setting.knee}
"""The axes on which a knee can be sought."""


@attrs.frozen
class Sought:
    """The config's field on whose axis a knee is sought, and the candidates, rising."""

    field: str
    candidates: tuple[Any, ...]


def read_find(value: object, origin: str) -> Sought:
    """What is sought: `cpus`, `cpus=2..64` or `cpus=2,4,8`.

    Raises:
        UserError: for what is no axis, no value on it, or no range; names `origin`.
    """
    name, equals, given = read_text(value, origin).partition("=")
    axis = SLOPES.get(name)
    if axis is None:
        raise UserError(
            f"{origin}: {shown(repr(name))} is not an axis that can be searched;"
            f" give one of {', '.join(SLOPES)}, like cpus=2..64"
        )
    low, dots, high = (given if equals else axis.knee).partition("..")
    return Sought(axis.field, _range(axis, low, high, origin) if dots else _list(axis, low, origin))


def read_percent(value: object, origin: str) -> float:
    """A share like `95%`, more than none and less than all.

    Raises:
        UserError: for anything else; names `origin`.
    """
    text = read_text(value, origin)
    share = float(text[:-1]) / 100 if _PERCENT.fullmatch(text) else 0.0
    if share == 0:
        raise UserError(f"{origin}: {shown(repr(text))} is not a share; give more than 0% and less than 100%, like 95%")
    return share


def _list(axis: Setting, given: str, origin: str) -> tuple[Any, ...]:
    """Candidates with commas in between, put in order."""
    candidates = sorted(value_on(axis, one, origin) for one in given.split(","))
    if not rises(candidates):
        raise UserError(f"{origin}: {shown(repr(given))} has a value twice; name each value once")
    return tuple(candidates)


def _range(axis: Setting, low: str, high: str, origin: str) -> tuple[Any, ...]:
    """Both ends, and what is in between."""
    first, last = (value_on(axis, one, origin) for one in (low, high))
    if not 0 < first <= last:
        raise UserError(
            f"{origin}: {shown(repr(f'{low}..{high}'))} is not a range; give the smaller end first, and more than 0"
        )
    between = {one for one in BETWEEN[axis.kind](first, last) if first < one < last}
    ends = {first, last}
    return tuple(sorted(ends | {one for one in between if not any(math.isclose(one, end) for end in ends)}))
