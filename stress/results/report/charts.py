"""Draws plots with matplotlib (extra `report`), as SVG for a page. No other module knows matplotlib.

Colour says which scenario, marker and dashes say it again. Every repeat is a dot, the line is their median, the band
goes from the least to the greatest; a bound is a hollow triangle that points to where the value must be.
"""

import io
import logging
import math
import warnings
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from itertools import groupby
from typing import TYPE_CHECKING, Any

from stress.results.report.curves import AT_LEAST, AT_MOST, EXACT, Chart, Mark, Series, middle
from stress.results.report.scales import linear_ticks, log_limits, log_ticks, thinned
from stress.results.report.sections import clean
from stress.results.report.svg import embed

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

INK, FAINT = "#1b1f24", "#d0d7de"
COLOURS = {
    "#0b62b8": "#58a6ff",
    "#c2410c": "#ff9a5c",
    "#0f7b5f": "#3fd0a4",
    "#8b3fb0": "#d2a8ff",
    "#8a6100": "#e3b341",
    "#b3265e": "#ff85b3",
}
"""The colour of each scenario by day, and what the page makes of it by night."""
DARK = {**COLOURS, INK: "#e6edf3", FAINT: "#30363d"}
MARKERS = ("o", "s", "D", "P", "X", "p", "h", "*")
DASHES: tuple[Any, ...] = ("-", (0, (5, 2)), (0, (1.5, 1.5)), (0, (6, 2, 1.5, 2)))
SETTINGS = {
    "svg.fonttype": "none",
    "text.parse_math": False,
    "font.size": 10,
    "text.color": INK,
}
SIZE = (4.4, 2.7)
FRAME = (0.17, 0.18, 0.81, 0.78)
KEY_SIZE = (0.55, 0.18)
DODGE = 0.012
NO_METADATA = {"Creator": None, "Date": None, "Format": None, "Type": None}


@contextmanager
def quiet() -> Iterator[None]:
    """Matplotlib as it comes, whatever the user has set, and silent about fonts: the page's own are used."""
    from matplotlib import style

    log = logging.getLogger("matplotlib")
    before = log.level
    log.setLevel(logging.ERROR)
    try:
        with warnings.catch_warnings(), style.context(SETTINGS, after_reset=True):
            warnings.simplefilter("ignore")
            yield
    finally:
        log.setLevel(before)


def draw(chart: Chart, number: int) -> str:
    """A plot as an element of a page, in which no other has this number."""
    from matplotlib.figure import Figure

    figure = Figure(figsize=SIZE)
    axes = figure.add_axes(FRAME)
    limits = _limits(chart)
    _scale(axes, chart, limits)
    width = _width(chart)
    if len({place for place, _ in chart.ticks}) == 1:
        axes.set_xlim(chart.ticks[0][0] - 0.1, chart.ticks[0][0] + 0.1)
    for place, series in enumerate(chart.series):
        _draw_series(axes, chart, series, (place - (len(chart.series) - 1) / 2) * DODGE * width, limits)
    for border in chart.borders:
        axes.axvline(border, color=INK, linewidth=0.8, linestyle=(0, (2, 2)))
    names = ", ".join(dict.fromkeys(series.label for series in chart.series))
    return embed(_svg(figure), number, clean(f"{chart.title}: {names}"))


def draw_key(series: Series, number: int) -> str:
    """The line and marker of a series, for a legend."""
    from matplotlib.figure import Figure

    figure = Figure(figsize=KEY_SIZE)
    axes = figure.add_axes((0, 0, 1, 1))
    axes.set_axis_off()
    axes.set_xlim(0, 1)
    look = _look(series)
    axes.plot([0.02, 0.98], [0, 0], color=look["color"], linestyle=look["linestyle"], linewidth=1.6)
    axes.plot([0.5], [0], color=look["color"], marker=look["marker"], markersize=6, markeredgewidth=0)
    return embed(_svg(figure), number, clean(series.label))


def _svg(figure: "Figure") -> str:
    """What matplotlib writes."""
    out = io.StringIO()
    figure.savefig(out, format="svg", metadata=NO_METADATA, transparent=True)
    return out.getvalue()


def _look(series: Series) -> dict[str, Any]:
    """Colour by scenario; dashes by what else varies; a marker that says both."""
    colours = tuple(COLOURS)
    return {
        "color": colours[series.colour % len(colours)],
        "linestyle": DASHES[series.style % len(DASHES)],
        "marker": MARKERS[(series.colour + 2 * series.style) % len(MARKERS)],
    }


def _limits(chart: Chart) -> tuple[float, float]:
    """From where to where the vertical axis goes."""
    values = [mark.y for series in chart.series for mark in series.marks]
    if chart.log:
        return log_limits(values)
    return 0.0, max(0.0, *values) * 1.08 or 1.0


def _width(chart: Chart) -> float:
    """How far the places on the horizontal axis reach."""
    places = [mark.x for series in chart.series for mark in series.marks]
    return max(max(places) - min(places), 1e-9 if len(set(places)) > 1 else 1.0)


def _scale(axes: "Axes", chart: Chart, limits: tuple[float, float]) -> None:
    """Axes, their words, and faint lines across; drawn plainly, since matplotlib's own ticks take most of the time."""
    if chart.log:
        axes.set_yscale("log")
    axes.set_ylim(*limits)
    axes.set_axis_off()
    across, up = axes.get_yaxis_transform(), axes.get_xaxis_transform()
    ticks = log_ticks(*limits, chart.unit) if chart.log else linear_ticks(limits[1], chart.unit)
    axes.hlines([value for value, _ in ticks], 0, 1, transform=across, color=FAINT, linewidth=0.6)
    for value, text in ticks:
        axes.text(-0.015, value, text, transform=across, ha="right", va="center")
    for place, text in thinned(chart.ticks):
        axes.text(place, -0.04, clean(text), transform=up, ha="center", va="top")
    axes.vlines([place for place, _ in chart.ticks], -0.02, 0, transform=up, color=INK, linewidth=0.7)
    axes.hlines([0], 0, 1, transform=axes.transAxes, color=INK, linewidth=0.7)
    axes.text(0.5, -0.225, chart.x_name, transform=axes.transAxes, ha="center", va="bottom")


def _draw_series(axes: "Axes", chart: Chart, series: Series, shift: float, limits: tuple[float, float]) -> None:
    """Band, line and dots of one series, moved aside by `shift` so that it does not hide another."""
    look = _look(series)
    places = [(x, list(marks)) for x, marks in groupby(sorted(series.marks, key=lambda mark: mark.x), lambda m: m.x)]
    middles = [_inside(middle(marks), limits) for _, marks in places]
    line = {"color": look["color"], "linestyle": look["linestyle"], "linewidth": 1.5}
    if chart.dots:
        _draw_band(axes, places, shift, limits, look["color"])
        _draw_dots(axes, series.marks, shift, look)
    axes.plot([x + shift for x, _ in places], middles, **line)


def _inside(value: float | None, limits: tuple[float, float]) -> float:
    """A value within the plot; nan, which breaks a line, for none."""
    return math.nan if value is None else min(max(value, limits[0]), limits[1])


def _draw_band(
    axes: "Axes", places: Sequence[tuple[float, list[Mark]]], shift: float, limits: tuple[float, float], colour: str
) -> None:
    """From the least to the greatest at each place; to the edge of the plot where a bound says no more than that."""
    ends = [(_end(marks, AT_MOST, min, limits[0]), _end(marks, AT_LEAST, max, limits[1])) for _, marks in places]
    bounds = [all(mark.kind != EXACT for mark in marks) for _, marks in places]
    axes.fill_between(
        [x + shift for x, _ in places],
        [low for low, _ in ends],
        [high for _, high in ends],
        where=[not bound for bound in bounds],
        color=colour, alpha=0.16, linewidth=0,
    )  # fmt: skip


def _end(marks: Sequence[Mark], open_end: str, furthest: Any, edge: float) -> float:
    """One end of a band."""
    return edge if any(mark.kind == open_end for mark in marks) else float(furthest(mark.y for mark in marks))


def _draw_dots(axes: "Axes", marks: Sequence[Mark], shift: float, look: dict[str, Any]) -> None:
    """Every repeat; bounds as hollow triangles."""
    for kind, marker in ((EXACT, look["marker"]), (AT_MOST, "v"), (AT_LEAST, "^")):
        chosen = [mark for mark in marks if mark.kind == kind]
        if chosen:
            axes.plot(
                [mark.x + shift for mark in chosen],
                [mark.y for mark in chosen],
                linestyle="none", marker=marker, markersize=3.6 if kind == EXACT else 5, color=look["color"],
                markerfacecolor=look["color"] if kind == EXACT else "none", alpha=0.75 if kind == EXACT else 1.0,
                markeredgewidth=0 if kind == EXACT else 0.9,
            )  # fmt: skip
