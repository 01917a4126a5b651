"""Explorations in a report: what is read, what is printed, and timelines that are those of the tokens, or a reason."""

import json
from pathlib import Path
from typing import Any
from xml.etree import ElementTree

import pytest
from attrs import evolve
from hypothesis import event, given
from hypothesis import strategies as st

from stress.corpus import bundled, load, save
from stress.errors import UserError
from stress.results.compare.inputs import read_side
from stress.results.load.entries import EXPECTED, EXPLORATIONS, RUNS, UNEXPECTED
from stress.results.load.gather import gather
from stress.results.pages.signs import MARK
from stress.results.report.as_json import make_json
from stress.results.report.explorations import explorations_of, lines_of
from stress.results.report.markdown import make_markdown
from stress.results.report.page import make_page
from stress.results.report.scenarios import scenarios_of
from stress.results.report.statistics import answer
from stress.results.report.timelines import MOST_DRAWN, DrawnFind, drawn_finds
from stress.results.terminal.explore import as_json
from stress.runs.controlled.exploration import explore
from stress.runs.controlled.search import Search
from stress.scenario_files import find_scenario, scenarios_folder
from tests.campaign.damage import changed
from tests.results.report.made import (
    ALLOWED,
    HOSTILE,
    Parsed,
    a_find,
    a_run,
    an_exploration,
    pair,
    reported,
    write_explorations,
    write_runs,
)
from tests.support import bounded

SPINLOCK = "modlist_spinlock"


def finds_of(path: Path, *explorations: Any) -> list[DrawnFind]:
    return drawn_finds(explorations_of(gather([write_explorations(path / "explore-1.json", *explorations)])))


def token(**parts: str) -> str:
    """The token of a find with some of its parts changed."""
    names = ("version", "scenario", "world", "digests", "runs")
    known = dict(zip(names, a_find()["token"].split("~"), strict=True))
    return "~".join({**known, **parts}.values())


def with_token(text: str) -> Any:
    return an_exploration(found=[a_find(token=text)])


def test_explorations_are_read_beside_runs_alone_and_in_folders(tmp_path: Path) -> None:
    write_runs(tmp_path / "run-1.json", *pair())
    write_explorations(tmp_path / "explore-1.json", an_exploration())
    other = write_explorations(tmp_path / "found.json", an_exploration(), an_exploration())
    runs, explored = gather([tmp_path, other, tmp_path / "explore-1.json"])
    assert (runs.kind, len(runs.entries), runs.explorations) == (RUNS, 2, ())
    assert (explored.kind, len(explored.explorations), explored.entries) == (EXPLORATIONS, 3, ())
    assert (explored.title, explored.summary) == ("explorations of 2 files", "complete, 3 explorations")
    [alone] = gather([other])
    assert alone.title == f"explorations of {other}"


def test_what_the_report_writes_is_read_again(tmp_path: Path) -> None:
    sources = gather([write_runs(tmp_path / "a.json", *pair()), write_explorations(tmp_path / "b", an_exploration())])
    (tmp_path / "all.json").write_text(make_json(sources))
    again = gather([tmp_path / "all.json"])
    assert [source.kind for source in again] == [RUNS, EXPLORATIONS]
    assert make_json(again) == make_json(sources)
    assert json.loads(make_json(sources))["explorations"] == [an_exploration()]
    assert "explorations" not in json.loads(make_json(gather([tmp_path / "a.json"])))


@pytest.mark.report
def test_the_timeline_of_a_find_is_a_figure_too(tmp_path: Path) -> None:
    file = write_explorations(tmp_path / "x.json", an_exploration(), with_token("damaged"))
    for _ in range(2):  # what kstress has written itself may be written again
        assert reported(file, "--figures", tmp_path / "slides")[0] == 0
    figures = sorted((tmp_path / "slides").iterdir())
    assert [figure.name[:12] for figure in figures] == ["01-timeline-", "02-timeline-", "03-timeline-"]
    for figure in figures:
        assert ElementTree.parse(figure).getroot().tag.endswith("svg")
        assert MARK in figure.read_text(encoding="utf-8")[:100]


def test_a_corpus_of_ones_own_is_that_of_the_finds_that_had_it(tmp_path: Path) -> None:
    module, *others = bundled().modules
    own = evolve(bundled(), modules=(evolve(module, name="mine"), *others))
    save(own, tmp_path / "own.json")
    search = Search(engine="python", modules=1, schedules=60, seed=1)
    explored = as_json(explore(find_scenario(SPINLOCK), own, search))
    [find, *_] = explored["found"]
    sources = gather([write_explorations(tmp_path / "x.json", {**explored, "found": [find]}, an_exploration())])
    without, *_ = drawn_finds(explorations_of(sources))
    assert "The kernel's code, or the corpus (--corpus), has changed." in without.timeline.notes
    for drawn in drawn_finds(explorations_of(sources), load(tmp_path / "own.json")):
        assert drawn.timeline.notes == ()
        assert drawn.timeline.svg is not None
    code, _, err = reported(tmp_path / "x.json", "--csv", tmp_path / "out.csv", "--corpus", tmp_path / "none.json")
    assert (code, "none.json" in err, (tmp_path / "out.csv").exists()) == (2, True, False)


def test_keys_that_nobody_knows_are_left_alone(tmp_path: Path) -> None:
    newer = an_exploration(colour="blue", json=7, found=[a_find(colour="red")])
    [source] = gather([write_explorations(tmp_path / "x.json", newer)])
    assert source.explorations[0].json == newer


def refused(file: Path, content: Any) -> str:
    """The one line that refuses a file."""
    file.write_text(json.dumps(content))
    code, out, err = reported(file, "--csv", file.parent / "out.csv")
    assert (code, out, err.count("\n")) == (2, "", 1)
    assert str(file) in err
    assert not (file.parent / "out.csv").exists()
    return err


@pytest.mark.parametrize(
    ("content", "part"),
    [
        ({"schema": 2, "explorations": []}, "has schema 2, this kstress knows up to 1; use a newer kstress"),
        ({"schema": 1, "explorations": {}}, "is not a file of runs or explorations"),
        ({"schema": 1, "runs": [], "explorations": 7}, "explorations are not a list"),
        ({"schema": 1, "explorations": [7]}, "exploration 1 is not a JSON object"),
        ({"schema": 1, "explorations": [{}]}, "exploration 1 is not a stored exploration: "),
    ],
)
def test_a_file_that_is_none_is_one_line_and_code_2(content: Any, part: str, tmp_path: Path) -> None:
    assert part in refused(tmp_path / "explore-1.json", content)


@pytest.mark.parametrize(
    ("change", "part"),
    [
        ({"cpus": 0}, "'cpus' must be >= 1: 0"),
        ({"verdict": "held"}, "held is not the violated that was expected"),
        ({"as_expected": False}, "violated is what was expected"),
        ({"twin": {"scenario": "x", "schedules": 2, "catches": 3}}, "3 catches do not go with 2 trials"),
        ({"found": []}, "violated does not go with 0 finds"),
        ({"found": [{"shows": ["wild"]}]}, "schedule"),
        ({"found": [7]}, "found"),
        ({"reason": None}, "reason"),
    ],
)
def test_an_exploration_that_is_damaged_is_one_line_and_code_2(change: Any, part: str, tmp_path: Path) -> None:
    content = {"schema": 1, "explorations": [an_exploration(), an_exploration(**change)]}
    said = refused(tmp_path / "explore-1.json", content)
    assert "exploration 2 is not a stored exploration: " in said
    assert part in said


def test_the_answer_counts_explorations_and_what_was_not_expected_comes_first(tmp_path: Path) -> None:
    bad = an_exploration(expect="held", as_expected=False)
    alone = gather([write_explorations(tmp_path / "b.json", an_exploration(), bad)])
    assert answer(alone).sentence == "1 of 2 explorations as expected; 1 with another verdict."
    assert [one.standing for one in explorations_of(alone)] == [UNEXPECTED, EXPECTED]
    mixed = gather([write_runs(tmp_path / "a.json", *pair()), tmp_path / "b.json"])
    assert answer(mixed).headline == "Not everything was as expected"
    assert answer(mixed).sentence.startswith("3 of 4 runs and explorations as expected")
    early = gather([write_explorations(tmp_path / "c.json", an_exploration(interrupted=True))])
    assert answer(early).headline == "Interrupted in 1 of 1 explorations; what there is was as expected"


def test_an_exploration_is_some_lines_with_the_command_of_each_find(tmp_path: Path) -> None:
    one = an_exploration()
    [explored] = explorations_of(gather([write_explorations(tmp_path / "x.json", one)]))
    head, reason, how, counts, *finds = lines_of(explored)
    assert head == "linked_list:none: VIOLATED (as expected)"
    assert reason == f"  {one['reason']}"
    assert how == "  engine python, 2 CPUs, 2 operations of each, strategy mixed, seed 1"
    assert counts == f"  60 schedules, {one['distinct']} distinct"
    assert finds[0] == "  wild: first in schedule 9, shrunk to 2 preemptions, 22 accesses"
    assert finds[1::2] == [f"    kstress replay {find['token']}" for find in one["found"]]


def test_markdown_has_the_same_lines_and_no_empty_table(tmp_path: Path) -> None:
    text = make_markdown(gather([write_explorations(tmp_path / "x.json", an_exploration())]))
    assert f"    kstress replay {a_find()['token']}\n" in text
    assert "## Explorations" in text
    assert "| --- |" not in text
    assert "## Conditions" not in text


def test_a_command_is_only_made_of_a_token_that_is_one(tmp_path: Path) -> None:
    hostile = "ks1~$(touch x)~c2.o2.m0.s9~502b44d2.d09d5cfa~0"
    damaged = with_token(a_find()["token"][:-3] + "; rm -rf /")
    [one, other] = explorations_of(
        gather([write_explorations(tmp_path / "x.json", with_token(hostile), damaged)]),
    )
    assert lines_of(one)[-1] == "    kstress replay ks1~%24%28touch%20x%29~c2.o2.m0.s9~502b44d2.d09d5cfa~0"
    assert lines_of(other)[-1].startswith("    it cannot be replayed: the token is damaged: ")


def test_a_find_is_drawn_from_its_token(tmp_path: Path) -> None:
    drawn = finds_of(tmp_path, an_exploration())
    assert [find.title for find in drawn] == [f"linked_list:none: {name}" for name in ("wild", "after_free", "wrong")]
    for find in drawn:
        assert find.timeline.svg is not None
        assert find.timeline.notes == ()
    assert ">kfree(entry#1)" in (drawn[0].timeline.svg or "").replace("\N{BLACK RIGHT-POINTING TRIANGLE} ", "")
    assert "CPU 1 read entry#1.key after CPU 0 had freed entry#1" in drawn[0].timeline.story[0]


@pytest.mark.parametrize(
    ("change", "note"),
    [
        ({"scenario": "nothing"}, "Not drawn: there is no scenario 'nothing'"),
        ({"scenario": "/nosuch/a.py"}, "Not drawn: there is no scenario file '/nosuch/a.py'"),
        ({"scenario": "%00.py"}, "Not drawn: there is no scenario file"),
        ({"scenario": "linked_list"}, "Not drawn: linked_list has"),
        ({"scenario": "linked_list:rcu", "runs": "0"}, "Not drawn: the token is one of linked_list:rcu."),
        ({"runs": "0_1"}, "Not drawn: the replay shows something else: nothing forbidden, and no stall."),
        ({"world": "c900.o2.m0.s9"}, "Not drawn: 900 CPUs and 2 operations of each are too many for a page"),
        ({"world": "c2.o9999.m0.s9"}, "Not drawn: 2 CPUs and 9,999 operations of each are too many"),
        ({"world": "c1.o2.m0.s9", "runs": "0"}, "Not drawn: the schedule has 1 CPU,"),
    ],
)
def test_what_cannot_be_drawn_has_a_line_in_its_place(change: dict[str, str], note: str, tmp_path: Path) -> None:
    [find] = finds_of(tmp_path, with_token(token(**change)))
    assert find.timeline.svg is None
    assert find.timeline.notes[0].startswith(note)
    assert "\n" not in find.timeline.notes[0]


def test_it_says_what_has_changed_since(tmp_path: Path) -> None:
    [find] = finds_of(tmp_path, with_token(token(digests="00000000.00000000")))
    assert find.timeline.svg is not None
    assert find.timeline.notes == (
        "The scenario's file has changed.", "The kernel's code, or the corpus (--corpus), has changed.",
    )  # fmt: skip


def test_more_than_a_page_bears_is_not_drawn_and_that_is_said(tmp_path: Path) -> None:
    many = an_exploration(found=[a_find(token=token(runs="0_1"))] * (MOST_DRAWN + 2))
    drawn = finds_of(tmp_path, many)
    assert [bool(find.timeline.notes) for find in drawn] == [True] * MOST_DRAWN + [False] * 2


def own(path: Path, more: str = "") -> Any:
    """An exploration of a copy of a scenario file, whose token is of the copy without `more` at its end."""
    path.write_text((scenarios_folder() / f"{SPINLOCK}.py").read_text() + more)
    one = an_exploration(SPINLOCK)
    [find, *_] = one["found"]
    return {**one, "found": [{**find, "token": find["token"].replace(SPINLOCK, str(path), 1)}]}


def test_a_file_of_anybody_runs_only_if_it_is_what_was_explored(tmp_path: Path) -> None:
    [same] = finds_of(tmp_path, own(tmp_path / "same.py"))
    assert same.timeline.svg is not None
    mark = tmp_path / "it_ran"
    changed_since = own(tmp_path / "other.py", f"\nopen({str(mark)!r}, 'w').close()\n")
    [other] = finds_of(tmp_path, changed_since)
    assert other.timeline.svg is None
    assert "other.py is not as it was explored, so that the page does not run it" in other.timeline.notes[0]
    assert not mark.exists()


@pytest.mark.report
def test_the_page_has_a_table_and_the_timeline_of_each_find(tmp_path: Path) -> None:
    two = an_exploration(found=an_exploration()["found"][:2])
    text = make_page(gather([write_explorations(tmp_path / "x.json", two)]))
    page = Parsed(text)
    assert {name for name, _ in page.elements} <= ALLOWED
    assert [one["id"] for one in page.all("section")] == [
        "verdicts",
        "scenarios",
        "explorations",
        "limits",
        "data",
        "words",
    ]
    assert len([one for one in page.all("svg") if one["class"] == "timeline"]) == 2
    for find in two["found"]:
        assert f"kstress replay {find['token']}" in page.text
    for part in (
        "2 CPUs, 2 operations of each",
        "strategy mixed, seed 1",
        two["reason"],
        "kfree(entry#1)",
        "had freed",
    ):
        assert part in page.text
    assert "kstress-runs.json" in [one.get("download") for one in page.all("a")]


def test_a_page_says_what_a_study_that_was_explored_or_run_claims(tmp_path: Path) -> None:
    explored = write_explorations(tmp_path / "explore-1.json", an_exploration(found=[a_find()]))
    run = write_runs(tmp_path / "run-1.json", a_run("stack:hazard"), a_run("stack:nothing_like_this"))
    about = {one.name: one for one in scenarios_of(gather([explored, run]))}
    for name in ("linked_list:none", "stack:hazard"):
        assert about[name].claim == find_scenario(name).claim
    assert about["linked_list:none"].paragraphs[0].startswith("A singly linked list under each protocol")
    assert about["stack:nothing_like_this"].claim is None


def test_a_file_of_anybody_has_no_claim_of_the_catalogue_whatever_it_is_called(tmp_path: Path) -> None:
    foreign = token(scenario=f"{tmp_path}/linked_list.py:none")
    [about] = scenarios_of(gather([write_explorations(tmp_path / "explore-1.json", with_token(foreign))]))
    assert (about.claim, about.paragraphs) == (None, ())


@pytest.mark.report
def test_a_page_of_both_has_the_sections_of_both(tmp_path: Path) -> None:
    write_runs(tmp_path / "run-1.json", a_run())
    write_explorations(tmp_path / "explore-1.json", an_exploration(), with_token("ks1~x"))
    page = Parsed(make_page(gather([tmp_path])))
    sections = [one["id"] for one in page.all("section")]
    assert [one for one in sections if one in ("plots", "explorations", "conditions", "again")] == [
        "plots", "explorations", "conditions", "again",
    ]  # fmt: skip
    assert len([one for one in page.all("svg") if one["class"] == "timeline"]) == 3
    assert "it cannot be replayed: the token 'ks1~x' is not a schedule" in page.text
    assert "3 of 3 runs and explorations as expected" in page.text


@pytest.mark.report
def test_the_page_says_how_many_are_not_drawn(tmp_path: Path) -> None:
    many = an_exploration(found=[a_find(token=token(runs="0_1"))] * (MOST_DRAWN + 2))
    page = Parsed(make_page(gather([write_explorations(tmp_path / "x.json", many)])))
    assert f"The first {MOST_DRAWN} finds are drawn; of 2 more there are only the commands." in page.text


@pytest.mark.report
def test_text_of_others_is_text(tmp_path: Path) -> None:
    hostile = an_exploration(
        scenario=HOSTILE,
        reason=HOSTILE,
        strategy=f"{HOSTILE}\x1b\u202e",
        found=[a_find(shows=[HOSTILE], token=HOSTILE)],
    )
    sources = gather([write_explorations(tmp_path / "x.json", hostile)])
    text = make_page(sources)
    page = Parsed(text)
    assert {name for name, _ in page.elements} <= ALLOWED
    assert page.text.count(HOSTILE) >= 5
    assert not {"\u202e", "\x1b"} & set(page.text)
    assert not {"\u202e", "\x1b", "\n"} & set("".join(lines_of(explorations_of(sources)[0])))


def test_explorations_are_not_compared(tmp_path: Path) -> None:
    write_explorations(tmp_path / "explore-1.json", an_exploration())
    with pytest.raises(UserError, match="has only explorations, which cannot be compared; give runs"):
        read_side(tmp_path)
    write_runs(tmp_path / "run-1.json", *pair())
    assert read_side(tmp_path).kind == RUNS


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("home")


@bounded(100)
@given(data=st.data())
def test_a_damaged_file_is_one_line_and_code_2_or_told_whole(home: Path, data: st.DataObject) -> None:
    document = {"schema": 1, "explorations": [an_exploration(), an_exploration()]}
    raw = data.draw(st.composite(lambda draw: changed(draw, document))())
    file = home / "damaged.json"
    file.write_bytes(raw)
    code, out, err = reported(file, "--json", "-")
    assert (code, err.count("\n")) == (2, 1) if code else "explorations of" in err
    assert bool(out) == (code == 0)
    event("refused" if code else "read")
