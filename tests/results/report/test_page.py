"""The page as a parser sees it: whole, self-contained, in the right order, and harmless whatever names there are."""

import base64
import re
from pathlib import Path

import attrs
import pytest

from benchmarks.made_sweep import cells, plan_of, write_sweep
from stress.campaign.sweep.records import DONE, ENDS, NOT_APPLICABLE
from stress.judge.verdict import INCONCLUSIVE
from stress.results.load.gather import gather
from stress.results.pages.downloads import LARGEST_BYTES, download
from stress.results.pages.signs import GENERATOR
from stress.results.report.as_json import make_json
from stress.results.report.page import SYMBOLS, make_page
from stress.results.report.scenarios import scenarios_of
from stress.results.report.table_csv import make_csv
from stress.results.report.words import GLOSSARY, sense
from stress.scenario import VERDICTS
from tests.campaign.soak.made import make_run
from tests.results.report.made import (
    ALLOWED,
    HOSTILE,
    Parsed,
    a_run,
    hostile_sweep,
    pair,
    small_sweep,
    values,
    write_runs,
)

pytestmark = pytest.mark.report
SECTIONS = [
    *("verdicts", "scenarios", "plots", "violations", "troubles"),
    *("conditions", "again", "limits", "data", "words"),
]


@pytest.fixture(scope="module")
def mixed(tmp_path_factory: pytest.TempPathFactory) -> str:
    place = tmp_path_factory.mktemp("mixed")
    sweep = small_sweep(place / "sweep", {1: "crashed", 7: "hung"})
    return make_page(gather([write_runs(place / "run-1.json", *pair()), make_run(place), sweep]))


def test_everything_is_there_in_order_and_every_element_is_closed(mixed: str) -> None:
    page = Parsed(mixed)
    assert [one["id"] for one in page.all("section")] == SECTIONS
    for part in (
        "1 of 3 is not complete; not everything was as expected",
        "not reproduced",
        "never safe",
        "its last words",
        "BUG: kstress",
    ):
        assert part in page.text, part
    assert mixed.isascii()


def test_nothing_is_loaded_and_nothing_runs(mixed: str) -> None:
    page = Parsed(mixed)
    assert {name for name, _ in page.elements} <= ALLOWED
    assert [one["http-equiv"] for one in page.all("meta") if "http-equiv" in one] == ["Content-Security-Policy"]
    for name, attributes in page.elements:
        assert not [key for key in attributes if key.startswith("on") or key in ("style", "src", "srcset")], name
        assert (attributes.get("href") or "#").startswith("#") or "download" in attributes
    assert "url(" not in mixed
    assert "@import" not in mixed


def test_ids_are_unique_and_every_reference_leads_somewhere(mixed: str) -> None:
    page = Parsed(mixed)
    ids = [attributes["id"] for _, attributes in page.elements if "id" in attributes]
    assert len(set(ids)) == len(ids)
    links = [one["href"] or "" for one in page.all("use") + page.all("a") if "download" not in one]
    assert {link[1:] for link in links} <= set(ids)


def test_the_data_that_a_page_carries_is_what_the_command_writes(mixed: str, tmp_path: Path) -> None:
    sources = gather([write_runs(tmp_path / "run-1.json", *pair())])
    page = Parsed(make_page(sources))
    links = {one["download"]: one["href"] or "" for one in page.all("a") if "download" in one}
    kinds = {"kstress-runs.csv": "data:text/csv;base64,", "kstress-runs.json": "data:application/json;base64,"}
    carried = {name: base64.b64decode(links[name].removeprefix(kind)).decode() for name, kind in kinds.items()}
    assert carried == {"kstress-runs.csv": make_csv(sources), "kstress-runs.json": make_json(sources)}


def test_data_that_is_too_large_stays_out_of_a_page() -> None:
    assert download("x", "text/csv", "a" * LARGEST_BYTES) is not None
    assert download("x", "text/csv", "a" * (LARGEST_BYTES + 1)) is None


def test_it_says_what_each_scenario_claims_and_why_its_verdict_is_good(tmp_path: Path) -> None:
    text = Parsed(make_page(gather([write_runs(tmp_path / "run-1.json", *pair())]))).text
    assert "modlist_spinlock: a spinlock around link and unlink protects kallsyms readers, who take no lock" in text
    assert "Linux up to 2.6.11-rc1 linked and unlinked modules under modlist_lock" in text
    assert "A violation is good news here" in text
    assert "known bug was caught" in text
    assert {word for word, _ in GLOSSARY if word not in text} == set()


def test_every_verdict_that_can_come_is_explained() -> None:
    ended = {(expect, verdict) for expect in VERDICTS for verdict in VERDICTS if expect != INCONCLUSIVE}
    assert {pair for pair in ended if not sense(*pair)} == set()
    assert {end for end in (*ENDS, NOT_APPLICABLE) if end != DONE and not sense(None, end)} == set()


def test_a_claim_is_that_of_the_campaign_and_no_file_is_read_because_a_run_names_it(tmp_path: Path) -> None:
    plan = plan_of([values("stop_machine")], repeat=1)
    foreign = attrs.evolve(plan.scenarios[0], claim="mine", origin=f"{tmp_path}/stop_machine.py")
    sweep = write_sweep(tmp_path / "sweep", attrs.evolve(plan, scenarios=(foreign,)), list(cells(plan)))
    (tmp_path / "stop_machine.py").write_text('"""Do not read me."""\n')
    [about] = scenarios_of(gather([sweep]))
    assert (about.claim, about.paragraphs) == ("mine", ())
    [unknown] = scenarios_of(gather([write_runs(tmp_path / "run-1.json", a_run("../stop_machine"))]))
    assert (unknown.claim, unknown.paragraphs) == (None, ())


def test_it_says_that_it_is_a_report_early_on(mixed: str) -> None:
    assert GENERATOR in mixed[:4096]


def test_what_is_not_as_expected_is_on_top_and_marked_by_more_than_colour(mixed: str) -> None:
    marks = re.findall(r'<span class="mark">(?:&#(\d+);|(.))</span>', mixed)
    symbols = [chr(int(number)) if number else text for number, text in marks]
    assert symbols[0] == symbols[1] == SYMBOLS["broken"]
    assert set(symbols) == {SYMBOLS[one] for one in ("broken", "inconclusive", "as expected")}


def test_hostile_names_are_text_in_the_page_and_in_its_plots(tmp_path: Path) -> None:
    sources = gather([hostile_sweep(tmp_path / "sweep")])
    text = make_page(sources)
    page = Parsed(text)
    assert {name for name, _ in page.elements} <= ALLOWED
    assert page.text.count(HOSTILE) > 20
    assert "<script" not in text
    drawn = "".join(re.findall(r"<svg.*?</svg>", text, re.DOTALL))
    assert "&lt;script&gt;alert(1)&lt;/script&gt;" in drawn
    assert not [one for _, one in page.elements if any(key.startswith("on") for key in one)]


def test_what_would_turn_text_around_or_move_a_cursor_is_escaped(tmp_path: Path) -> None:
    page = make_page(
        gather([write_runs(tmp_path / "run-1.json", a_run("a\u202eb\x1b[2J\0c"), a_run("a\u202eb\x1b[2J\0c"))])
    )
    assert r"a\u202eb\x1b[2J\x00c" in Parsed(page).text
    assert not {"\u202e", "\x1b", "\0"} & set(Parsed(page).text)


def test_dollars_and_other_markup_of_plots_are_plain_text(tmp_path: Path) -> None:
    page = make_page(gather([write_runs(tmp_path / "run-1.json", a_run(r"$\frac{1}{$"), a_run(r"$\frac{1}{$"))]))
    assert r"$\frac{1}{$" in Parsed(page).text


def test_without_any_run_it_says_so(tmp_path: Path) -> None:
    page = Parsed(make_page(gather([make_run(tmp_path, (), ())])))
    assert "inconclusive" in page.text
    empty = Parsed(make_page(gather([write_runs(tmp_path / "run-1.json")])))
    assert "Nothing has ended yet" in empty.text


def test_as_good_as_nothing_is_said_to_be_safe(mixed: str) -> None:
    assert not [word for word in re.findall(r"\w+ safe\b", Parsed(mixed).text) if word != "never safe"]
