"""The page in a real browser: nothing runs, is loaded or refused, nothing scrolls sideways, night and day differ."""

from collections.abc import Iterator

import pytest

from stress.results.load.gather import gather
from stress.results.report.page import make_page
from tests.results.report.chromium import Browser, browser, executable
from tests.results.report.made import (
    HOSTILE,
    a_run,
    an_exploration,
    hostile_sweep,
    pair,
    small_sweep,
    write_explorations,
    write_runs,
)

pytestmark = [
    pytest.mark.report,
    pytest.mark.browser,
    pytest.mark.skipif(executable() is None, reason="there is no Chromium here: test_page.py parses the page"),
]
COLOUR = "getComputedStyle(document.{}).{}"
LONG_NAME = "tests/integration/threads/test_module_of_things.py::test_that_it_is_whole[case-3]"
CUT = """[...document.querySelectorAll('svg.plot')].flatMap(svg => {
    const whole = svg.getBoundingClientRect();
    return [...svg.querySelectorAll('text')].filter(text => {
        const one = text.getBoundingClientRect();
        return one.left < whole.left || one.right > whole.right || one.top < whole.top || one.bottom > whole.bottom;
    }).map(text => text.textContent)
})"""
"""The texts that reach over the edges of their plots."""
INK = "getComputedStyle(document.querySelector('svg.plot text')).fill"


@pytest.fixture(scope="module")
def tab(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Browser]:
    place = tmp_path_factory.mktemp("hostile")
    page = place / "report.html"
    explored = write_explorations(place / "explore-1.json", an_exploration(reason=HOSTILE))
    page.write_text(make_page(gather([hostile_sweep(place / "sweep"), explored])))
    with browser() as opened:
        opened.look(1280)
        opened.open(page)
        yield opened


@pytest.fixture(scope="module")
def several(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Browser]:
    """A page of several sources: single runs, one with a long name, and a sweep."""
    place = tmp_path_factory.mktemp("several")
    page = place / "report.html"
    runs = write_runs(place / "run-1.json", *pair(), a_run(LONG_NAME, outcomes={"found": 12_345_678, "wild": 1}))
    page.write_text(make_page(gather([runs, small_sweep(place / "sweep-20261130-210000-4711", {1: "hung"})])))
    with browser() as opened:
        opened.look(1280)
        opened.open(page)
        yield opened


def test_hostile_names_do_nothing(tab: Browser) -> None:
    assert tab.events_of("Page.javascriptDialogOpening") == []
    assert tab.ask("document.scripts.length + document.images.length") == 0
    assert tab.ask("document.body.innerText.includes('<script>alert(1)</script>')")
    assert tab.ask("[...document.querySelectorAll('svg text')].some(t => t.textContent.includes('<script>'))")


def test_nothing_is_loaded_and_no_style_is_refused(tab: Browser) -> None:
    loads = [one["request"]["url"] for one in tab.events_of("Network.requestWillBeSent")]
    assert [url for url in loads if not url.endswith("/report.html")] == []
    assert [one["entry"]["text"] for one in tab.events_of("Log.entryAdded")] == []
    assert tab.ask("getComputedStyle(document.querySelector('.plots')).display") == "grid"


@pytest.mark.parametrize("width", [1280, 768, 390, 320])
def test_the_page_does_not_scroll_sideways(width: int, tab: Browser) -> None:
    tab.look(width)
    assert tab.ask("document.documentElement.scrollWidth") <= width
    assert (
        tab.ask("Math.max(...[...document.querySelectorAll('svg.plot')].map(s => s.getBoundingClientRect().right))")
        <= width
    )


def test_no_text_of_a_plot_is_cut(several: Browser) -> None:
    assert several.ask(CUT) == []
    assert several.ask("document.querySelectorAll('svg.plot text').length") > 100


def test_no_column_of_a_table_is_out_of_sight(several: Browser) -> None:
    several.ask("document.querySelectorAll('details').forEach(one => one.open = true)")
    boxes = "[...document.querySelectorAll('table')].map(one => one.parentElement)"
    assert several.ask(f"{boxes}.length") == 2
    assert several.ask(f"{boxes}.map(box => box.scrollWidth - box.clientWidth)") == [0, 0]
    assert several.ask("document.body.innerText.includes('sweep-20261130-210000-4711')")


def test_night_and_day_differ_in_the_plots_too(tab: Browser) -> None:
    tab.look(1280, dark=False)
    day = tab.ask(COLOUR.format("body", "backgroundColor")), tab.ask(INK)
    tab.look(1280, dark=True)
    night = tab.ask(COLOUR.format("body", "backgroundColor")), tab.ask(INK)
    assert day == ("rgb(255, 255, 255)", "rgb(27, 31, 36)")
    assert night == ("rgb(13, 17, 23)", "rgb(230, 237, 243)")


def test_a_timeline_has_its_own_size_and_scrolls_in_its_box(tab: Browser) -> None:
    tab.look(390)
    box = "document.querySelector('svg.timeline').parentElement"
    assert tab.ask(f"{box}.scrollWidth > {box}.clientWidth")
    assert tab.ask("document.querySelector('svg.timeline').getBoundingClientRect().width") == 944
    assert "mono" in tab.ask("getComputedStyle(document.querySelector('svg.timeline text')).fontFamily")
