"""Bars of single runs: where a curve would be one dot, and only there; rates, bounds and outcomes as they are."""

from pathlib import Path

import attrs
import pytest

from benchmarks.made_sweep import cells, plan_of, write_sweep
from stress.judge.outcomes import ACCEPTABLE, FORBIDDEN, Outcome
from stress.results.load.entries import Source
from stress.results.load.gather import gather
from stress.results.pages.pictures import FORMS, draw, figure_files, quiet, slide
from stress.results.pages.signs import MARK
from stress.results.report.bars import COUNTS, bars_of
from stress.results.report.curves import AT_MOST, EXACT, families, numbers_of
from stress.results.report.grades import UNGRADED
from stress.results.report.page import pictures_of
from stress.results.report.trial_kinds import CHANGES
from tests.campaign.soak.made import make_run
from tests.results.report.made import HOSTILE, a_run, hostile_sweep, pair, small_sweep, values, write_runs


@pytest.mark.report
def test_single_runs_are_bars_and_no_plot_has_one_dot(tmp_path: Path) -> None:
    sources = gather([write_runs(tmp_path / "run-1.json", *pair())])
    assert [picture.title for picture in pictures_of(sources)] == [CHANGES.title, COUNTS, COUNTS]
    assert [family.of_single_runs for family in families(sources[0])] == [True]


@pytest.mark.report
def test_what_is_repeated_or_varies_is_curves_beside_them(tmp_path: Path) -> None:
    runs = [*pair(), a_run("skip_going"), a_run("skip_going", cpus=8)]
    titles = [picture.title for picture in pictures_of(gather([write_runs(tmp_path / "run-1.json", *runs)]))]
    assert titles[-3:] == [CHANGES.title, COUNTS, COUNTS]
    assert "time to first violation" in titles
    assert COUNTS not in {picture.title for picture in pictures_of(gather([small_sweep(tmp_path / "sweep")]))}
    assert COUNTS not in {picture.title for picture in pictures_of(gather([make_run(tmp_path)]))}


def test_a_rate_is_a_bar_and_what_was_not_seen_a_bound(tmp_path: Path) -> None:
    violated, held = a_run(), a_run("stop_machine", "held", "modlist_spinlock")
    [source] = gather([write_runs(tmp_path / "run-1.json", violated, held)])
    [rates, *_] = bars_of(source, source.scenarios())
    assert [(bar.label, bar.value, bar.meaning) for bar in rates.bars] == [
        ("modlist_spinlock", violated["catches"] / violated["trials"], EXACT),
        ("stop_machine", 3 / held["trials"], AT_MOST),
    ]


def test_outcomes_are_bars_by_grade_and_those_that_never_came_are_left_out(tmp_path: Path) -> None:
    run = a_run(outcomes={"found": 90, "wild": 3, "absent": 0, "mine": 7})
    [source] = gather([write_runs(tmp_path / "run-1.json", run)])
    [_, outcomes] = bars_of(source, source.scenarios())
    assert [(bar.label, bar.value, bar.meaning) for bar in outcomes.bars] == [
        ("wild", 3, FORBIDDEN), ("mine", 7, UNGRADED), ("found", 90, ACCEPTABLE),
    ]  # fmt: skip


def graded(source: Source) -> list[list[tuple[str, str]]]:
    """The outcomes of each run of a source, each with its grade."""
    drawn = [bars for bars in bars_of(source, source.scenarios()) if bars.title == COUNTS]
    return [[(bar.label, bar.meaning) for bar in bars.bars] for bars in drawn]


def test_an_outcome_has_the_grade_that_its_run_gives_it_whatever_it_is_called(tmp_path: Path) -> None:
    seen = {"torn": 9, "found": 2, "mine": 1}
    said = a_run(outcomes=seen, forbidden=["found", "mine"])
    [source] = gather([write_runs(tmp_path / "run-1.json", said)])
    assert graded(source) == [[("found", FORBIDDEN), ("mine", FORBIDDEN), ("torn", ACCEPTABLE)]]


def test_what_an_earlier_version_did_not_write_down_is_ungraded_unless_nothing_forbidden_came(tmp_path: Path) -> None:
    violated = a_run(outcomes={"torn": 9, "mine": 2})
    of_a_test = {**violated, "scenario": "test_it.py::test_it", "again": "pytest test_it.py"}
    held = a_run("stop_machine", "held", "modlist_spinlock", outcomes={"found": 9, "mine": 2})
    [source] = gather([write_runs(tmp_path / "run-1.json", violated, of_a_test, held)])
    assert graded(source) == [
        [("torn", FORBIDDEN), ("mine", UNGRADED)],
        [("torn", UNGRADED), ("mine", UNGRADED)],
        [("found", ACCEPTABLE), ("mine", ACCEPTABLE)],
    ]


def test_an_outcome_has_the_grade_that_its_campaign_has_written_down(tmp_path: Path) -> None:
    cell = values("modlist_spinlock")
    plan = plan_of([cell], repeat=1)
    own = Outcome.table(mine=(FORBIDDEN, "is wrong"), torn=(ACCEPTABLE, "is harmless here"))
    plan = attrs.evolve(plan, scenarios=tuple(attrs.evolve(part, outcomes=dict(own)) for part in plan.scenarios))
    [ended] = cells(plan)
    assert ended.run is not None
    ended = attrs.evolve(ended, run={**ended.run, "outcomes": {"torn": 9, "mine": 2}})
    [source] = gather([write_sweep(tmp_path / "sweep", plan, [ended])])
    assert graded(source) == [[("mine", FORBIDDEN), ("torn", ACCEPTABLE)]]


@pytest.mark.report
def test_bars_of_outcomes_differ_by_a_sign_and_not_by_colour_alone(tmp_path: Path) -> None:
    run = a_run(outcomes={"torn": 9, "found": 2}, forbidden=["torn"])
    [_, picture] = pictures_of(gather([write_runs(tmp_path / "run-1.json", run)]))
    with quiet():
        drawn = draw(picture, 1)
    assert "✗ torn" in drawn
    assert "✓ found" in drawn
    assert [key.label[0] for key in picture.keys] == ["✗", "✓"]
    assert picture.alt.endswith("torn 9 (forbidden), found 2 (acceptable)")


def test_a_scenario_has_one_colour_in_all_sources(tmp_path: Path) -> None:
    one = write_runs(tmp_path / "run-1.json", a_run("skip_going"), *pair())
    other = small_sweep(tmp_path / "sweep")
    sources = gather([one, other])
    numbers = numbers_of(sources)
    drawn = [series for source in sources for family in families(source, numbers) for series in family.series]
    assert {series.label: series.colour for series in drawn} == numbers
    assert sorted(numbers.values()) == [0, 1, 2]


@pytest.mark.report
def test_every_picture_is_a_slide_with_its_title_and_says_what_wrote_it(tmp_path: Path) -> None:
    pictures = pictures_of(gather([hostile_sweep(tmp_path / "sweep")]))
    files = figure_files(pictures)
    assert len({name.casefold() for name in files}) == len(files)
    assert all(name.isascii() and "/" not in name and not name.startswith(".") for name in files)
    picture = pictures[0]
    with quiet():
        made = {form: slide(picture, form) for form in FORMS}
    assert made["png"].startswith(b"\x89PNG")
    assert picture.title[1:].encode() in made["svg"]
    assert b"<script" not in made["svg"]
    assert HOSTILE.split(">")[0] in picture.subject
    assert all(MARK.encode() in data[:4096] for data in made.values())
