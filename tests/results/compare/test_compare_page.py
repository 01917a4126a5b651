"""The page of a comparison: worst first, its intervals drawn, harmless whatever names there are."""

from math import isfinite
from pathlib import Path
from typing import Any

import pytest

from stress.results.compare.comparison import Standing
from stress.results.compare.intervals import (
    MOST_FACTORS,
    MOST_ROWS,
    factors_of,
    pictures_of,
)
from stress.results.compare.intervals import TO_THE_LEFT as LEFT
from stress.results.compare.intervals import TO_THE_RIGHT as RIGHT
from stress.results.compare.page import make_page
from stress.results.compare.wording import between, line
from stress.results.pages.signs import GENERATOR
from tests.results.compare.made import STEADY, compared, held, runs, violated
from tests.results.report.made import ALLOWED, HOSTILE, Parsed

pytestmark = pytest.mark.report

SLOWER = tuple(number * 7 // 10 for number in STEADY)
FASTER = tuple(number * 13 // 10 for number in STEADY)


def test_factors_are_drawn_worst_first_with_their_intervals(tmp_path: Path) -> None:
    a = [*runs(), *runs(scenario="b"), *runs(STEADY[:3], "c")]
    b = [*runs(FASTER), *runs(SLOWER, "b"), *runs(STEADY[:3], "c")]
    factors = factors_of(compared(tmp_path, a, b))
    rest = [*[Standing.NOISE] * 8, *[Standing.UNTESTED] * 5]
    assert [one.standing for one in factors] == [Standing.WORSE, Standing.BETTER, *rest]
    assert factors[0].label.endswith("b, python, 4 CPUs: lookups")
    assert factors[0].ratio == pytest.approx(0.7, abs=0.01)
    assert factors[0].interval is not None
    low, high = factors[0].interval
    assert low < factors[0].ratio < high < 0.8
    assert {one.interval for one in factors if one.standing == Standing.UNTESTED} == {None}


def test_the_page_says_what_is_worse_and_how_to_see_it_again(tmp_path: Path) -> None:
    comparison = compared(tmp_path, [*runs(), *held(8)], [*runs(SLOWER), *held(7), *violated(1)])
    text = make_page(comparison)
    page = Parsed(text)
    assert {name for name, _ in page.elements} <= ALLOWED
    assert GENERATOR in text[:4096]
    assert [one["id"] for one in page.all("section")] == [
        "sides", "facts", "factors", "figures", "method", "data", "words",
    ]  # fmt: skip
    for part in (
        "Regression",
        "VIOLATED in 1 of 8 in B",
        "kstress run stop_machine",
        "Mann-Whitney",
        "0.7 (",
        "tolerance",
    ):
        assert part in page.text, part
    assert page.text.index("worse", page.text.index("repeats")) < page.text.index(
        "may be noise", page.text.index("repeats")
    )


def test_names_from_files_are_text_and_nothing_is_loaded(tmp_path: Path) -> None:
    name = f"{HOSTILE}\u202e\x1b[31m$\\frac{{"
    text = make_page(compared(tmp_path, runs(scenario=name), runs(SLOWER, scenario=name)))
    page = Parsed(text)
    assert {tag for tag, _ in page.elements} <= ALLOWED
    assert "<script" not in text
    assert not {"\u202e", "\x1b"} & set(page.text)
    for tag, attributes in page.elements:
        assert not [key for key in attributes if key.startswith("on") or key in ("style", "src", "srcset")], tag
        assert (attributes.get("href") or "#").startswith("#") or "download" in attributes
    ids = [attributes["id"] for _, attributes in page.elements if "id" in attributes]
    assert len(set(ids)) == len(ids)


def test_many_factors_are_some_pictures_and_the_rest_is_in_the_table(tmp_path: Path) -> None:
    a = [run for at in range(20) for run in runs(STEADY[:2], scenario=f"s{at}")]
    comparison = compared(tmp_path, a, a)
    assert len(factors_of(comparison)) == 100
    assert len(list(pictures_of(comparison))) == MOST_FACTORS // MOST_ROWS
    assert "20 more factors are in the table only." in Parsed(make_page(comparison)).text


def test_an_endless_factor_is_in_the_table_and_breaks_no_picture(tmp_path: Path) -> None:
    none, some = runs([0] * 8), runs()
    for a, b in ((none, some), (some, none), (none, none)):
        comparison = compared(tmp_path, a, b)
        assert "lookups" in Parsed(make_page(comparison)).text
        assert all(isfinite(one.ratio) for one in factors_of(comparison))


@pytest.mark.parametrize(("side", "text"), [("b", "0"), ("a", "endless")])
def test_a_figure_that_fell_to_0_or_rose_from_it_is_an_arrow_at_the_edge(side: str, text: str, tmp_path: Path) -> None:
    a, b = (runs(STEADY, unloads=0 if name == side else 5000) for name in "ab")
    comparison = compared(tmp_path, a, b)
    assert factors_of(comparison)[0].label.endswith(": unloads")
    [picture] = pictures_of(comparison)
    assert f"python, 4 CPUs: unloads {text}, " in picture.alt
    from matplotlib.figure import Figure

    axes: Any = Figure().add_subplot()
    picture.plot(axes)
    low, high = axes.get_xlim()
    arrows = {(one.get_marker(), *one.get_xdata()) for one in axes.lines if one.get_marker() in (LEFT, RIGHT)}
    assert arrows == ({(LEFT, low)} if side == "b" else {(RIGHT, high)})
    assert 0.5 < low < high < 2


def test_factors_of_0_are_said_once_in_words(tmp_path: Path) -> None:
    none, some = runs(unloads=0), runs()
    for a, b, words in ((some, none, ", 0 times, p"), (none, some, ", endless times, p"), (none, none, ", 1 times, p")):
        [unloads] = [one for one in compared(tmp_path, a, b).cells[0].compared if one.tested.name == "unloads"]
        assert words in line(unloads)
        assert " to " not in between(unloads.tested)


def test_the_table_begins_with_what_is_worse_and_counts_what_it_leaves_out(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    a = [*runs(), *runs(scenario="b"), *runs(STEADY[:3], "c")]
    b = [*runs(FASTER), *runs(SLOWER, "b"), *runs(STEADY[:3], "c")]
    comparison = compared(tmp_path, a, b)
    table = Parsed(make_page(comparison)).text.split("Every figure")[-1]
    assert table.index("✗") < table.index("✓") < table.index("≈") < table.index("?")
    assert "left out here" not in table
    monkeypatch.setattr("stress.results.compare.page.MOST_ROWS", 4)
    assert "11 more are left out here; --json has them all." in Parsed(make_page(comparison)).text


def test_without_a_cell_in_common_there_is_nothing_to_draw(tmp_path: Path) -> None:
    page = Parsed(make_page(compared(tmp_path, runs(), held(8))))
    assert "A and B have no cell in common." in page.text
    assert "B has no such cell" in page.text
    assert page.all("svg") == []
