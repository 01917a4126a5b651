"""What `kstress compare` prints and writes: the answer, what differs, what may be noise; JSON and JUnit."""

import sys
from collections.abc import Iterator, Sequence
from pathlib import Path

import attrs
from rich.console import Console
from rich.table import Table
from rich.text import Text

from stress.errors import UserError
from stress.exits import EXIT_INCONCLUSIVE, EXIT_REGRESSION
from stress.results.compare.as_json import comparison_json
from stress.results.compare.comparison import Answer, Cell, Compared, Comparison, Standing, compare
from stress.results.compare.intervals import pictures_of
from stress.results.compare.junit import junit_xml
from stress.results.compare.page import make_page
from stress.results.compare.terms import Terms
from stress.results.compare.wording import amount, answer, between, chance, end_line, factor, method, untold
from stress.results.pages.pictures import figure_files
from stress.results.pages.render import check_extra
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
from stress.safe_text import shown

MOST_ROWS = 40
EXAMPLE = Path("compare.html")
STYLES = {Standing.WORSE: "bold red", Standing.BETTER: "green", Standing.NOISE: "", Standing.UNTESTED: "dim"}
ANSWER_STYLES = {Answer.REGRESSION: "bold red", Answer.CANNOT_TELL: "yellow", Answer.NO_REGRESSION: "green"}
CODES = {Answer.REGRESSION: EXIT_REGRESSION, Answer.CANNOT_TELL: EXIT_INCONCLUSIVE, Answer.NO_REGRESSION: 0}


@attrs.frozen(kw_only=True)
class Wanted:
    """What is to be written where, None for nothing; `-` is standard output, for JSON alone.

    Raises:
        UserError: for a place that cannot be written to, or where something else would be lost.
    """

    json: str | None
    junit: str | None
    output: Path | None = None
    figures: Path | None = None

    def __attrs_post_init__(self) -> None:
        """Check every place before anything is read."""
        check_json(self.json)
        check_json(self.junit, "--junit")
        if self.junit == "-":
            raise UserError("--junit: '-' is not a name of a file; give one")
        check_distinct(self.files.values())
        if self.output is not None:
            check_extra("--output: a page")
            check_page(self.output, EXAMPLE)
        if self.figures is not None:
            check_extra("--figures: a figure")

    @property
    def files(self) -> dict[str, Path | str | None]:
        """The files that are wanted, by their options."""
        return {"compare --json": self.json, "--junit": self.junit, "--output": self.output}


def compare_and_tell(a: Path, b: Path, terms: Terms, wanted: Wanted) -> int:
    """Compare, print and write; the exit code."""
    check_kept(wanted.files, [file for side in (a, b) for file in files_of(side)])
    comparison = compare(a, b, terms)
    page = None if wanted.output is None else make_page(comparison)
    figures = {} if wanted.figures is None else check_figures(figure_files(pictures_of(comparison)), wanted.figures)
    try:
        show(comparison, console(stderr=wanted.json == "-"))
    finally:  # also where the reader of a pipe has gone away
        _write(comparison, wanted)
        if wanted.output is not None and page is not None:
            write_page(wanted.output, page)
        write_figures(figures)
    return CODES[comparison.answer]


def _write(comparison: Comparison, wanted: Wanted) -> None:
    """Write what is wanted."""
    if wanted.json == "-":
        sys.stdout.write(comparison_json(comparison))
    elif wanted.json is not None:
        write_results(Path(wanted.json), comparison_json(comparison), "--json")
    if wanted.junit is not None:
        write_results(Path(wanted.junit), junit_xml(comparison), "--junit")


def show(comparison: Comparison, screen: Console) -> None:
    """Print the answer first, then what it rests on."""
    screen.print(Text(answer(comparison), ANSWER_STYLES[comparison.answer]), soft_wrap=True)
    _lines(screen, "conditions differ, so the code need not be the cause:", [one.text for one in comparison.conditions])
    _lines(screen, "regressions that need no test:", list(_facts(comparison)), STYLES[Standing.WORSE])
    _table(screen, "differences, worst first:", [*comparison.all(Standing.WORSE), *comparison.all(Standing.BETTER)])
    _table(screen, "may be noise:", comparison.all(Standing.NOISE))
    _table(screen, "not tested, since so many repeats cannot tell:", comparison.all(Standing.UNTESTED))
    _lines(screen, "without a full comparison:", list(untold(comparison)), "yellow")
    screen.print(Text(f"\nhow  {method(comparison)}", "dim"))
    screen.print(Text(end_line(comparison)), soft_wrap=True)


def _lines(screen: Console, head: str, lines: Sequence[str], style: str = "") -> None:
    """Some lines under a heading; nothing where there are none."""
    if not lines:
        return
    screen.print(Text(f"\n{head}", "bold"))
    for text in lines[:MOST_ROWS]:
        screen.print(Text(f"  {text}", style), soft_wrap=True)
    _more(screen, len(lines))


def _more(screen: Console, number: int) -> None:
    """How many rows are not shown."""
    if number > MOST_ROWS:
        screen.print(Text(f"  and {number - MOST_ROWS:,} more; --json has them all", "dim"))


def _facts(comparison: Comparison) -> Iterator[str]:
    """Every fact, with the command that shows it again."""
    for cell in comparison.cells:
        for fact in cell.facts:
            yield f"{cell.pair.name}: {fact.text}"
            yield f"  again  {shown(fact.again)}"


def _table(screen: Console, head: str, rows: Sequence[tuple[Cell, Compared]]) -> None:
    """A row for each figure."""
    if not rows:
        return
    table = Table(box=None, pad_edge=False, header_style="dim")
    for name in ("cell", "figure", "A", "B", "B / A", "between", "p", "repeats"):
        table.add_column(name, justify="left" if name in ("cell", "figure") else "right", overflow="fold")
    for cell, one in rows[:MOST_ROWS]:
        table.add_row(*map(Text, _row(cell, one)), style=STYLES[one.standing])
    screen.print(Text(f"\n{head}", "bold"))
    screen.print(fitted(table, screen.width))
    _more(screen, len(rows))


def _row(cell: Cell, one: Compared) -> tuple[str, ...]:
    """One figure of one cell."""
    tested = one.tested
    sides = amount(tested, tested.a), amount(tested, tested.b)
    repeats = "{} + {}".format(*tested.repeats)
    return (cell.pair.name, tested.name, *sides, factor(tested), between(tested), chance(one.p), repeats)
