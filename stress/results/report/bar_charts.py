"""Draws bars: a row for each, its name on the left, its number at its end, on a logarithmic axis."""

import math
from collections.abc import Sequence
from functools import partial
from itertools import pairwise
from typing import TYPE_CHECKING, Any

from stress.judge.outcomes import ACCEPTABLE, FORBIDDEN
from stress.results.pages.palette import BAD, DIM, FAINT, GOOD, INK, SCENARIOS
from stress.results.pages.pictures import SETTINGS, Key, Picture
from stress.results.pages.scales import RATE, Ticks, log_ticks
from stress.results.pages.text import clean
from stress.results.report.bars import Bar, Bars
from stress.results.report.curves import AT_MOST, EXACT
from stress.results.report.grades import SIGNS, UNGRADED

if TYPE_CHECKING:
    from matplotlib.axes import Axes

WIDTH, ROW, FOOT, HEAD = 4.4, 0.24, 0.52, 0.06
LETTER, LEAST_FOR_BARS, RIGHT = 0.098, 2.0, 0.1
"""Inches: how wide a letter is on average, and how much room there is for bars however long their names are."""
MOST_LETTERS = 48
"""How many letters of a name are drawn: its beginning and its end."""
THICK = 0.62
FIRST = next(iter(SCENARIOS))
LOOKS: dict[str, dict[str, Any]] = {
    FORBIDDEN: {"color": BAD},
    ACCEPTABLE: {"color": GOOD},
    UNGRADED: {"color": DIM},
    EXACT: {"color": FIRST},
    AT_MOST: {"facecolor": "none", "edgecolor": FIRST, "linewidth": 0.9},
}
MEANINGS = {
    FORBIDDEN: f"{SIGNS[FORBIDDEN]} forbidden outcome",
    ACCEPTABLE: f"{SIGNS[ACCEPTABLE]} acceptable outcome",
    UNGRADED: f"{SIGNS[UNGRADED]} ungraded: an earlier version did not say",
    AT_MOST: "bound: none was caught, so at most this",
}


def picture_of(bars: Bars) -> Picture:
    """The picture of some bars."""
    names = ", ".join(f"{bar.label} {bar.text}{_graded(bar)}" for bar in bars.bars)
    widest = LETTER * max(len(_label(bar)) for bar in bars.bars) + 0.15
    room = max(WIDTH - widest - RIGHT, LEAST_FOR_BARS)
    return Picture(
        title=bars.title,
        subject=bars.subject,
        alt=f"{bars.title}, {bars.subject}: {names}",
        plot=partial(_plot, bars, room / (room - LETTER * (max(len(bar.text) for bar in bars.bars) + 1))),
        keys=tuple(
            Key(MEANINGS.get(one, bars.exact), LOOKS[one], band=True) for one in LOOKS if one in _meanings(bars)
        ),
        size=(widest + room + RIGHT, ROW * len(bars.bars) + FOOT + HEAD),
        margins=(widest, FOOT, RIGHT, HEAD),
    )


def _label(bar: Bar) -> str:
    """What stands left of a bar: an outcome has a sign, since not everybody can tell red from green."""
    name = clean(f"{SIGNS[bar.meaning]} {bar.label}" if bar.meaning in SIGNS else bar.label)
    half = MOST_LETTERS // 2
    return name if len(name) <= MOST_LETTERS else f"{name[:half]}…{name[len(name) - half + 1 :]}"


def _graded(bar: Bar) -> str:
    """The grade of a bar that has one, in words."""
    return f" ({bar.meaning})" if bar.meaning in SIGNS else ""


def _meanings(bars: Bars) -> set[str]:
    """What the colours of some bars say."""
    return {bar.meaning for bar in bars.bars}


def _plot(bars: Bars, whole: float, axes: "Axes") -> None:
    """Draw the bars, the first on top; the axis is `whole` times as long as they, and so has room for their texts."""
    values = [bar.value for bar in bars.bars]
    unit = RATE if max(values) <= 1 else "count"
    low, high = min(min(values) / 3, 1.0 if unit == RATE else 0.7), max(values)
    axes.set_xscale("log")
    axes.set_xlim(low, low * (high / low) ** whole)
    axes.set_ylim(len(values) - 0.5, -0.5)
    axes.set_axis_off()
    _scale(axes, bars, low, high, unit)
    for place, bar in enumerate(bars.bars):
        axes.barh([place], [bar.value - low], left=low, height=THICK, **LOOKS[bar.meaning])
        axes.text(-0.02, place, _label(bar), transform=axes.get_yaxis_transform(), ha="right", va="center")
        axes.text(bar.value * (high / low) ** (0.015 * whole), place, bar.text, ha="left", va="center")


def _scale(axes: "Axes", bars: Bars, low: float, high: float, unit: str) -> None:
    """Upright lines with their values, and what they count, which may begin below the names."""
    across = axes.get_xaxis_transform()
    ticks = _spaced(axes, log_ticks(low, high, unit))
    axes.vlines([value for value, _ in ticks], 0, 1, transform=across, color=FAINT, linewidth=0.6, zorder=0)
    for value, text in ticks:
        _below(axes, text, (value, 0), across, 5, "center")
    _below(axes, bars.unit, (1, 0), axes.transAxes, 20, "right")
    axes.vlines([0], 0, 1, transform=axes.transAxes, color=INK, linewidth=0.7)


def _spaced(axes: "Axes", ticks: Ticks) -> Ticks:
    """Every tick of the horizontal axis, or every second, third ... of them, so that no words run into others."""
    from matplotlib import rcParams

    letter = LETTER * rcParams["font.size"] / SETTINGS["font.size"]
    low, high = axes.get_xlim()
    inch = math.log(high / low) / (axes.bbox.width / axes.figure.dpi)
    ends = [(math.log(value) / inch, letter * (len(text) + 1) / 2) for value, text in ticks]
    steps = (step for step in range(1, len(ticks)) if _are_apart(ends[::step]))
    return ticks[:: next(steps, len(ticks))]


def _are_apart(ends: Sequence[tuple[float, float]]) -> bool:
    """Whether words do not run into others: the middle and half the width of each."""
    return all(one + half <= other - more for (one, half), (other, more) in pairwise(ends))


def _below(axes: "Axes", text: str, place: tuple[float, float], of: Any, points: int, align: str) -> None:
    """A text so many points below a place, which is in the coordinates `of`."""
    axes.annotate(text, place, xycoords=of, xytext=(0, -points), textcoords="offset points", ha=align, va="top")
