"""The report as one HTML page: the answer first, then what it rests on, and what its words mean."""

from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from itertools import count
from typing import Any

import attrs

from stress.campaign.soak.ending import Ending
from stress.campaign.sweep.records import NOT_APPLICABLE
from stress.corpus import Corpus
from stress.results.load.entries import BROKEN, EXPECTED, EXPLORATIONS, INCONCLUSIVE, UNEXPECTED, Source
from stress.results.pages import pictures
from stress.results.pages.downloads import Download, download
from stress.results.pages.pictures import Key, Picture
from stress.results.pages.render import check_extra, render
from stress.results.report import bar_charts, charts, sections
from stress.results.report.as_json import make_json
from stress.results.report.bars import COUNTS, bars_of
from stress.results.report.curves import MOST_REPEATS, Family, families, numbers_of
from stress.results.report.explorations import explorations_of, shows, where, world
from stress.results.report.history import histories
from stress.results.report.scenarios import scenarios_of
from stress.results.report.statistics import answer, rows_of, summary_of, worst_first
from stress.results.report.table_csv import make_csv
from stress.results.report.timelines import drawn_finds, left_out
from stress.results.report.words import EXPLORED, GLOSSARY, INTRODUCTION

MOST_ROWS = 12
MOST_IN_CSV, MOST_IN_JSON = 2_000, 60
"""Of how many runs a page carries the data."""
SYMBOLS = {EXPECTED: "✓", INCONCLUSIVE: "?", NOT_APPLICABLE: "-", UNEXPECTED: "✗", BROKEN: "!"}
"""What marks a row besides its colour."""
TONES = {EXPECTED: "good", INCONCLUSIVE: "doubt", UNEXPECTED: "bad", BROKEN: "bad"}


@attrs.frozen
class Group:
    """Pictures that share a legend: those of a scenario with its twin, by engine, or those of single runs."""

    title: str
    keys: tuple[Key, ...]
    panels: tuple[tuple[str, tuple[Picture, ...]], ...]


@attrs.frozen
class Drawn:
    """The same with everything drawn, as elements of the page."""

    title: str
    keys: tuple[tuple[str, str], ...]
    panels: tuple[tuple[str, tuple[tuple[str, str], ...]], ...]


def make_page(sources: Sequence[Source], corpus: Corpus | None = None) -> str:
    """The page; `corpus` is that of explorations that had another than the bundled one.

    Raises:
        UserError: when the extra is not installed, or something that is to be shown is damaged.
    """
    check_extra("--output: a page")
    return render("report.html.j2", **_contents(sources, corpus))


def _contents(sources: Sequence[Source], corpus: Corpus | None) -> dict[str, Any]:
    """Everything that the page shows."""
    rows = worst_first(row for source in sources for row in rows_of(source))
    summary = worst_first(row for source in sources for row in summary_of(source))
    said = answer(sources)
    explored = explorations_of(sources)
    finds = drawn_finds(explored, corpus)
    shown = {
        "sources": sources,
        "summary": summary if len(rows) > max(len(summary), MOST_ROWS) else [],
        "rows": rows,
        "symbols": SYMBOLS,
        "about": scenarios_of(sources),
        "most_repeats": MOST_REPEATS,
        "drawn": list(_draw(sources)),
        "explorations": explored,
        "finds": finds,
        "undrawn": left_out(finds),
        "world": world,
        "shows": shows,
        "where": where,
        "violations": sections.violations(sources),
        "troubles": sections.troubles(sources),
        "hosts": sections.hosts(sources),
        "commands": [(one.title, sections.commands(one)) for one in sources if one.kind != EXPLORATIONS],
        "seeds": sections.SEEDS,
        "limits": sections.LIMITS,
        "not_seen": sections.not_seen(sources),
        "data": list(_data(sources)),
    }
    return {
        **shown,
        "kind": "report",
        "headline": said.headline,
        "sentence": said.sentence,
        "answer_tone": TONES[said.standing],
        "answer_mark": SYMBOLS[said.standing],
        "introduction": INTRODUCTION,
        "glossary": (*GLOSSARY, *(EXPLORED if explored else ())),
        "places": list(_places(shown)),
    }


def _places(shown: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
    """The sections of the page by their ids, those that have nothing to show left out."""
    yield "verdicts", "Verdicts"
    for place, key, name in (
        ("scenarios", "about", "What the scenarios claim"),
        ("plots", "drawn", "Plots"),
        ("explorations", "explorations", "Explorations"),
        ("violations", "violations", "Violations"),
        ("troubles", "troubles", "What broke or stalled"),
        ("conditions", "commands", "Conditions"),
        ("again", "commands", "Run it again"),
    ):
        if shown[key]:
            yield place, name
    yield from (("limits", "What was not seen"), ("data", "The data"), ("words", "What the words mean"))


def _data(sources: Sequence[Source]) -> Iterator[Download]:
    """The data that the page carries, as far as it is small."""
    runs = sum(len(source.entries) for source in sources)
    if 0 < runs <= MOST_IN_CSV and (table := download("kstress-runs.csv", "text/csv", make_csv(sources))):
        yield table
    runs += len(explorations_of(sources))
    if 0 < runs <= MOST_IN_JSON and (whole := download("kstress-runs.json", "application/json", make_json(sources))):
        yield whole


def pictures_of(sources: Sequence[Source]) -> list[Picture]:
    """Every picture of a report, for slides."""
    groups = [group for _, groups in _groups(sources) for group in groups]
    return [picture for group in groups for _, pictures in group.panels for picture in pictures]


def _draw(sources: Sequence[Source]) -> Iterator[tuple[Source, list[Drawn]]]:
    """The pictures of each source that has any."""
    number = count(1)
    with pictures.quiet():
        for source, groups in _groups(sources):
            yield source, [_drawn(group, lambda: next(number)) for group in groups]


def _groups(sources: Sequence[Source]) -> Iterator[tuple[Source, list[Group]]]:
    """What is drawn of each source, if anything is."""
    numbers = numbers_of(sources)
    for source in sources:
        soak = next((entry.soak for entry in source.entries if entry.soak is not None), None)
        groups = _of_runs(source, numbers) if soak is None else _of_soak(source, soak, numbers)
        if groups:
            yield source, groups


def _of_soak(source: Source, soak: Ending, numbers: Mapping[str, int]) -> list[Group]:
    """How a soak went over time."""
    return [_group(source.title, "", family) for family in histories(soak, numbers)]


def _of_runs(source: Source, numbers: Mapping[str, int]) -> list[Group]:
    """Curves of what varies or is repeated, and bars of runs of which a curve would be one dot."""
    known = families(source, numbers)
    single = {name for family in known if family.of_single_runs for name in family.scenarios}
    curves = [_group(family.title, family.title, family) for family in known if not family.of_single_runs]
    return [*curves, *_of_single_runs(source, single)]


def _group(subject: str, title: str, family: Family) -> Group:
    """A family as pictures; `subject` is what a slide says below its title."""
    panels = tuple(
        (
            f"{engine} engine" if engine else "",
            tuple(charts.picture_of(chart, _of_engine(subject, engine)) for chart in drawn),
        )
        for engine, drawn in family.panels
    )
    return Group(title, (*map(charts.key_of, family.series), *charts.signs_of(family.charts)), panels)


def _of_engine(subject: str, engine: str) -> str:
    """A subject, and of which engine, if that is known."""
    return f"{subject}; {engine} engine" if engine else subject


def _of_single_runs(source: Source, scenarios: Collection[str]) -> list[Group]:
    """Bars of the runs of some scenarios: rates together, then the outcomes of each."""
    drawn = [bar_charts.picture_of(bars) for bars in bars_of(source, scenarios)]
    rates = tuple(picture for picture in drawn if picture.title != COUNTS)
    counts = tuple(picture for picture in drawn if picture.title == COUNTS)
    of_both = (("", rates), ("How often each outcome came", counts))
    return [Group("", _keys(found), ((title, found),)) for title, found in of_both if found]


def _keys(drawn: Sequence[Picture]) -> tuple[Key, ...]:
    """The keys of some pictures, each once."""
    return tuple({key.label: key for picture in drawn for key in picture.keys}.values())


def _drawn(group: Group, number: Callable[[], int]) -> Drawn:
    """One group, drawn."""
    keys = tuple((key.label, pictures.draw_key(key, number())) for key in group.keys)
    panels = tuple(
        (title, tuple((_caption(picture), pictures.draw(picture, number())) for picture in drawn))
        for title, drawn in group.panels
    )
    return Drawn(group.title, keys, panels)


def _caption(picture: Picture) -> str:
    """What stands above a picture in the page: of what it is, where all beside it have the same title."""
    return picture.subject if picture.title == COUNTS else picture.title
