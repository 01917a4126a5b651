"""Two sides compared: what is paired with what, what is a regression, what cannot be told, and the exit codes."""

import json
from pathlib import Path
from typing import Any

import attrs
import pytest

from benchmarks.made_sweep import cells, conditions, plan_of, write_sweep
from stress import compare
from stress.errors import UserError
from stress.results.compare.as_json import comparison_json
from stress.results.compare.comparison import Answer, Comparison, Standing, compare_sources
from stress.results.compare.terms import Terms
from stress.results.compare.wording import end_line, sentence, untold, why_untested
from stress.results.load.gather import gather
from tests.campaign.soak.made import make_run
from tests.results.compare.made import STEADY, compared, held, inconclusive, runs, standings, violated
from tests.results.report.made import a_run, small_sweep, values, write_runs

SLOWER = tuple(number * 4 // 5 for number in STEADY)


def test_what_is_slower_is_worse_and_what_is_faster_is_better_whichever_side_it_is_on(tmp_path: Path) -> None:
    worse = compared(tmp_path, runs(), runs(SLOWER))
    assert (standings(worse)["lookups"], worse.answer, worse.regressions) == (Standing.WORSE, Answer.REGRESSION, 1)
    better = compared(tmp_path, runs(SLOWER), runs())
    assert standings(better)["lookups"] == Standing.BETTER
    assert (better.answer, better.regressions) == (Answer.NO_REGRESSION, 0)
    assert set(standings(worse).values()) == {Standing.WORSE, Standing.NOISE}


def test_equal_sides_are_noise(tmp_path: Path) -> None:
    same = compared(tmp_path, runs(), runs(reversed(STEADY)))
    assert set(standings(same).values()) == {Standing.NOISE}
    assert same.answer == Answer.NO_REGRESSION
    assert same.conditions == ()


def test_less_than_the_tolerance_is_noise_and_another_tolerance_may_be_asked_for(tmp_path: Path) -> None:
    little = [number * 97 // 100 for number in STEADY]
    assert standings(compared(tmp_path, runs(), runs(little)))["lookups"] == Standing.NOISE
    assert standings(compared(tmp_path, runs(), runs(little), tolerance=0.01))["lookups"] == Standing.WORSE
    assert standings(compared(tmp_path, runs(), runs(SLOWER), tolerance=0.3))["lookups"] == Standing.NOISE


@pytest.mark.parametrize(
    ("figure", "a", "b"),
    [
        ("unloads", {"unloads": 5000}, {"unloads": 4000}),
        ("stop p50", {"p50_us": 100.0}, {"p50_us": 130.0}),
        ("stop p99", {"p99_us": 900.0}, {"p99_us": 1200.0}),
        ("violations per window", {"violations": 900}, {"violations": 500}),
    ],
)
def test_each_figure_has_its_own_worse_side(figure: str, a: dict[str, Any], b: dict[str, Any], tmp_path: Path) -> None:
    def side(changed: dict[str, Any]) -> list[Any]:
        stops = {"count": 9, "p50_us": 100.0, "p99_us": 900.0, "max_us": 5000.0}
        stops.update({key: value for key, value in changed.items() if key in stops})
        counts = {key: value for key, value in changed.items() if key not in stops}
        return runs(stop_machine=stops, race_windows=10_000, **counts)

    worse, better = (standings(compared(tmp_path, side(one), side(two))) for one, two in ((a, b), (b, a)))
    assert {name for name, one in worse.items() if one == Standing.WORSE} == {figure}
    assert {name for name, one in better.items() if one == Standing.BETTER} == {figure}


def test_violations_of_what_is_to_hold_are_facts_and_no_figures(tmp_path: Path) -> None:
    one = compared(tmp_path, held(3), [*held(2), *violated(1)])
    [cell] = one.cells
    assert [fact.text for fact in cell.facts] == ["VIOLATED in 1 of 3 in B, in none of 3 in A; expected HELD"]
    assert cell.facts[0].again.startswith("kstress run stop_machine ")
    assert "violations per window" not in standings(one)
    assert (one.answer, cell.worse) == (Answer.REGRESSION, True)


def test_a_bad_end_that_both_sides_have_is_no_fact_and_one_that_only_a_has_is_no_regression(tmp_path: Path) -> None:
    for a, b in (([*held(7), *violated(1)],) * 2, ([*held(7), *violated(1)], held(8))):
        both = compared(tmp_path, a, b)
        assert (both.cells[0].facts, both.answer) == ((), Answer.NO_REGRESSION)


def flipped(repeats: int, **more: Any) -> list[Any]:
    """Repeats of the patch where its scenario says VIOLATED, and is."""
    return [{**run, "expect": "violated", "as_expected": True, **more} for run in violated(repeats)]


def test_a_violation_where_a_expects_held_is_a_regression_whatever_b_expects(tmp_path: Path) -> None:
    gone = compared(tmp_path, [*held(1), *inconclusive(5)], flipped(6))
    [fact] = gone.cells[0].facts
    assert fact.text == "VIOLATED in 6 of 6 in B, in none of 6 in A; expected HELD in A, VIOLATED in B"
    assert [one.text for one in gone.conditions] == ["expected of stop_machine: HELD in A, VIOLATED in B"]
    assert gone.answer == Answer.REGRESSION
    assert not gone.all(Standing.BETTER)
    some = compared(tmp_path, [*held(7), *violated(1)], flipped(8))
    assert (some.cells[0].facts, standings(some)["as expected"]) == ((), Standing.WORSE)


def test_a_stall_that_only_b_expects_is_a_regression(tmp_path: Path) -> None:
    still = {"expect": "stalled", "verdict": "stalled", "violations": 0, "stall": {"seconds": 1.0}}
    stalls = compared(tmp_path, held(3), flipped(3, **still))
    assert [fact.text for fact in stalls.cells[0].facts] == [
        "STALLED in 3 of 3 in B, in none of 3 in A; expected HELD in A, STALLED in B"
    ]


def test_a_bad_end_that_is_a_fact_counts_once_and_what_else_is_not_as_expected_counts_too(tmp_path: Path) -> None:
    still: dict[str, Any] = {"verdict": "stalled", "as_expected": False, "stall": {"seconds": 1.0}}
    stalls = compared(tmp_path, held(8), held(8, **still))
    assert (stalls.regressions, sentence(stalls)) == (
        1,
        "B is worse in 1 way; no figure can be tested; B lacks 4 figures of A.",
    )
    both = compared(tmp_path, held(8), [*held(1, **still), *inconclusive(7)])
    [share] = [one for one in both.cells[0].compared if one.tested.name == "as expected"]
    assert (share.tested.repeats, share.standing, both.regressions) == ((8, 7), Standing.WORSE, 2)


def test_a_repair_is_no_regression_and_one_that_does_not_repair_is(tmp_path: Path) -> None:
    repaired = compared(tmp_path, flipped(8), held(8))
    assert (repaired.cells[0].facts, repaired.answer) == ((), Answer.NO_REGRESSION)
    assert [one.text for one in repaired.conditions] == ["expected of stop_machine: VIOLATED in A, HELD in B"]
    not_repaired = compared(tmp_path, flipped(8), violated(8))
    assert [fact.text for fact in not_repaired.cells[0].facts] == [
        "VIOLATED in 8 of 8 in B, in 8 of 8 in A; expected VIOLATED in A, HELD in B"
    ]


def test_another_twin_is_a_condition_and_each_scenario_is_named(tmp_path: Path) -> None:
    other = [{**run, "twin": {**run["twin"], "scenario": "other"}} for run in held()]
    differ = compared(tmp_path, [*runs(), *held()], [*runs(), *other])
    assert [one.text for one in differ.conditions] == ["twin of stop_machine: modlist_spinlock in A, other in B"]


def test_what_breaks_in_b_alone_is_a_regression(tmp_path: Path) -> None:
    plan = plan_of([values()], repeat=2)
    write_sweep(tmp_path / "a", plan, list(cells(plan)))
    write_sweep(tmp_path / "b", plan, list(cells(plan, {0: "crashed"})))
    broken = compare(tmp_path / "a", tmp_path / "b")
    assert [fact.end for fact in broken.cells[0].facts] == ["crashed"]
    assert broken.answer == Answer.REGRESSION
    assert compare(tmp_path / "b", tmp_path / "a").cells[0].facts == ()


def test_more_that_are_inconclusive_are_worse_by_a_test_if_there_are_enough(tmp_path: Path) -> None:
    many = compared(tmp_path, held(8), inconclusive(8))
    assert (standings(many)["as expected"], many.answer) == (Standing.WORSE, Answer.REGRESSION)
    assert standings(compared(tmp_path, inconclusive(8), held(8)))["as expected"] == Standing.BETTER
    few = compared(tmp_path, held(8), [*held(7), *inconclusive(1)])
    assert (standings(few)["as expected"], few.answer) == (Standing.UNTESTED, Answer.NO_REGRESSION)


@pytest.mark.parametrize("repeats", [1, 3, 4])
def test_too_few_repeats_are_no_answer_and_so_many_as_are_said_to_do_will_do(repeats: int, tmp_path: Path) -> None:
    few = compared(tmp_path, runs(STEADY[:repeats]), runs(SLOWER[:repeats]))
    assert set(standings(few).values()) == {Standing.UNTESTED}
    assert (few.answer, few.needed) == (Answer.CANNOT_TELL, 5)
    [cell] = few.cells
    assert why_untested(cell, few.needed) == f"{repeats} and {repeats} repeats can tell nothing here; 5 and 5 can"
    enough = compared(tmp_path, runs(STEADY[:5]), runs(SLOWER[:5]))
    assert (standings(enough)["lookups"], enough.answer) == (Standing.WORSE, Answer.REGRESSION)


def test_a_test_of_how_many_are_as_expected_counts_among_those_that_repeats_are_needed_for(tmp_path: Path) -> None:
    def side(repeats: int) -> list[Any]:
        cells = [run for cpus in (2, 3, 5) for run in runs(STEADY[:repeats], cpus=cpus)] + held(repeats, cpus=6)
        return [*cells, *held(repeats - 3, cpus=7), *inconclusive(3, cpus=7)]

    few, enough = (compared(tmp_path, side(repeats), side(repeats)) for repeats in (6, 7))
    assert (len(few.all(Standing.UNTESTED)), few.answer, few.needed) == (24, Answer.CANNOT_TELL, 7)
    assert [one.tested.name for _, one in enough.all(Standing.UNTESTED)] == ["as expected"]
    assert enough.answer == Answer.NO_REGRESSION


def test_a_share_that_is_not_tested_is_counted_and_says_how_many_repeats_can_tell(tmp_path: Path) -> None:
    def sides(repeats: int, good: int) -> Comparison:
        a = [run for cpus in (2, 3, 5, 6) for run in held(repeats, cpus=cpus)]
        few = [*held(good), *inconclusive(repeats - good)]
        return compared(tmp_path, [*a, *held(repeats)], [*a, *few])

    few = sides(8, 3)
    assert (few.answer, standing_of_share(few)) == (Answer.NO_REGRESSION, Standing.UNTESTED)
    assert sentence(few) == "20 of 20 figures may be noise; 1 figure not tested."
    assert list(untold(few)) == [
        "8 and 8 repeats, 11 of all 16 as expected, can tell nothing of that share; 13 and 13 with as large a share "
        "can: stop_machine, python, 4 CPUs"
    ]
    figures = json.loads(comparison_json(few))["cells"][-1]["figures"]
    assert [figure["repeats_needed"] for figure in figures] == [6, 6, 6, 6, 13]
    assert standing_of_share(sides(13, 5)) == Standing.WORSE


def standing_of_share(comparison: Comparison) -> Standing:
    """How the only share as expected stands."""
    [standing] = [one.standing for _, one in comparison.all(*Standing) if one.tested.name == "as expected"]
    return standing


def test_a_cell_that_b_lacks_never_passes_and_one_that_a_lacks_does(tmp_path: Path) -> None:
    two, one = [*runs(), *held()], runs()
    lost = compared(tmp_path, two, one)
    assert [cell.pair.name for cell in lost.untold] == ["stop_machine, python, 4 CPUs"]
    assert (lost.untold[0].missing, lost.answer) == (True, Answer.CANNOT_TELL)
    assert compared(tmp_path, one, two).answer == Answer.NO_REGRESSION
    assert compared(tmp_path, two, runs(SLOWER)).answer == Answer.REGRESSION


def test_sides_with_nothing_in_common_say_nothing(tmp_path: Path) -> None:
    apart = compared(tmp_path, runs(), held())
    assert apart.answer == Answer.CANNOT_TELL
    assert [cell.there for cell in apart.cells] == [False, False]
    assert compared(tmp_path, [], runs()).answer == Answer.CANNOT_TELL


def test_cells_are_paired_on_every_axis_that_varies(tmp_path: Path) -> None:
    a, b = small_sweep(tmp_path / "a"), small_sweep(tmp_path / "b")
    paired = compare(a, b)
    assert len(paired.cells) == 12
    assert all(len(cell.pair.a) == len(cell.pair.b) == 2 for cell in paired.cells)


def test_figures_that_one_side_alone_has_are_named_and_counted(tmp_path: Path) -> None:
    none = {"count": 0, "p50_us": None, "p99_us": None, "max_us": None}
    lost = compared(tmp_path, [*runs(), *held()], [*runs(), *held(stop_machine=none)])
    assert (lost.lost, lost.answer) == (2, Answer.NO_REGRESSION)
    assert sentence(lost).endswith("; B lacks 2 figures of A.")
    assert list(untold(lost)) == ["only A has stop p50, stop p99: stop_machine, python, 4 CPUs"]
    assert " only_in_a=2 " in end_line(lost)
    assert json.loads(comparison_json(lost))["cells"][1]["only_a"] == ["stop p50", "stop p99"]
    gained = compared(tmp_path, held(stop_machine=none), held())
    assert list(untold(gained)) == ["only B has stop p50, stop p99: stop_machine, python, 4 CPUs"]
    assert gained.lost == 0


def test_an_axis_that_varies_tells_cells_apart_and_one_that_does_not_is_a_condition(tmp_path: Path) -> None:
    def sweep(name: str, *paces: float) -> Path:
        plan = plan_of([values(pace_s=pace) for pace in paces], repeat=1)
        return write_sweep(tmp_path / name, plan, list(cells(plan)))

    none, some, both = sweep("none", 0.0), sweep("some", 0.001), sweep("both", 0.0, 0.001)
    [cell] = compare(none, some).cells
    assert cell.there
    assert "pace: 0us in A, 1ms in B" in [one.text for one in compare(none, some).conditions]
    assert [one.pair.place.split(", ")[-1] for one in compare(both, none).cells] == ["pace 0us", "pace 1ms"]
    assert [one.there for one in compare(both, none).cells] == [True, False]


def test_conditions_that_differ_are_told_and_change_nothing_else(tmp_path: Path) -> None:
    other = attrs.asdict(conditions(cores=8, gil=False, kasan=False, steal_percent=9.0))
    for changed in ({"conditions": other}, {"duration_s": 20.0}):
        differ = compared(tmp_path, runs(), runs(**changed))
        assert differ.conditions
    texts = [one.text for one in compared(tmp_path, runs(), runs(conditions=other)).conditions]
    assert texts == [
        "gil: on in A, off in B",
        "cores: 2 in A, 8 in B",
        "kasan: on in A, off in B",
        "stolen by other guests of the host: 0.4 % in A, 9.0 % in B",
    ]
    [lasted] = compared(tmp_path, runs(), runs(duration_s=20.0)).conditions
    assert lasted.text == "duration: 10 s in A, 20 s in B"


def test_conditions_are_written_as_people_write_them(tmp_path: Path) -> None:
    a, b = (
        attrs.asdict(conditions(noise=noise, stall_after_s=stall, llvmlite=version, affinity=cores, gap_s=gap))
        for noise, stall, version, cores, gap in (
            (1 / 1024, 0.05, None, None, None),
            (1 / 3000, 90.0, "0.44.0", [0, 1], 0.002),
        )
    )
    assert [one.text for one in compared(tmp_path, runs(conditions=a), runs(conditions=b)).conditions] == [
        "affinity: not known in A, [0, 1] in B",
        "noise: 1/1024 in A, 1/3000 in B",
        "stall after: 50ms in A, 90s in B",
        "gap: default in A, 2ms in B",
        "llvmlite: not known in A, 0.44.0 in B",
    ]


def test_a_side_that_has_not_ended_is_told(tmp_path: Path) -> None:
    a, b = small_sweep(tmp_path / "a"), small_sweep(tmp_path / "b", status="interrupted")
    assert [one.text for one in compare(a, b).conditions] == ["ended: whole in A, interrupted, 24 of 24 in B"]


def test_a_soak_is_one_run_of_which_the_verdict_counts(tmp_path: Path) -> None:
    for name in ("a", "b"):
        (tmp_path / name).mkdir()
    soaks = compare(make_run(tmp_path / "a"), make_run(tmp_path / "b"))
    assert {one.standing for cell in soaks.cells for one in cell.compared} == {Standing.UNTESTED}
    assert all("a soak is one run" in str(why_untested(cell, soaks.needed)) for cell in soaks.cells)
    told = {cell.pair.scenario: cell.has_answer for cell in soaks.cells}
    assert told == {"stop_machine": True, "modlist_spinlock": False}


def test_no_number_of_runs_beside_a_soak_makes_it_more_than_one(tmp_path: Path) -> None:
    (tmp_path / "a").mkdir()
    [soak] = gather([make_run(tmp_path / "a")])
    [run] = [entry.json for entry in soak.entries if entry.values.scenario == "stop_machine"]
    mixed = compared(tmp_path, [run], [a_run("stop_machine", "held", "modlist_spinlock", cpus=3)] * 60)
    assert {one.standing for one in mixed.cells[0].compared} == {Standing.UNTESTED}


def test_soaks_beside_runs_weaken_no_test_of_theirs(tmp_path: Path) -> None:
    (tmp_path / "a").mkdir()
    [soak] = gather([make_run(tmp_path / "a")])
    soaks = [entry.json for entry in soak.entries]
    mixed = compared(tmp_path, [*soaks, *runs()], [*soaks, *runs(SLOWER)])
    assert mixed.needed == 5
    assert [one.tested.name for _, one in mixed.all(Standing.WORSE)] == ["lookups"]
    assert len(mixed.all(Standing.NOISE)) == 4


def test_a_run_that_stood_still_has_verdict_and_no_figures(tmp_path: Path) -> None:
    still = runs(expect="stalled", verdict="stalled", as_expected=True, violations=0, stall={"seconds": 1.0})
    assert standings(compared(tmp_path, still, still)) == {}


def test_campaigns_in_one_folder_are_repeats_of_each_other(tmp_path: Path) -> None:
    for side in ("a", "b"):
        for turn in range(4):
            small_sweep(tmp_path / side / f"sweep-{turn}")
    turns = compare(tmp_path / "a", tmp_path / "b")
    assert all(len(cell.pair.a) == len(cell.pair.b) == 8 for cell in turns.cells)
    assert turns.answer == Answer.NO_REGRESSION


def test_a_run_directory_without_its_lines_is_told_from_what_is_none(tmp_path: Path) -> None:
    whole, part = small_sweep(tmp_path / "whole"), small_sweep(tmp_path / "part")
    (part / "cells.jsonl").unlink()
    why = "its run directory is not whole: copy it again with all of its files, or give another"
    with pytest.raises(UserError, match=f"cannot read {part}/cells.jsonl: No such file or directory; {why}$"):
        compare(whole, part)


def test_one_side_named_twice_is_refused(tmp_path: Path) -> None:
    sweep = small_sweep(tmp_path / "sweep")
    (tmp_path / "link").symlink_to(sweep)
    with pytest.raises(UserError, match="is named as A and as B"):
        compare(sweep, tmp_path / "link")


@pytest.mark.parametrize(
    "terms", [{"level": 0}, {"level": 0.6}, {"level": float("nan")}, {"tolerance": -0.1}, {"tolerance": 1}]
)
def test_terms_out_of_range_are_refused(terms: dict[str, float]) -> None:
    with pytest.raises(UserError, match=f"--{next(iter(terms))}: .* give a share like 0.05"):
        Terms(**terms)


def test_the_json_has_every_cell_every_figure_and_the_decision(tmp_path: Path) -> None:
    none: dict[str, Any] = {"violations": 0, "verdict": "inconclusive", "as_expected": False}
    document = json.loads(comparison_json(compared(tmp_path, runs(**none), runs(SLOWER))))
    assert (document["schema"], document["kind"], document["answer"]) == (1, "kstress compare", Answer.REGRESSION)
    [cell] = document["cells"]
    assert (cell["scenario"], cell["verdicts"]["b"], cell["facts"]) == ("modlist_spinlock", ["violated"] * 8, [])
    figures = {figure["name"]: figure for figure in cell["figures"]}
    assert figures["lookups"]["standing"] == Standing.WORSE
    assert figures["lookups"]["ratio"] == pytest.approx(0.8, abs=0.01)
    assert figures["lookups"]["p"] <= figures["lookups"]["p_together"] <= 0.05
    assert figures["violations per window"]["ratio"] is None
    assert figures["as expected"]["standing"] == Standing.BETTER


def test_what_was_read_already_can_be_compared_too(tmp_path: Path) -> None:
    sources = gather([write_runs(tmp_path / "run-1.json", *runs())])
    assert compare_sources(sources[0], sources[0], Terms()).answer == Answer.NO_REGRESSION
