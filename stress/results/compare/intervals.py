"""Draws how many times A B is, with the interval of each factor, worst first; 1 is where both sides are alike."""

from collections.abc import Iterator, Sequence
from functools import partial
from typing import TYPE_CHECKING, Any

import attrs

from stress.results.compare.comparison import Cell, Compared, Comparison, Standing
from stress.results.compare.wording import factor, inside
from stress.results.pages.palette import BAD, DIM, FAINT, GOOD, INK
from stress.results.pages.pictures import Key, Picture
from stress.results.pages.text import clean

if TYPE_CHECKING:
    from matplotlib.axes import Axes

TITLE = "B relative to A"
MOST_ROWS, MOST_FACTORS = 20, 80
"""How many factors are in a picture, and how many are drawn in all."""
WIDTH, ROW, FOOT, HEAD = 9.6, 0.24, 0.55, 0.08
LETTER, RIGHT = 0.072, 1.8
"""Inches: how wide a letter is on average, and the room for the numbers on the right."""
LONGEST_LABEL = 56
NEAR = (0.5, 0.6, 0.7, 0.8, 0.9, 1.0, 1.1, 1.25, 1.4, 1.6, 2.0)
FAR = (0.01, 0.02, 0.05, 0.1, 0.2, 0.5, 1.0, 2.0, 5.0, 10.0, 20.0, 50.0, 100.0)
"""Factors that are written below the picture, where all are near to 1 and where some are not."""
FURTHEST = 100.0
"""What goes further than this factor ends at the edge, with an arrow."""
ENDLESS = 1e9
"""What stands for an endless factor, as 1 / ENDLESS does for 0: no logarithmic axis has either."""
TO_THE_LEFT, TO_THE_RIGHT = 4, 5
"""Matplotlib's arrows that have their tip, not their middle, where they are: at the edge they stay whole."""
LOOKS: dict[Standing, dict[str, Any]] = {
    Standing.WORSE: {"color": BAD, "markerfacecolor": BAD},
    Standing.BETTER: {"color": GOOD, "markerfacecolor": GOOD},
    Standing.NOISE: {"color": INK, "markerfacecolor": INK},
    Standing.UNTESTED: {"color": DIM, "markerfacecolor": "none"},
}
MEANINGS = {
    Standing.WORSE: "B is worse",
    Standing.BETTER: "B is better",
    Standing.NOISE: "may be noise",
    Standing.UNTESTED: "not tested: too few repeats",
}


@attrs.frozen
class Factor:
    """One line: how many times A B is, where the interval begins and ends if there is one, and how it stands.

    All of these are from 1 / ENDLESS to ENDLESS.
    """

    label: str
    text: str
    ratio: float
    interval: tuple[float, float] | None
    standing: Standing


def factors_of(comparison: Comparison) -> list[Factor]:
    """Every figure that has a factor, worst first."""
    ordered = [pair for standing in LOOKS for pair in comparison.all(standing)]
    return [_factor(cell, one, one.tested.ratio) for cell, one in ordered if one.tested.ratio is not None]


def _within(value: float) -> float:
    """A factor that has a place on the axis, however far off."""
    return min(max(value, 1 / ENDLESS), ENDLESS)


def _factor(cell: Cell, one: Compared, ratio: float) -> Factor:
    """One figure of one cell."""
    label = f"{cell.pair.name}: {one.tested.name}"
    short = label if len(label) <= LONGEST_LABEL else f"…{label[1 - LONGEST_LABEL :]}"
    interval = one.tested.interval and (_within(one.tested.interval[0]), _within(one.tested.interval[1]))
    return Factor(short, f"{factor(one.tested)}{inside(one.tested)}", _within(ratio), interval, one.standing)


def pictures_of(comparison: Comparison) -> Iterator[Picture]:
    """The worst factors, a few dozen in a picture."""
    factors, subject = factors_of(comparison), f"A: {comparison.a.name}; B: {comparison.b.name}"
    for first in range(0, min(len(factors), MOST_FACTORS), MOST_ROWS):
        some = factors[first : first + MOST_ROWS]
        left = LETTER * max(len(clean(one.label)) for one in some) + 0.15
        yield Picture(
            title=TITLE,
            subject=subject,
            alt=f"{TITLE}: {', '.join(f'{one.label} {one.text}' for one in some)}",
            plot=partial(_plot, some, comparison.terms.tolerance),
            keys=tuple(_keys({one.standing for one in some}, comparison.terms.level)),
            size=(WIDTH, ROW * len(some) + FOOT + HEAD),
            margins=(left, FOOT, RIGHT, HEAD),
        )


def _keys(standings: set[Standing], level: float) -> Iterator[Key]:
    """What colours, lines and the band mean."""
    for standing in LOOKS:
        if standing in standings:
            yield Key(MEANINGS[standing], {**LOOKS[standing], "marker": "o", "markersize": 5, "linestyle": "none"})
    yield Key(f"interval of {100 * (1 - level):g} % of each factor for itself", {"color": INK, "linewidth": 1.3})
    yield Key("tolerance: counts as equal", {"color": FAINT, "linewidth": 0}, band=True)


def _plot(factors: Sequence[Factor], tolerance: float, axes: "Axes") -> None:
    """Draw them, the first on top."""
    low, high = _limits(factors, tolerance)
    axes.set_xscale("log")
    axes.set_xlim(low, high)
    axes.set_ylim(len(factors) - 0.5, -0.5)
    axes.set_axis_off()
    across, aside = axes.get_xaxis_transform(), axes.get_yaxis_transform()
    axes.axvspan(1 - tolerance, 1 / (1 - tolerance), color=FAINT, linewidth=0)
    _scale(axes, low, high, across)
    for place, one in enumerate(factors):
        _line(axes, one, place, (low, high))
        axes.text(-0.02, place, clean(one.label), transform=aside, ha="right", va="center")
        axes.text(1.02, place, one.text, transform=aside, ha="left", va="center")


def _limits(factors: Sequence[Factor], tolerance: float) -> tuple[float, float]:
    """From where to where the axis goes: 1 and the tolerance are on it; for what is endless it is no longer."""
    ends = [end for one in factors for end in (one.ratio, *(one.interval or ())) if 1 / ENDLESS < end < ENDLESS]
    known = [min(max(end, 1 / FURTHEST), FURTHEST) for end in ends]
    low, high = min(*known, 1 - tolerance, 0.8), max(*known, 1 / (1 - tolerance), 1.25)
    return low / 1.1, high * 1.1


def _scale(axes: "Axes", low: float, high: float, across: Any) -> None:
    """Upright lines with their factors; the one at 1 is dark."""
    ticks = [value for value in (NEAR if NEAR[0] < low and high < NEAR[-1] else FAR) if low <= value <= high]
    axes.vlines(ticks, 0, 1, transform=across, color=FAINT, linewidth=0.6)
    axes.axvline(1.0, color=INK, linewidth=0.8)
    for value in ticks:
        axes.annotate(
            f"{value:g}", (value, 0), xycoords=across, xytext=(0, -5), textcoords="offset points", ha="center", va="top"
        )
    axes.annotate(
        "B / A (logarithmic)", (0.5, 0), xycoords="axes fraction", xytext=(0, -20), textcoords="offset points",
        ha="center", va="top",
    )  # fmt: skip


def _line(axes: "Axes", one: Factor, place: int, limits: tuple[float, float]) -> None:
    """One factor with its interval; an arrow for what goes beyond the edge."""
    (low, high), look, ends = limits, LOOKS[one.standing], one.interval or ()
    if ends:
        axes.plot([min(max(end, low), high) for end in ends], [place] * 2, color=look["color"], linewidth=1.3)
    for value, usual in (*((end, "") for end in ends), (one.ratio, "o")):
        marker = TO_THE_LEFT if value < low else TO_THE_RIGHT if value > high else usual
        if marker:
            axes.plot([min(max(value, low), high)], [place], marker=marker, markersize=5, linestyle="none", **look)
