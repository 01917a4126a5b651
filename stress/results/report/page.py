"""The report as one HTML page that opens anywhere, offline: nothing is loaded, nothing is run, all text is escaped."""

import base64
import hashlib
import time
from collections.abc import Callable, Iterator, Sequence
from importlib.resources import files
from itertools import count
from typing import Any

import attrs

from stress.campaign.identity import made_by
from stress.campaign.sweep.records import NOT_APPLICABLE
from stress.errors import UserError
from stress.extras import needs
from stress.results.load.entries import BROKEN, EXPECTED, INCONCLUSIVE, UNEXPECTED, Source
from stress.results.report import charts, sections
from stress.results.report.curves import AT_LEAST, AT_MOST, MOST_REPEATS, Chart, Family, families
from stress.results.report.history import histories
from stress.results.report.scales import share_text
from stress.results.report.statistics import answer, rows_of, summary_of, worst_first

GENERATOR = '<meta name="generator" content="kstress '
MOST_ROWS = 12
SYMBOLS = {EXPECTED: "✓", INCONCLUSIVE: "?", NOT_APPLICABLE: "-", UNEXPECTED: "✗", BROKEN: "!"}
"""What marks a row besides its colour."""


def check_extra() -> None:
    """Raise UserError where what a page is made with is not installed."""
    try:
        import jinja2
        import matplotlib  # noqa: F401
    except ImportError:
        raise UserError(needs("--output: a page", "report")) from None
    del jinja2


@attrs.frozen
class Drawn:
    """A family with everything drawn: the legend, and the plots of each engine."""

    title: str
    keys: tuple[tuple[str, str], ...]
    panels: tuple[tuple[str, tuple[tuple[str, str], ...]], ...]
    bounds: frozenset[str]


def make_page(sources: Sequence[Source]) -> str:
    """The page, in ASCII, so that no encoding can spoil it.

    Raises:
        UserError: when the extra is not installed, or something that is to be shown is damaged.
    """
    check_extra()
    from jinja2 import Environment, StrictUndefined
    from markupsafe import Markup

    environment = Environment(
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        finalize=lambda value: value if isinstance(value, Markup) else sections.clean(str(value)),
    )
    environment.filters.update(rate=share_text)
    css = environment.from_string(_file("page.css.j2")).render(dark=charts.DARK)
    page = environment.from_string(_file("page.html.j2"))
    text = page.render(**_contents(sources), css=Markup(css), policy=_policy(css), markup=Markup)
    return text.encode("ascii", "xmlcharrefreplace").decode()


def _file(name: str) -> str:
    """A file that comes with this package."""
    return files("stress.results.report").joinpath(name).read_text(encoding="utf-8")


def _policy(css: str) -> str:
    """What a browser may do with the page: apply this one style sheet."""
    digest = base64.b64encode(hashlib.sha256(css.encode()).digest()).decode()
    return f"default-src 'none'; style-src 'sha256-{digest}'; base-uri 'none'; form-action 'none'"


def _contents(sources: Sequence[Source]) -> dict[str, Any]:
    """Everything that the page shows."""
    rows = worst_first(row for source in sources for row in rows_of(source))
    summary = worst_first(row for source in sources for row in summary_of(source))
    return {
        "generator": made_by(),
        "made_at": time.strftime("%Y-%m-%d %H:%M:%S UTC", time.gmtime()),
        "answer": answer(sources),
        "sources": sources,
        "summary": summary if len(rows) > max(len(summary), MOST_ROWS) else [],
        "rows": rows,
        "symbols": SYMBOLS,
        "most_repeats": MOST_REPEATS,
        "drawn": list(_draw(sources)),
        "violations": sections.violations(sources),
        "troubles": sections.troubles(sources),
        "hosts": sections.hosts(sources),
        "commands": [(source.title, sections.commands(source)) for source in sources],
        "seeds": sections.SEEDS,
        "limits": sections.LIMITS,
        "not_seen": sections.not_seen(sources),
    }


def _draw(sources: Sequence[Source]) -> Iterator[tuple[Source, list[Drawn]]]:
    """The plots of each source that has any."""
    number = count(1)
    with charts.quiet():
        for source in sources:
            drawn = [_drawn(family, lambda: next(number)) for family in families_of(source)]
            if drawn:
                yield source, drawn


def families_of(source: Source) -> list[Family]:
    """What is drawn of a source: its history if it is a soak, else its curves if there is more than one run."""
    soaks = [entry.soak for entry in source.entries if entry.soak is not None]
    if soaks:
        return histories(soaks[0])
    return families(source) if len(source.entries) > 1 else []


def _drawn(family: Family, number: Callable[[], int]) -> Drawn:
    """One family, drawn."""
    keys = tuple((series.label, charts.draw_key(series, number())) for series in family.series)
    panels = tuple(
        (engine, tuple((chart.title, charts.draw(chart, number())) for chart in drawn))
        for engine, drawn in family.panels
    )
    return Drawn(family.title, keys, panels, frozenset(_bounds(chart for _, drawn in family.panels for chart in drawn)))


def _bounds(drawn: Iterator[Chart]) -> Iterator[str]:
    """The kinds of bounds that are drawn, which then need to be explained."""
    kinds = {mark.kind for chart in drawn for series in chart.series for mark in series.marks}
    yield from kinds & {AT_MOST, AT_LEAST}
