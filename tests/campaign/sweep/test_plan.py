"""Plans: each combination once, in an order that the seed fixes, and none starts when one of them cannot be."""

from collections import Counter
from fractions import Fraction
from pathlib import Path
from typing import Any

import attrs
import pytest
from hypothesis import given
from hypothesis import strategies as st

from stress.campaign import records
from stress.campaign.sweep.matrix import Matrix, matrix_of, read_plan
from stress.campaign.sweep.plan import check_unchanged, config_of, lone, new_plan, order, seed_of_cell
from stress.campaign.sweep.records import Manifest, Plan, varying
from stress.campaign.sweep.remote import task_for
from stress.campaign.sweep.sweepdir import StoredSweep, read_sweep
from stress.corpus.files import BUNDLED
from stress.errors import UserError
from tests.campaign.sweep.made import PAIR, make_sweep, plan_of, session
from tests.frontdoor.command import CHECKOUT
from tests.frontdoor.soaking import scenario_file
from tests.support import bounded

AXES: dict[str, st.SearchStrategy[Any]] = {
    "cpus": st.integers(1, 64),
    "noise": st.fractions(Fraction(1, 1000), 1, max_denominator=1000),
    "pace_s": st.floats(0, 1),
    "fate": st.sampled_from(["poisoned", "reused", "unmapped"]),
    "readers_per_writer": st.integers(1, 8),
}
PYTHON = {"engine": ("python",)}
ONE = 'scenarios = ["stop_machine"]\n'


@st.composite
def matrices(draw: st.DrawFn) -> Matrix:
    """Any matrix of the pair on the python engine."""
    axes = {}
    for name in draw(st.sets(st.sampled_from(list(AXES)), max_size=3)):
        axes[name] = tuple(draw(st.lists(AXES[name], min_size=1, max_size=3, unique=True)))
    repeat, seed = draw(st.integers(1, 4)), draw(st.integers(0, 2**31))
    return Matrix(scenarios=PAIR, axes={**PYTHON, **axes}, repeat=repeat, seed=seed)


@bounded(60)
@given(matrices())
def test_every_combination_is_a_cell_once(matrix: Matrix) -> None:
    plan = new_plan(matrix)
    expected = len(PAIR)
    for values in matrix.axes.values():
        expected *= len(values)
    assert len(set(plan.cells)) == len(plan.cells) == expected
    for name, values in matrix.axes.items():
        assert {getattr(cell, name) for cell in plan.cells} == set(values)


@bounded(60)
@given(matrices())
def test_each_repeat_runs_every_cell_once_in_an_order_of_its_own(matrix: Matrix) -> None:
    plan = new_plan(matrix)
    ordered = list(order(plan))
    assert Counter(ordered) == Counter(
        (number, repeat) for number in range(len(plan.cells)) for repeat in range(1, plan.repeat + 1)
    )
    assert [repeat for _, repeat in ordered] == sorted(repeat for _, repeat in ordered)
    assert ordered == list(order(plan))


def test_the_order_is_shuffled_anew_in_each_repeat_and_by_each_seed() -> None:
    plan = new_plan(Matrix(scenarios=PAIR, axes={**PYTHON, "cpus": tuple(range(1, 17))}, repeat=2, seed=1))
    blocks = [[number for number, one in order(plan) if one == repeat] for repeat in (1, 2)]
    other = [number for number, one in order(attrs.evolve(plan, seed=2)) if one == 1]
    assert sorted(blocks[0]) == sorted(blocks[1]) == sorted(other) == list(range(32))
    assert len({tuple(block) for block in [*blocks, other, range(32)]}) == 4


def test_every_cell_of_every_repeat_has_a_seed_of_its_own() -> None:
    plan = plan_of(repeat=50)
    cells = list(order(plan))
    assert len({seed_of_cell(plan, *cell) for cell in cells}) == len(cells)
    assert task_for(plan, 1, 2).seed == seed_of_cell(plan, 1, 2) == seed_of_cell(plan_of(repeat=60), 1, 2)


def test_a_cell_alone_is_the_same_cell(tmp_path: Path) -> None:
    other = tmp_path / "other.json"
    other.write_bytes(BUNDLED.read_bytes())
    plan = new_plan(Matrix(scenarios=PAIR, axes={**PYTHON, "cpus": (2, 3), "corpus": (None, other)}))
    for number, values in enumerate(plan.cells):
        alone = lone(plan, number)
        assert alone.cells == (values,)
        assert [part.name for part in alone.scenarios] == [values.scenario]
        assert list(alone.corpus_digests) == ([values.corpus] if values.corpus else [])
        assert config_of(alone, 0, 7) == config_of(plan, number, 7)


def test_a_cell_runs_with_its_values_and_what_all_have_alike() -> None:
    axes: dict[str, tuple[Any, ...]] = {
        **PYTHON,
        "cpus": (4,),
        "noise": (Fraction(1, 8),),
        "pace_s": (0.5,),
        "fate": ("reused",),
        "readers_per_writer": (1,),
    }
    plan = new_plan(
        Matrix(scenarios=PAIR[:1], axes=axes, duration_s=9.0, kasan=False, stall_after_s=4.0, stop_on_violation=True)
    )
    config = config_of(plan, 0)
    assert (config.cpus, config.noise, config.pace_s, config.fate, config.readers_per_writer) == (
        4, Fraction(1, 8), 0.5, "reused", 1,
    )  # fmt: skip
    assert (config.duration_s, config.kasan, config.stall_after_s, config.stop_on_violation) == (9.0, False, 4.0, True)


def test_what_an_engine_sets_by_itself_is_no_axis(monkeypatch: pytest.MonkeyPatch) -> None:
    both = new_plan(Matrix(scenarios=PAIR, axes={**PYTHON, "cpus": (2, 4)}))
    native = tuple(attrs.evolve(cell, engine="native", noise=Fraction(1, 1024), pace_s=1e-4) for cell in both.cells)
    assert varying(both.cells) == ("cpus",)
    assert varying((*both.cells, *native)) == ("engine", "cpus")


REFUSED: list[tuple[dict[str, Any], list[str]]] = [
    ({"scenarios": ()}, ["SCENARIO: a sweep needs at least one scenario"]),
    ({"scenarios": ("stop_machine", "stop_machine")}, ["SCENARIO: stop_machine is given twice"]),
    ({"scenarios": ("nosuch", "noother")}, ["nosuch", "noother"]),
    ({"scenarios": ("nosuch",), "axes": {"corpus": (Path("nosuch.json"),)}}, ["SCENARIO: ", "--corpus: nosuch.json"]),
    ({"axes": {"gap_s": (0.1,)}}, ["--gap: stop_machine has no hypervisor"]),
    ({"axes": {"cpus": tuple(range(1, 65))}, "repeat": 10_000}, ["640,000 cells are more than a sweep can have"]),
]


@pytest.mark.parametrize(("changes", "told"), REFUSED)
def test_what_cannot_be_run_is_told_before_anything_starts(changes: dict[str, Any], told: list[str]) -> None:
    matrix = Matrix(**{"scenarios": ("stop_machine",), **changes})
    with pytest.raises(UserError) as caught:
        new_plan(matrix)
    lines = str(caught.value).split("\n")
    assert len(lines) == len(told)
    for line, part in zip(lines, told, strict=True):
        assert part in line


IN_A_PLAN = [
    ('scenarios = ["nosuch"]', "scenarios: there is no scenario 'nosuch'"),
    ('scenarios = ["./nosuch.py"]', "scenarios: there is no scenario file './nosuch.py'"),
    ('scenarios = ["stop_machine", "stop_machine"]', "scenarios: stop_machine is given twice"),
    (f'{ONE}[axes]\ngap = "7ms"\ncpus = [2, 3, 4]', "axes.gap: stop_machine has no hypervisor, .* for 7 ms;"),
    (f'{ONE}[axes]\ncorpus = ["nosuch.json"]', "axes.corpus: .*nosuch.json"),
    (f"{ONE}repeat = 1000\n[axes]\ncpus = {list(range(1, 102))}", "axes: 101,000 cells are more"),
]


@pytest.mark.parametrize(("text", "told"), IN_A_PLAN, ids=["name", "path", "twice", "gap", "corpus", "cells"])
def test_what_only_a_look_at_scenarios_and_files_shows_is_told_with_file_and_key_too(
    text: str, told: str, tmp_path: Path
) -> None:
    path = tmp_path / "plan.toml"
    path.write_text(text)
    with pytest.raises(UserError, match=f"^{path}: {told}") as caught:
        new_plan(read_plan(path))
    assert "\n" not in str(caught.value)


def test_a_scenario_that_deals_out_its_cpus_itself_has_no_readers_for_each_writer() -> None:
    planted = CHECKOUT / "tests" / "run" / "planted" / "opposite_orders.py"
    axes = {**PYTHON, "cpus": (4, 8), "readers_per_writer": (3,)}
    with pytest.raises(
        UserError,
        match=r"^--readers-per-writer: opposite_orders fixes .* cannot have 3 readers for each writer; [^\n]*$",
    ):
        new_plan(Matrix(scenarios=("stop_machine", str(planted)), axes=axes))


def test_a_twin_that_cannot_be_varied_alike_is_told_before_anything_starts(tmp_path: Path) -> None:
    path = scenario_file(tmp_path, "one", expect="held")
    text = path.read_text().replace("    programs=", '    twin="stop_counts_locked",\n    programs=')
    hardware = "    hardware=Hardware(gap=Fraction(1, 1000), gap_s=1e-4),\n    programs="
    path.write_text(
        f"from fractions import Fraction\nfrom stress import Hardware\n{text.replace('    programs=', hardware)}"
    )
    with pytest.raises(UserError, match=r"^--gap: stop_counts_locked has no hypervisor"):
        new_plan(Matrix(scenarios=(str(path),), axes={**PYTHON, "gap_s": (0.001,)}))


def test_one_corpus_under_two_names_is_one_value_and_can_be_gone_on_with_from_anywhere(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "mine.json").write_bytes(BUNDLED.read_bytes())
    (tmp_path / "link.json").symlink_to("mine.json")
    monkeypatch.chdir(tmp_path)
    with pytest.raises(UserError, match=r"^--corpus: 'link.json' is given twice"):
        matrix_of(["stop_machine"], {"corpus": "mine.json,link.json"})
    plan = new_plan(Matrix(scenarios=("stop_machine",), axes={**PYTHON, "corpus": (Path("mine.json"),)}))
    monkeypatch.chdir("/")
    assert [cell.corpus for cell in plan.cells] == list(plan.corpus_digests) == [str(tmp_path / "mine.json")]
    check_unchanged(swept_of(plan, tmp_path))
    (tmp_path / "mine.json").write_text("other")
    with pytest.raises(UserError, match=r"the corpus .*/mine\.json has changed"):
        check_unchanged(swept_of(plan, tmp_path))


def swept_of(plan: Plan, folder: Path) -> StoredSweep:
    """What is read of a sweep of this plan that has not run any cell."""
    return StoredSweep(folder=folder, manifest=Manifest(1, "a test", "running", plan, (session(),)))


def test_a_sweep_is_gone_on_with_only_as_it_was(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    swept = read_sweep(make_sweep(tmp_path))
    check_unchanged(swept)
    monkeypatch.setattr(records, "sources_digest", lambda: "0" * 16)
    with pytest.raises(UserError, match=r"^--resume: .* cannot be added to: kstress itself, .* has changed: "):
        check_unchanged(swept)


@pytest.mark.parametrize("which", ["one", "twin"])
def test_a_scenario_file_that_has_changed_is_named(which: str, tmp_path: Path) -> None:
    scenario_file(tmp_path, "twin")
    path = scenario_file(tmp_path, "one")
    text = path.read_text().replace('    expect="violated",', f'    expect="held",\n    twin="{tmp_path}/twin.py",')
    path.write_text(text)
    plan = new_plan(Matrix(scenarios=(str(path),), axes=PYTHON))
    swept = swept_of(plan, tmp_path)
    check_unchanged(swept)
    (tmp_path / f"{which}.py").write_text((tmp_path / f"{which}.py").read_text() + "# changed\n")
    with pytest.raises(UserError, match=r"the file of scenario one, or of its twin, has changed"):
        check_unchanged(swept)
