"""Draws the plots of runs, sweeps and soaks.

Colour says which scenario, marker and dashes say it again. Every repeat is a dot, the line is their median, the band
goes from the least to the greatest; a bound is a hollow triangle that points to where the value must be.
"""

import math
from collections.abc import Iterator, Sequence
from functools import partial
from itertools import groupby
from typing import TYPE_CHECKING, Any

from stress.results.pages.palette import FAINT, INK, SCENARIOS
from stress.results.pages.pictures import Key, Picture
from stress.results.pages.scales import linear_ticks, log_limits, log_ticks, thinned
from stress.results.pages.text import clean
from stress.results.report.alternatives import words_of
from stress.results.report.curves import ALL_SCENARIOS, AT_LEAST, AT_MOST, EXACT, Chart, Mark, Series, middle

if TYPE_CHECKING:
    from matplotlib.axes import Axes

COLOURS = tuple(SCENARIOS)
MARKERS = ("o", "s", "D", "P", "X", "*", "<", ">")
DASHES: tuple[Any, ...] = ("-", (0, (5, 2)), (0, (1.5, 1.5)), (0, (6, 2, 1.5, 2)), (0, (6, 2, 1.5, 2, 1.5, 2)))
MARKER_STEP = 3
"""From one value to the next; it, the markers and the dashes share no factor, so that 40 values look different."""
BORDER: dict[str, Any] = {"color": INK, "linewidth": 0.8, "linestyle": (0, (2, 2))}
HOLLOW: dict[str, Any] = {"linestyle": "none", "markersize": 5, "markerfacecolor": "none", "markeredgewidth": 0.9}
TRIANGLES = {AT_MOST: "v", AT_LEAST: "^"}
BOUNDS = {AT_MOST: "bound: none was seen, so at most this", AT_LEAST: "bound: none came in the run, so at least this"}
BAND: dict[str, Any] = {"alpha": 0.16, "linewidth": 0}
DODGE = 0.012


def picture_of(chart: Chart, subject: str) -> Picture:
    """The picture of a plot; `subject` says of what it is."""
    keys = (*map(key_of, chart.series), *signs_of([chart]))
    return Picture(title=chart.title, subject=subject, alt=words_of(chart), plot=partial(_plot, chart), keys=keys)


def key_of(series: Series) -> Key:
    """The line and marker of a series, for a legend."""
    return Key(series.label, {**_look(series), "linewidth": 1.6, "markersize": 6, "markeredgewidth": 0})


def signs_of(charts: Sequence[Chart]) -> Iterator[Key]:
    """What dots, bands, triangles and upright lines mean; only those that the plots have."""
    kinds = {mark.kind for chart in charts for series in chart.series for mark in series.marks}
    if any(chart.dots for chart in charts):
        yield Key("a run", {"color": INK, "marker": "o", "linestyle": "none", "markersize": 4, "markeredgewidth": 0})
        yield Key("median of the repeats", {"color": INK, "linewidth": 1.5})
        yield Key("least to greatest", {"color": INK, **BAND}, band=True)
    for kind, meaning in BOUNDS.items():
        if kind in kinds:
            yield Key(meaning, {"color": INK, "marker": TRIANGLES[kind], **HOLLOW})
    if any(chart.borders for chart in charts):
        yield Key("another session took over", BORDER)


def _plot(chart: Chart, axes: "Axes") -> None:
    """Draw a plot on axes."""
    limits = _limits(chart)
    _scale(axes, chart, limits)
    width = _width(chart)
    if len({place for place, _ in chart.ticks}) == 1:
        axes.set_xlim(chart.ticks[0][0] - 0.1, chart.ticks[0][0] + 0.1)
    for place, series in enumerate(chart.series):
        _draw_series(axes, chart, series, (place - (len(chart.series) - 1) / 2) * DODGE * width, limits)
    for border in chart.borders:
        axes.axvline(border, **BORDER)


def _look(series: Series) -> dict[str, Any]:
    """Colour by scenario; dashes by what else varies, or where colours come again; a marker that says both."""
    again, colour = divmod(max(series.colour, 0), len(COLOURS))
    return {
        "color": INK if series.colour == ALL_SCENARIOS else COLOURS[colour],
        "linestyle": DASHES[(series.style + again) % len(DASHES)],
        "marker": MARKERS[(series.colour + MARKER_STEP * series.style) % len(MARKERS)],
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
        color=colour,
        **BAND,
    )


def _end(marks: Sequence[Mark], open_end: str, furthest: Any, edge: float) -> float:
    """One end of a band."""
    return edge if any(mark.kind == open_end for mark in marks) else float(furthest(mark.y for mark in marks))


def _draw_dots(axes: "Axes", marks: Sequence[Mark], shift: float, look: dict[str, Any]) -> None:
    """Every repeat; bounds as hollow triangles."""
    dot = {"marker": look["marker"], "linestyle": "none", "markersize": 3.6, "alpha": 0.75, "markeredgewidth": 0}
    for kind in (EXACT, *TRIANGLES):
        chosen = [mark for mark in marks if mark.kind == kind]
        if chosen:
            style = dot if kind == EXACT else {"marker": TRIANGLES[kind], **HOLLOW}
            axes.plot([mark.x + shift for mark in chosen], [mark.y for mark in chosen], color=look["color"], **style)
