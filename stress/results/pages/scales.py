"""What is written along the axes of a plot: where, and in which words."""

import math
from collections.abc import Sequence

from stress.units import MINUTE, show_bound, show_duration, show_number

RATE, COUNT, TIME, BYTES = "rate", "count", "time", "bytes"
"""What the numbers on an axis are: a share, a count or so many a second, seconds, bytes."""
RAISED = str.maketrans("-0123456789", "⁻⁰¹²³⁴⁵⁶⁷⁸⁹")
PREFIXES = ((1e12, "T"), (1e9, "G"), (1e6, "M"), (1e3, "k"))
MEBI, GIBI = 2**20, 2**30
LEAST_DECADES = 0.9
MOST_TICKS = 7
NARROWEST = 0.07
Ticks = list[tuple[float, str]]


def value_text(value: float, unit: str) -> str:
    """A value on a vertical axis, in few characters."""
    if unit == TIME:
        return _time(value)
    if unit == BYTES:
        return f"{show_number(value / GIBI)} GiB" if value >= GIBI else f"{show_number(value / MEBI)} MiB"
    return _power(value) if unit == RATE and value < 0.001 else _prefixed(value)


def _time(value: float) -> str:
    """A time in one unit: ticks of an axis are to be compared at a glance."""
    if value >= MINUTE:
        return f"{show_number(value)} s"
    return show_duration(value).replace("us", "µs") if value else "0"


def share_text(value: float | None) -> str:
    """A rate in two digits; a dash for none."""
    if value is None:
        return "-"
    if value == 0 or value >= 0.001:
        return f"{value:.2g}"
    digits, exponent = f"{value:.1e}".split("e")
    return f"{digits}·10{str(int(exponent)).translate(RAISED)}"


def bound_share_text(bound: float | None) -> str:
    """An upper bound on a rate in two digits, rounded up; a dash for none."""
    return "-" if bound is None else share_text(float(show_bound(bound)) if bound else bound)


def _power(value: float) -> str:
    """A small value as a power of ten."""
    if value <= 0:
        return "0"
    exponent = math.floor(math.log10(value) + 1e-9)
    factor = round(value / 10.0**exponent)
    return f"{'' if factor == 1 else f'{factor}·'}10{str(exponent).translate(RAISED)}"


def _prefixed(value: float) -> str:
    """A value with k, M or G."""
    rounded = float(f"{value:.3g}")
    for size, prefix in PREFIXES:
        if rounded >= size:
            return f"{show_number(rounded / size)} {prefix}"
    return f"{rounded:.3g}"


def log_limits(values: Sequence[float]) -> tuple[float, float]:
    """From where to where a logarithmic axis goes."""
    low, high = math.log10(min(values)), math.log10(max(values))
    margin = max(0.08 * (high - low), (LEAST_DECADES - (high - low)) / 2)
    return 10 ** (low - margin), 10 ** (high + margin)


def log_ticks(low: float, high: float, unit: str) -> Ticks:
    """Powers of ten; with fewer than three of them, steps in between."""
    exponents = range(math.floor(math.log10(low)), math.ceil(math.log10(high)) + 1)
    decades = [10.0**exponent for exponent in exponents if low <= 10.0**exponent <= high]
    if len(decades) < 3:
        decades = [step * 10.0**exponent for exponent in exponents for step in (1, 2, 5)]
    inside = [value for value in decades if low <= value <= high]
    step = -(-len(inside) // MOST_TICKS)
    return [(value, value_text(value, unit)) for value in inside[::step]]


def linear_ticks(high: float, unit: str) -> Ticks:
    """Round steps from zero."""
    scale = (GIBI if high >= GIBI else MEBI) if unit == BYTES else 1.0
    rough = high / scale / 6 or 1.0
    size = 10.0 ** math.floor(math.log10(rough))
    step = scale * size * next(one for one in (1, 2, 5, 10) if one * size >= rough * 0.999)
    return [(count * step, value_text(count * step, unit)) for count in range(int(high / step + 1e-9) + 1)]


def thinned(ticks: Sequence[tuple[float, str]]) -> Ticks:
    """The ticks of a horizontal axis without the words that would run into those on their left."""
    if not ticks:
        return []
    width = max(place for place, _ in ticks) - min(place for place, _ in ticks) or 1.0
    kept, edge = list[tuple[float, str]](), -math.inf
    for place, text in ticks:
        needed = width * max(NARROWEST, 0.022 * len(text))
        free = place - edge >= needed / 2
        kept.append((place, text if free else ""))
        edge = place + needed / 2 if free else edge
    return kept
