"""What the plots of runs and sweeps show, as numbers: nothing is drawn here.

Every repeat is a mark; where there are more than anybody could tell apart, some stand for all. A rate of which nothing
was seen is a bound from above, a first violation that never came is one from below; neither is ever taken for a value.
"""

import math
from collections.abc import Callable, Iterable, Mapping, Sequence
from functools import partial
from statistics import fmean
from typing import Any, NamedTuple

import attrs

from stress.campaign.runs import Run, UpdateCosts
from stress.campaign.sweep.records import COLUMNS
from stress.judge.trials import Trials
from stress.kinds import NUMBERS
from stress.results.load.axes import axis_name, axis_value, settings, varying
from stress.results.load.entries import Entry, Source
from stress.results.pages.scales import COUNT, RATE, TIME
from stress.results.report.trial_kinds import KINDS, TrialKind, kind_of
from stress.scenario import SAME_FILE
from stress.settings import AXES

EXACT, AT_MOST, AT_LEAST = "exact", "at most", "at least"
NUMERIC = tuple(axis.field for axis in AXES if axis.kind in NUMBERS)
SHORTEST_S = 1e-9
ALL_SCENARIOS = -1
MOST_REPEATS = 101
"""How many repeats are drawn of one value on the horizontal axis; odd, so that the median is one of them."""


class Mark(NamedTuple):
    """One repeat: where it is on the horizontal axis, its value, and whether that is EXACT or a bound."""

    x: float
    y: float
    kind: str = EXACT


@attrs.frozen
class Series:
    """The marks of one line. `colour` and `style` are numbers, of the scenario and of what else varies.

    `colour` is ALL_SCENARIOS for a line that is of none in particular.
    """

    label: str
    colour: int
    style: int
    marks: tuple[Mark, ...]


@attrs.frozen(kw_only=True)
class Chart:
    """One plot. `ticks` are places on the horizontal axis and what they are called; `borders` are upright lines.

    `dots` is whether each mark is drawn, or the line alone.
    """

    title: str
    unit: str
    log: bool
    series: tuple[Series, ...]
    x_name: str
    ticks: tuple[tuple[float, str], ...]
    borders: tuple[float, ...] = ()
    dots: bool = True


@attrs.frozen
class Family:
    """Some scenarios, such as one with its twin, that are drawn together. `panels` has the plots of each engine."""

    title: str
    scenarios: tuple[str, ...]
    series: tuple[Series, ...]
    panels: tuple[tuple[str, tuple[Chart, ...]], ...]

    @property
    def charts(self) -> list[Chart]:
        """The plots of all engines."""
        return [chart for _, charts in self.panels for chart in charts]

    @property
    def of_single_runs(self) -> bool:
        """Whether each of its lines would be one dot."""
        return all(len(one.marks) < 2 for chart in self.charts for one in chart.series)


def rank(mark: Mark) -> float:
    """What repeats are ordered by: a bound from above may be nothing, one from below anything."""
    return {EXACT: mark.y, AT_MOST: 0.0, AT_LEAST: math.inf}[mark.kind]


def evenly_ranked(marks: Sequence[Mark]) -> Sequence[Mark]:
    """Those of the repeats of one value that stand for all: the least, the greatest, and even steps between them."""
    if len(marks) <= MOST_REPEATS:
        return marks
    ranked = sorted(marks, key=rank)
    return [ranked[at * (len(ranked) - 1) // (MOST_REPEATS - 1)] for at in range(MOST_REPEATS)]


def middle(marks: Iterable[Mark]) -> float | None:
    """The median of the marks at one place; None where it is a bound, or half of one, rather than a value."""
    ranked = sorted(marks, key=rank)
    halves = ranked[(len(ranked) - 1) // 2], ranked[len(ranked) // 2]
    return fmean(mark.y for mark in halves) if all(mark.kind == EXACT for mark in halves) else None


Measure = Callable[[Run], tuple[float | None, str]]


def _exactly(value: Callable[[Run], float | None]) -> Measure:
    """A measure that is never a bound."""
    return lambda run: (value(run), EXACT)


def _of_updates(value: Callable[[UpdateCosts], float | None]) -> Measure:
    """A measure of what updates cost, of a run that has any."""
    return _exactly(lambda run: value(run.updates) if run.updates else None)


def _caught(kind: TrialKind, run: Run) -> tuple[float | None, str]:
    """Catches per trial, of a run whose trials are of this kind."""
    caught = run.caught if kind_of(run) == kind else Trials()
    return (caught.rate, EXACT) if caught.catches else (caught.upper_95, AT_MOST)


def _first(run: Run) -> tuple[float | None, str]:
    """Seconds to the first violation."""
    if run.first_violation_s is None:
        return _time(run.duration_s), AT_LEAST
    return max(run.first_violation_s, SHORTEST_S), EXACT


def _time(seconds: float | None) -> float | None:
    """Seconds for an axis that begins above nothing; None if there are none."""
    return seconds if seconds is not None and seconds >= SHORTEST_S else None


def _microseconds(us: float | None) -> float | None:
    """The same of microseconds."""
    return None if us is None else _time(us / 1e6)


def _work(count: Callable[[Run], int], of_a_test: bool = False) -> Measure:
    """How often a second; None of a test's own bodies, or None of all others."""
    return _exactly(lambda run: run.per_second(count(run)) if run.of_a_test == of_a_test else None)


METRICS: tuple[tuple[str, str, bool, Measure], ...] = (
    *((kind.axis, RATE, True, partial(_caught, kind)) for kind in KINDS),
    ("time to first violation", TIME, True, _first),
    ("lookups a second", COUNT, False, _work(lambda run: run.lookups)),
    ("operations a second", COUNT, False, _work(lambda run: run.lookups, of_a_test=True)),
    ("unloads a second", COUNT, False, _work(lambda run: run.unloads)),
    ("time of an update, mean", TIME, True, _of_updates(lambda cost: _microseconds(cost.mean_us))),
    ("time of an update, longest", TIME, True, _of_updates(lambda cost: _microseconds(cost.max_us))),
    ("retired and not freed yet, mean", COUNT, False, _of_updates(lambda cost: cost.waiting_mean)),
    ("retired and not freed yet, most", COUNT, False, _of_updates(lambda cost: cost.waiting_max)),
    ("length of a stop, median", TIME, True, _exactly(lambda run: _microseconds(run.stop_machine.p50_us))),
    ("length of a stop, 99 %", TIME, True, _exactly(lambda run: _microseconds(run.stop_machine.p99_us))),
)


@attrs.frozen
class Axis:
    """The horizontal axis: which it is, and the place of each of its values."""

    name: str
    places: dict[Any, float]

    def ticks(self) -> tuple[tuple[float, str], ...]:
        """Places and what they are called."""
        return tuple((place, axis_value(self.name, value)) for value, place in self.places.items())


def _one_of_each(entries: Iterable[Entry]) -> Sequence[Entry]:
    """An entry of each place in a matrix, of which there are few where there are many entries."""
    return list({id(entry.values): entry for entry in entries}.values())


def axis_of(entries: Sequence[Entry]) -> Axis:
    """The axis to draw along: CPU count if it varies, else the first number that does, else the first that does."""
    some = _one_of_each(entries)
    values = {
        axis: {getattr(entry.values, axis) for entry in some} for axis in (*NUMERIC, *COLUMNS) if axis != "engine"
    }
    candidates = [axis for axis in values if axis != "scenario" and len(values[axis]) > 1]
    name = candidates[0] if candidates else "cpus"
    known = sorted(values[name], key=lambda value: (value is None, value))
    if name in NUMERIC and all(value is not None and value > 0 for value in known):
        return Axis(name, {value: math.log2(value) for value in known})
    return Axis(name, {value: float(place) for place, value in enumerate(known)})


def groups_of(source: Source) -> list[tuple[str, ...]]:
    """The scenarios that are drawn together: variants of one file; each with its twin; then those that are alone."""
    names, twins = source.scenarios(), dict[str, str]()
    for entry in source.entries:
        if entry.run and entry.run.twin:
            twins[entry.run.scenario] = entry.run.twin.scenario
    files: dict[str, list[str]] = {}
    for name in names:
        if SAME_FILE in name:
            files.setdefault(name.partition(SAME_FILE)[0], []).append(name)
    pairs = [(name, twins[name]) for name in names if twins.get(name) in names]
    together = [*map(tuple, files.values()), *pairs]
    found = {name for group in together for name in group}
    return [*together, *((name,) for name in names if name not in found)]


def numbers_of(sources: Iterable[Source]) -> dict[str, int]:
    """A number for each scenario, which gives it its colour and marker in all plots."""
    names = dict.fromkeys(name for source in sources for group in groups_of(source) for name in group)
    return {name: number for number, name in enumerate(names)}


def families(source: Source, numbers: Mapping[str, int] | None = None) -> list[Family]:
    """What is drawn together of one source, for every scenario once at least; `numbers` are those of all sources."""
    known = numbers_of([source]) if numbers is None else numbers
    found = (_family(source.entries, group, known) for group in groups_of(source))
    return [family for family in found if family is not None]


def _family(entries: Sequence[Entry], names: tuple[str, ...], numbers: Mapping[str, int]) -> Family | None:
    """The plots of some scenarios; None if none of them has a run."""
    of_these = [entry for name in names for entry in entries if entry.values.scenario == name and entry.run]
    if not of_these:
        return None
    axis = axis_of(of_these)
    others = tuple(name for name in varying(of_these) if name != axis.name)
    lines = _lines(of_these, numbers, others)
    engines = dict.fromkeys(entry.values.engine for entry in of_these)
    panels = tuple((engine, _charts(lines, engine, axis)) for engine in engines)
    file, variant, _ = names[0].partition(SAME_FILE)
    title = f"{names[0]}, and its twin {names[1]}" if len(names) > 1 and not variant else names[0]
    title = f"{file}: {len(names)} variants" if len(names) > 1 and variant else title
    return Family(title, names, tuple(Series(*line, ()) for line in lines), panels)


Line = tuple[str, int, int]


def _lines(entries: Sequence[Entry], numbers: Mapping[str, int], others: tuple[str, ...]) -> dict[Line, list[Entry]]:
    """The entries of each line, by its label and the numbers of its colour and style."""
    lines: dict[Line, list[Entry]] = {}
    styles: dict[str, int] = {}
    variants = {id(entry.values): settings(entry.values, others) for entry in _one_of_each(entries)}
    for entry in entries:
        variant = variants[id(entry.values)]
        style = styles.setdefault(variant, len(styles))
        name = entry.values.scenario
        label = f"{name}, {variant}" if variant else name
        lines.setdefault((label, numbers[name], style), []).append(entry)
    return lines


def _charts(lines: dict[Line, list[Entry]], engine: str, axis: Axis) -> tuple[Chart, ...]:
    """The plots of one engine that have anything in them."""
    charts, placed = [], {line: _placed(entries, engine, axis) for line, entries in lines.items()}
    for title, unit, log, measure in METRICS:
        series = tuple(Series(*line, _marks(runs, measure)) for line, runs in placed.items())
        if any(one.marks for one in series):
            charts.append(
                Chart(title=title, unit=unit, log=log, series=series, x_name=axis_name(axis.name), ticks=axis.ticks())
            )
    return tuple(charts)


def _placed(entries: Iterable[Entry], engine: str, axis: Axis) -> dict[float, list[Run]]:
    """The runs of one engine, by their places on the axis."""
    places: dict[float, list[Run]] = {}
    for entry in entries:
        if entry.values.engine == engine and entry.run is not None:
            places.setdefault(axis.places[getattr(entry.values, axis.name)], []).append(entry.run)
    return places


def _marks(placed: dict[float, list[Run]], measure: Measure) -> tuple[Mark, ...]:
    """A mark for each run that has this measure."""
    marks = list[Mark]()
    for place, runs in placed.items():
        measured = [(value, kind) for value, kind in map(measure, runs) if value is not None]
        marks += evenly_ranked([Mark(place, value, kind) for value, kind in measured])
    return tuple(marks)
