"""Draws bars: a row for each, its name on the left, its number at its end, on a logarithmic axis."""

from functools import partial
from typing import TYPE_CHECKING, Any

from stress.judge.outcomes import ACCEPTABLE, FORBIDDEN
from stress.results.pages.palette import BAD, DIM, FAINT, GOOD, INK, SCENARIOS
from stress.results.pages.pictures import Key, Picture
from stress.results.pages.scales import RATE, log_ticks
from stress.results.pages.text import clean
from stress.results.report.bars import Bar, Bars
from stress.results.report.curves import AT_MOST, EXACT
from stress.results.report.grades import SIGNS, UNGRADED

if TYPE_CHECKING:
    from matplotlib.axes import Axes

WIDTH, ROW, FOOT, HEAD = 4.4, 0.24, 0.52, 0.06
LETTER, WIDEST = 0.098, 2.4
"""Inches: how wide a letter is on average, and how much room the names may take."""
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
    widest = min(LETTER * max(len(_label(bar)) for bar in bars.bars) + 0.15, WIDEST)
    return Picture(
        title=bars.title,
        subject=bars.subject,
        alt=f"{bars.title}, {bars.subject}: {names}",
        plot=partial(_plot, bars),
        keys=tuple(
            Key(MEANINGS.get(one, bars.exact), LOOKS[one], band=True) for one in LOOKS if one in _meanings(bars)
        ),
        size=(WIDTH, ROW * len(bars.bars) + FOOT + HEAD),
        margins=(widest, FOOT, 0.1, HEAD),
    )


def _label(bar: Bar) -> str:
    """What stands left of a bar: an outcome has a sign, since not everybody can tell red from green."""
    return clean(f"{SIGNS[bar.meaning]} {bar.label}" if bar.meaning in SIGNS else bar.label)


def _graded(bar: Bar) -> str:
    """The grade of a bar that has one, in words."""
    return f" ({bar.meaning})" if bar.meaning in SIGNS else ""


def _meanings(bars: Bars) -> set[str]:
    """What the colours of some bars say."""
    return {bar.meaning for bar in bars.bars}


def _plot(bars: Bars, axes: "Axes") -> None:
    """Draw the bars, the first on top."""
    values = [bar.value for bar in bars.bars]
    unit = RATE if max(values) <= 1 else "count"
    low, high = min(min(values) / 3, 1.0 if unit == RATE else 0.7), max(values)
    axes.set_xscale("log")
    axes.set_xlim(low, low * (high / low) ** 1.3)
    axes.set_ylim(len(values) - 0.5, -0.5)
    axes.set_axis_off()
    _scale(axes, bars, low, high, unit)
    for place, bar in enumerate(bars.bars):
        axes.barh([place], [bar.value - low], left=low, height=THICK, **LOOKS[bar.meaning])
        axes.text(-0.02, place, _label(bar), transform=axes.get_yaxis_transform(), ha="right", va="center")
        axes.text(bar.value * (high / low) ** 0.02, place, bar.text, ha="left", va="center")


def _scale(axes: "Axes", bars: Bars, low: float, high: float, unit: str) -> None:
    """Upright lines with their values, and what they count."""
    across = axes.get_xaxis_transform()
    ticks = log_ticks(low, high, unit)[:: -(-len(log_ticks(low, high, unit)) // 4)]
    axes.vlines([value for value, _ in ticks], 0, 1, transform=across, color=FAINT, linewidth=0.6, zorder=0)
    for value, text in ticks:
        _below(axes, text, (value, 0), across, 5, "center")
    _below(axes, bars.unit, (0, 0), axes.transAxes, 20, "left")
    axes.vlines([0], 0, 1, transform=axes.transAxes, color=INK, linewidth=0.7)


def _below(axes: "Axes", text: str, place: tuple[float, float], of: Any, points: int, align: str) -> None:
    """A text so many points below a place, which is in the coordinates `of`."""
    axes.annotate(text, place, xycoords=of, xytext=(0, -points), textcoords="offset points", ha=align, va="top")
