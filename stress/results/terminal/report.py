"""What `kstress report` prints and writes: tables on the terminal, a page, Markdown, CSV, JSON."""

import gc
import sys
from collections.abc import Callable, Iterable, Sequence
from pathlib import Path

import attrs
from rich.console import Console
from rich.table import Table
from rich.text import Text

from stress.campaign.soak.ending import Ending
from stress.campaign.sweep.records import NOT_APPLICABLE
from stress.corpus import Corpus, load
from stress.errors import UserError
from stress.host.collector import uncollected
from stress.results.load.entries import BROKEN, EXPECTED, EXPLORATIONS, INCONCLUSIVE, SOAK, UNEXPECTED, Source
from stress.results.load.gather import gather
from stress.results.pages.pictures import Maker, figure_files
from stress.results.pages.render import check_extra
from stress.results.report.as_json import make_json
from stress.results.report.explorations import explorations_of, lines_of
from stress.results.report.markdown import make_markdown
from stress.results.report.page import make_page, pictures_of
from stress.results.report.statistics import Row, answer, standings_of, worst_first
from stress.results.report.table_csv import make_csv
from stress.results.report.timelines import drawn_finds, timeline_files
from stress.results.terminal.columns import fitted
from stress.results.terminal.consoles import console
from stress.results.terminal.figures import check_figures, write_figures
from stress.results.terminal.places import (
    check_distinct,
    check_json,
    check_kept,
    check_page,
    files_of,
    write_page,
    write_results,
)
from stress.results.terminal.soak_summary import show_ending
from stress.safe_text import shown

DEFAULT_PAGE = Path("report.html")
STYLES = {EXPECTED: "green", INCONCLUSIVE: "yellow", NOT_APPLICABLE: "dim", UNEXPECTED: "bold red", BROKEN: "bold red"}
MOST_TROUBLES = 20
SPARE = ("as expected", "engine", "expected")
"""Columns of the table that a narrow terminal does without, the first one first."""
MAKERS: dict[str, Callable[[Sequence[Source]], str]] = {
    "--markdown": make_markdown,
    "--csv": make_csv,
    "--json": make_json,
}
"""What makes each text, by its flag."""


@attrs.frozen(kw_only=True)
class Wanted:
    """What is to be written where: a file, `-` for standard output, or None for nothing.

    Raises:
        UserError: for a place that cannot be written to, or that is wanted twice.
    """

    output: Path | None
    figures: Path | None
    markdown: str | None
    csv: str | None
    json: str | None

    def __attrs_post_init__(self) -> None:
        """Check every place before anything is read."""
        places = self.texts()
        if list(places.values()).count("-") > 1:
            raise UserError(f"{' and '.join(places)}: standard output takes one of them; name a file for the others")
        for flag, place in places.items():
            check_json(place, flag)
        check_distinct((*places.values(), self.page))
        if self.page is not None:
            check_page(self.page, DEFAULT_PAGE)

    def texts(self) -> dict[str, str]:
        """The places of what is no page, by their flags."""
        places = {"--markdown": self.markdown, "--csv": self.csv, "--json": self.json}
        return {flag: place for flag, place in places.items() if place is not None}

    @property
    def page(self) -> Path | None:
        """Where the page goes: by default to a file in the current folder, if nothing else was asked for."""
        if self.output is not None:
            return self.output
        return None if self.texts() or self.figures is not None else DEFAULT_PAGE


def report(paths: Sequence[Path], wanted: Wanted, reports: int, corpus: Path | None = None) -> None:
    """Read all, make all, print, write: where anything is wrong, nothing is written.

    `corpus` is a file with the corpus of explorations that had another than the bundled one.

    Raises:
        UserError: for the first thing that is.
    """
    read = (file for path in (*paths, *([corpus] if corpus else [])) for file in files_of(path))
    check_kept(wanted.texts(), read)  # a page that is there is a report, as was checked
    missing = _missing(wanted)
    symbols = load(corpus, "--corpus") if corpus else None
    with uncollected():
        sources = gather(paths)
    gc.freeze()  # what was read stays to the end, and is not looked at again
    made = {flag: (place, MAKERS[flag](sources)) for flag, place in wanted.texts().items()}
    page = None if wanted.page is None or missing else make_page(sources, symbols)
    figures = {} if wanted.figures is None else check_figures(_figures(sources, symbols), wanted.figures)
    screen = console(stderr="-" in wanted.texts().values())
    try:
        show(sources, screen, reports)
    finally:  # also where the reader of a pipe has gone away
        for flag, (place, text) in made.items():
            _write(place, text, flag)
        if wanted.page is not None and page is not None:
            write_page(wanted.page, page)
        write_figures(figures)
    if missing:
        raise UserError(f"no {wanted.page}: {missing}; what it would say is above")


def _figures(sources: Sequence[Source], corpus: Corpus | None) -> dict[str, Maker]:
    """What makes each figure, by the name of its file: plots, and timelines of finds."""
    finds = drawn_finds(explorations_of(sources), corpus)
    return {**figure_files(pictures_of(sources)), **timeline_files(finds)}


def _missing(wanted: Wanted) -> str | None:
    """Why there can be no page, if nobody asked for one; UserError if somebody asked for a page or figures."""
    if wanted.figures is not None:
        check_extra("--figures: a figure")
    if wanted.page is None:
        return None
    try:
        check_extra("--output: a page")
    except UserError as error:
        if wanted.output is not None:
            raise
        return str(error).removeprefix("--output: ")
    return None


def _write(place: str, text: str, flag: str) -> None:
    """Write to a file or to standard output."""
    if place == "-":
        sys.stdout.write(text)
    else:
        write_results(Path(place), text, flag)


def show(sources: Sequence[Source], screen: Console, reports: int) -> None:
    """Print soaks in full, for runs and sweeps a line for each scenario, some for each exploration; then the answer."""
    others = [source for source in sources if source.kind != SOAK]
    for source in sources:
        if source.kind == SOAK:
            show_ending(_ending(source), screen, reports)
    for source in others:
        screen.print(Text(f"{source.title}: {source.summary}", "bold"))
        if source.resume:
            screen.print(Text(f"resume  {source.resume}", "dim"), soft_wrap=True)
        for line in source.answers:
            screen.print(Text(shown(line)), soft_wrap=True)
        if source.kind == EXPLORATIONS:
            _show_explorations(source, screen)
        else:
            screen.print(fitted(_table(worst_first(standings_of(source))), screen.width, SPARE))
            _show_troubles(source, screen)
    if others or any(source.unfinished for source in sources):
        said = answer(sources)
        screen.print(Text.assemble((f"{said.headline}: ", STYLES[said.standing]), said.sentence), soft_wrap=True)


def _show_explorations(source: Source, screen: Console) -> None:
    """What was explored and found, and how to replay it."""
    for exploration in explorations_of([source]):
        first, *more = lines_of(exploration)
        screen.print(Text(first, STYLES[exploration.standing]), soft_wrap=True)
        for line in more:
            screen.print(Text(line), soft_wrap=True)


def _ending(source: Source) -> Ending:
    """A soak's ending, which each of its entries has."""
    ending = source.entries[0].soak
    assert ending is not None
    return ending


def _table(rows: Iterable[Row]) -> Table:
    """A line for each scenario and engine."""
    table = Table(box=None, pad_edge=False, header_style="dim")
    for name, right in (
        ("scenario", False), ("engine", False), ("CPUs", True), ("verdicts", False), ("expected", False),
        ("as expected", True), ("race windows", True), ("violations", True),
    ):  # fmt: skip
        table.add_column(name, justify="right" if right else "left", overflow="fold")
    for row in rows:
        cells = (
            shown(row.values.scenario), shown(row.values.engine), row.cpus, ", ".join(row.verdicts), row.expect,
            f"{row.as_expected} of {row.applicable}", f"{row.windows:,}", f"{row.violations:,}",
        )  # fmt: skip
        table.add_row(*(Text(cell, STYLES[row.standing] if at == 3 else "") for at, cell in enumerate(cells)))
    return table


def _show_troubles(source: Source, screen: Console) -> None:
    """A line for each cell that broke."""
    broken = [entry for entry in source.entries if entry.standing == BROKEN]
    for entry in broken[:MOST_TROUBLES]:
        why = shown(entry.trouble.lines[0]) if entry.trouble else "nothing is known of it"
        what = f"{shown(entry.values.scenario)}, {shown(entry.values.engine)} engine, {entry.values.cpus} CPUs, "
        screen.print(Text(f"{entry.end}: {what}repeat {entry.repeat}: {why}", STYLES[BROKEN]), soft_wrap=True)
    if len(broken) > MOST_TROUBLES:
        screen.print(Text(f"and {len(broken) - MOST_TROUBLES:,} more that broke", "dim"))
