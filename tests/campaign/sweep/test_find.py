"""What `--find` says is taken as it is, or refused in a line with its origin, the value and what to do."""

from fractions import Fraction
from pathlib import Path
from typing import Any

import attrs
import pytest
from hypothesis import given
from hypothesis import strategies as st

from stress.campaign.converter import from_json, to_json
from stress.campaign.sweep.find import SLOPES, read_find
from stress.campaign.sweep.matrix import Matrix, matrix_of, read_plan
from stress.campaign.sweep.plan import new_plan
from stress.campaign.sweep.records import Find, Plan, rises
from stress.errors import UserError
from tests.campaign.sweep.made import errors_of, plan_file, plan_of
from tests.support import bounded

ONE = 'scenarios = ["modlist_spinlock"]\n'
TAKEN: dict[str, tuple[Any, ...]] = {
    "cpus": tuple(range(2, 65)),
    "cpus=8,2,4": (2, 4, 8),
    "cpus=7..9": (7, 8, 9),
    "cpus=4..4": (4,),
    "noise=0,1/8": (Fraction(0), Fraction(1, 8)),
    "noise=1/20..1/7": tuple(Fraction(1, of) for of in (20, 16, 12, 10, 8, 7)),
    "gap=10us..25us": (1e-05, 1.2e-05, 1.6e-05, 2e-05, 2.5e-05),
    "duration=900us..2500us": (0.0009, 0.001, 0.00125, 0.0016, 0.002, 0.0025),
}
WRONG = {
    "": "'' is not an axis that can be searched; give one of cpus, noise, gap, duration, like cpus=2..64",
    "pace=0s..1ms": "'pace' is not an axis that can be searched",
    "cpus=": "'' is not a whole number",
    "cpus=2..": "'' is not a whole number",
    "cpus=0..4": "must be from 1 to 1024 (got 0)",
    "cpus=8..2": "'8..2' is not a range; give the smaller end first, and more than 0",
    "cpus=2,4,2": "'2,4,2' has a value twice",
    "noise=0..1/8": "'0..1/8' is not a range",
    "noise=1/8,2": "'2' is not between 0 and 1",
    "gap=10us..1s": "must be greater than 0 s, at most 0.9 s (got 1 s)",
    "duration=1..5": "'1' is not a duration; write a number with a unit",
    "duration=0s,1s": "must be greater than 0 s (got 0 s)",
}


@pytest.mark.parametrize(("text", "candidates"), TAKEN.items())
def test_candidates_are_what_was_said_and_rise(text: str, candidates: tuple[Any, ...]) -> None:
    sought = read_find(text, "--find")
    assert sought.candidates == pytest.approx(candidates)
    assert len(sought.candidates) == len(candidates)


@pytest.mark.parametrize(("text", "told"), WRONG.items())
def test_what_cannot_be_sought_is_refused_with_its_origin(text: str, told: str, tmp_path: Path) -> None:
    with pytest.raises(UserError, match=r"^--find: ") as caught:
        matrix_of(("modlist_spinlock",), {"find": text})
    assert told in str(caught.value)
    [line] = errors_of(plan_file(tmp_path, f'{ONE}find = "{text}"\n'))
    assert line.startswith(f"{tmp_path / 'plan.toml'}: find: ")
    assert told in line


@bounded(300)
@given(st.sampled_from(list(SLOPES)), st.text("0123456789./,usm=-", max_size=12))
def test_any_text_is_rising_candidates_or_one_line(name: str, text: str) -> None:
    try:
        sought = read_find(f"{name}={text}", "--find")
    except UserError as error:
        assert str(error).startswith("--find: ")
        assert str(error).isprintable()
    else:
        assert sought.candidates
        assert rises(sought.candidates)


@pytest.mark.parametrize(("axis", "beside"), [("cpus=2,3", "cpus"), ("duration=1s..2s", "duration")])
def test_what_is_sought_has_no_other_values(axis: str, beside: str, tmp_path: Path) -> None:
    value = "2" if beside == "cpus" else "1s"
    with pytest.raises(UserError, match=rf"^--{beside}: the knee is sought on {beside}") as caught:
        matrix_of(("modlist_spinlock",), {"find": axis, beside: value})
    assert "\n" not in str(caught.value)
    given = f'find = "{axis}"\n' + ("[axes]\ncpus = 2\n" if beside == "cpus" else 'duration = "1s"\n')
    [line] = errors_of(plan_file(tmp_path, ONE + given))
    assert line.startswith(f"{tmp_path / 'plan.toml'}: {'axes.' if beside == 'cpus' else ''}{beside}: the knee")


def test_only_a_search_has_a_share_and_a_confidence(tmp_path: Path) -> None:
    with pytest.raises(UserError, match=r"^--share: only a search has one; say what to find"):
        matrix_of(("modlist_spinlock",), {"share": "50%"})
    [line] = errors_of(plan_file(tmp_path, ONE + 'confidence = "99%"\n'))
    assert line.startswith(f"{tmp_path / 'plan.toml'}: confidence: only a search has one")
    matrix = matrix_of(("modlist_spinlock",), {"find": "cpus", "share": "50%", "confidence": "99.5%"})
    assert (matrix.share, matrix.confidence) == (0.5, 0.995)


def test_a_wrong_candidate_is_told_as_what_find_says(tmp_path: Path) -> None:
    for matrix, where in (
        (matrix_of(("stop_machine",), {"find": "gap=1ms,2ms"}), "--find"),
        (read_plan(plan_file(tmp_path, ONE + 'find = "gap"\n')), f"{tmp_path / 'plan.toml'}: find"),
    ):
        with pytest.raises(UserError) as caught:
            new_plan(matrix)
        assert all(line.startswith(f"{where}: ") for line in str(caught.value).split("\n"))
        assert "has no hypervisor" in str(caught.value)


def test_a_search_has_its_candidates_as_cells_and_ends_each_run_at_a_violation() -> None:
    plan = new_plan(matrix_of(("modlist_spinlock",), {"find": "cpus=2..5", "engine": "python", "seed": "1"}))
    assert [values.cpus for values in plan.cells] == [2, 3, 4, 5]
    assert plan.find == Find(axis="cpus", share=0.95, confidence=0.95, durations=())
    assert (plan.stop_on_violation, plan.repeat, plan.duration_s) == (True, 500, 2.0)


def test_durations_share_one_cell_that_is_as_long_as_the_longest() -> None:
    plan = new_plan(matrix_of(("modlist_spinlock",), {"find": "duration=1ms,5s", "engine": "python", "repeat": "7"}))
    assert (len(plan.cells), plan.duration_s, plan.repeat) == (1, 5.0, 7)
    assert plan.find
    assert plan.find.durations == (0.001, 5.0)


@pytest.mark.parametrize("axes", [{}, {"cpus": ()}, {"cpus": (3, 2)}])
def test_a_python_caller_is_told_what_a_search_needs(axes: dict[str, tuple[int, ...]]) -> None:
    with pytest.raises(UserError, match="find: 'cpus' is not one of"):
        new_plan(Matrix(scenarios=("modlist_spinlock",), axes=axes, find="cpus"))


def test_a_plan_from_before_there_were_searches_is_read() -> None:
    document = to_json(plan_of())
    del document["find"]
    assert from_json(document, Plan, "a plan") == plan_of()


@pytest.mark.parametrize(
    "find",
    [
        {"axis": "pace_s", "share": 0.95, "confidence": 0.95, "durations": []},
        {"axis": "cpus", "share": 1.0, "confidence": 0.95, "durations": []},
        {"axis": "cpus", "share": 0.95, "confidence": 0.95, "durations": [0.05]},
        {"axis": "duration_s", "share": 0.95, "confidence": 0.95, "durations": []},
        {"axis": "duration_s", "share": 0.95, "confidence": 0.95, "durations": [0.05, 0.01]},
        {"axis": "duration_s", "share": 0.95, "confidence": 0.95, "durations": [0.01, 0.04]},
    ],
)
def test_a_search_that_none_can_be_is_refused(find: dict[str, Any]) -> None:
    with pytest.raises(UserError, match="is not a plan"):
        from_json({**to_json(plan_of()), "find": find}, Plan, "a plan")


def test_a_search_is_read_as_it_was_written() -> None:
    find = Find(axis="duration_s", share=0.95, confidence=0.95, durations=(0.01, 0.05))
    plan = attrs.evolve(plan_of(), find=find)
    assert from_json(to_json(plan), Plan, "a plan") == plan
