"""A comparison as one HTML page: the answer, the factors drawn with their intervals, worst first, then every figure."""

from collections.abc import Iterator, Mapping
from itertools import count
from typing import Any

from stress.results.compare.as_json import comparison_json
from stress.results.compare.comparison import Answer, Cell, Compared, Comparison, Standing
from stress.results.compare.intervals import MOST_FACTORS, factors_of, pictures_of
from stress.results.compare.wording import amount, between, chance, factor, method, sentence, untold
from stress.results.compare.words import GLOSSARY, INTRODUCTION
from stress.results.pages import pictures
from stress.results.pages.downloads import Download, download
from stress.results.pages.render import check_extra, render

MOST_ROWS = 400
TONES = {Answer.REGRESSION: "bad", Answer.CANNOT_TELL: "doubt", Answer.NO_REGRESSION: "good"}
MARKS = {Answer.REGRESSION: "✗", Answer.CANNOT_TELL: "?", Answer.NO_REGRESSION: "✓"}
ROW_TONES = {Standing.WORSE: "bad", Standing.BETTER: "good", Standing.NOISE: "", Standing.UNTESTED: "dim"}
ROW_MARKS = {Standing.WORSE: "✗", Standing.BETTER: "✓", Standing.NOISE: "≈", Standing.UNTESTED: "?"}


def make_page(comparison: Comparison) -> str:
    """The page.

    Raises:
        UserError: when the extra `report` is not installed.
    """
    check_extra("--output: a page")
    shown = _contents(comparison)
    return render(
        "compare.html.j2",
        **shown,
        kind="compare",
        headline=comparison.answer.capitalize(),
        sentence=sentence(comparison),
        answer_tone=TONES[comparison.answer],
        answer_mark=MARKS[comparison.answer],
        introduction=INTRODUCTION,
        glossary=GLOSSARY,
        places=list(_places(shown)),
    )


def _contents(comparison: Comparison) -> dict[str, Any]:
    """Everything that the page shows."""
    rows = [_row(cell, one) for standing in ROW_TONES for cell, one in comparison.all(standing)]
    return {
        "sides": (("A", comparison.a), ("B", comparison.b)),
        "conditions": comparison.conditions,
        "facts": [(cell.pair.name, fact) for cell in comparison.cells for fact in cell.facts],
        "drawn": _drawn(comparison),
        "rows": rows[:MOST_ROWS],
        "rows_left": len(rows) - MOST_ROWS,
        "untold": list(untold(comparison)),
        "method": method(comparison),
        "data": [link for link in [_data(comparison)] if link is not None],
    }


def _data(comparison: Comparison) -> Download | None:
    """All of it as JSON, unless that is too large for a page."""
    return download("kstress-compare.json", "application/json", comparison_json(comparison))


def _drawn(comparison: Comparison) -> dict[str, Any]:
    """The pictures with one legend; how many factors they leave out."""
    number = count(1)
    made = list(pictures_of(comparison))
    with pictures.quiet():
        keys = {key.label: key for picture in made for key in picture.keys}
        return {
            "keys": [(label, pictures.draw_key(key, next(number))) for label, key in keys.items()],
            "pictures": [(picture.title, pictures.draw(picture, next(number))) for picture in made],
            "left": len(factors_of(comparison)) - MOST_FACTORS,
        }


def _row(cell: Cell, one: Compared) -> Mapping[str, Any]:
    """One figure of one cell."""
    tested = one.tested
    return {
        "tone": ROW_TONES[one.standing],
        "mark": ROW_MARKS[one.standing],
        "standing": "may be noise" if one.standing == Standing.NOISE else one.standing,
        "cell": cell.pair.name,
        "figure": tested.name,
        "numbers": (
            amount(tested, tested.a),
            amount(tested, tested.b),
            factor(tested),
            between(tested),
            chance(one.p),
            "{} + {}".format(*tested.repeats),
        ),
    }


def _places(shown: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
    """The sections of the page by their ids, those that have nothing to show left out."""
    yield "sides", "What was compared"
    if shown["facts"]:
        yield "facts", "Regressions that need no test"
    if shown["drawn"]["pictures"]:
        yield "factors", "B relative to A"
    if shown["rows"]:
        yield "figures", "Every figure"
    if shown["untold"]:
        yield "untold", "What cannot be compared"
    yield from (("method", "How it was tested"), ("data", "The data"), ("words", "What the words mean"))
