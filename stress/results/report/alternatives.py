"""What a plot says in words, for those who cannot see it: every value of a short line, and how far a long one goes."""

from collections.abc import Iterator, Sequence
from itertools import groupby

from stress.results.pages.scales import value_text
from stress.results.report.curves import EXACT, Chart, Mark, Series, middle, rank

MOST_PLACES = 10
"""How many values of a line are told one by one."""


def words_of(chart: Chart) -> str:
    """The title, the axis, and what each line says."""
    what = "medians, " if chart.dots else ""
    lines = [f"{series.label}: {', '.join(_of_line(chart, series))}" for series in chart.series if series.marks]
    return f"{chart.title} ({what}by {chart.x_name}). {'. '.join(lines)}"


def _of_line(chart: Chart, series: Series) -> Iterator[str]:
    """The values of one line."""
    names = dict(chart.ticks)
    marks = sorted(series.marks, key=lambda mark: mark.x)
    places = [(x, list(some)) for x, some in groupby(marks, lambda mark: mark.x)]
    if len(places) <= MOST_PLACES and all(x in names for x, _ in places):
        yield from (f"{_value(chart, some)} at {names[x]}" for x, some in places)
        return
    yield f"{_value(chart, places[0][1])} at first"
    yield f"{_value(chart, places[-1][1])} at last"
    yield f"{_range(chart, marks)} in all"


def _value(chart: Chart, marks: Sequence[Mark]) -> str:
    """The median of the marks at one place; where that is a bound, what they are."""
    value = middle(marks)
    return _range(chart, marks) if value is None else value_text(value, chart.unit)


def _range(chart: Chart, marks: Sequence[Mark]) -> str:
    """The least and the greatest of some marks."""
    ranked = sorted(marks, key=lambda mark: (rank(mark), mark.y))
    return " to ".join(dict.fromkeys(_one(chart, mark) for mark in (ranked[0], ranked[-1])))


def _one(chart: Chart, mark: Mark) -> str:
    """One mark, and whether it is a bound."""
    text = value_text(mark.y, chart.unit)
    return text if mark.kind == EXACT else f"{mark.kind} {text}"
