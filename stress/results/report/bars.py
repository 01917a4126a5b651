"""What the bars of single runs show, as numbers: how often each outcome came, and how often a change went wrong.

A curve through one run is one dot. So runs that are alike on every axis, and are not repeated, are bars instead.
"""

from collections import Counter
from collections.abc import Collection, Iterator, Mapping, Sequence

import attrs

from stress.campaign.runs import Run
from stress.judge.outcomes import Outcome
from stress.results.load.entries import Source
from stress.results.pages.scales import bound_share_text, share_text
from stress.results.report.curves import AT_MOST, EXACT
from stress.results.report.grades import SIGNS, grade_of
from stress.results.report.statistics import Row, rows_of
from stress.results.report.trial_kinds import KINDS, TrialKind

MOST_ROWS = 24
ORDER = tuple(SIGNS)


@attrs.frozen
class Bar:
    """One bar: how long it is, what is written at its end, and what its colour says."""

    label: str
    value: float
    text: str
    meaning: str


@attrs.frozen
class Bars:
    """One picture of bars on a logarithmic axis: `subject` is of what, `unit` what the axis counts.

    `exact` is what a bar is that is neither a bound nor an outcome.
    """

    title: str
    subject: str
    unit: str
    bars: tuple[Bar, ...]
    exact: str = ""


COUNTS = "outcomes"
"""The title of pictures of outcomes; those of rates have the title of their kind."""


def bars_of(source: Source, scenarios: Collection[str]) -> list[Bars]:
    """The rates of all runs of some scenarios together, then the outcomes of each."""
    rows = [row for row in rows_of(source) if row.values.scenario in scenarios and row.applicable]
    recorded = {part.name: part.outcomes for part in source.parts}
    rates = [bars for kind in KINDS for bars in _rates(source.title, rows, kind)]
    return [*rates, *(bars for row in rows for bars in _outcomes(row, recorded))]


def _rates(title: str, rows: Sequence[Row], kind: TrialKind) -> Iterator[Bars]:
    """How often trials of one kind went wrong in each run, a few dozen runs in a picture."""
    known = [(row, value) for row in rows if row.kind == kind and (value := row.rate or row.bound)]
    names = _names([row for row, _ in known])
    for first in range(0, len(known), MOST_ROWS):
        some = list(zip(names, known, strict=True))[first : first + MOST_ROWS]
        bars = [_rate(name, row, value) for name, (row, value) in some]
        yield Bars(kind.title, title, kind.axis, tuple(bars), kind.bar)


def _rate(name: str, row: Row, value: float) -> Bar:
    """The bar of one run: its rate, or a bound where nothing was caught."""
    return (
        Bar(name, value, share_text(value), EXACT)
        if row.rate
        else Bar(name, value, f"≤ {bound_share_text(value)}", AT_MOST)
    )


def _names(rows: Sequence[Row]) -> list[str]:
    """What tells each row from the others, in words."""
    several = len({row.values.engine for row in rows}) > 1, len({row.values.cpus for row in rows}) > 1
    return [", ".join(_words(row, *several)) for row in rows]


def _words(row: Row, engines: bool, cpus: bool) -> Iterator[str]:
    """A row in words; engine and CPU count only where they differ from row to row."""
    yield row.values.scenario
    if engines:
        yield row.values.engine
    if cpus:
        yield f"{row.values.cpus} CPUs"
    if row.settings:
        yield row.settings


def _outcomes(row: Row, recorded: Mapping[str, Mapping[str, Outcome]]) -> Iterator[Bars]:
    """How often each outcome came in one run, if any came; `recorded` are outcomes of scenarios, by their names."""
    runs: list[Run] = [entry.run for entry in row.entries if entry.run]
    counts = sum((Counter(run.outcomes) for run in runs), Counter[str]())
    if counts:
        graded = recorded.get(row.values.scenario, {})
        first = {name: next(run for run in runs if run.outcomes.get(name)) for name in counts}
        bars = [Bar(name, count, f"{count:,}", grade_of(first[name], name, graded)) for name, count in counts.items()]
        ordered = sorted(bars, key=lambda bar: ORDER.index(bar.meaning))
        unit = "times" if runs[0].of_a_test else "lookups"
        yield Bars(COUNTS, ", ".join(_words(row, engines=True, cpus=True)), unit, tuple(ordered))
