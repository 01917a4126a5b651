"""What `kstress report` takes for what, what it adds up, and that damage is one line, exit 2, and nothing written."""

import json
from pathlib import Path
from typing import Any

import attrs
import pytest
from hypothesis import event, given
from hypothesis import strategies as st

from benchmarks.made_sweep import cells, matrix, plan_of, write_sweep
from stress.campaign.reading import MANIFEST
from stress.campaign.sweep.sweepdir import CELLS
from stress.errors import UserError
from stress.results.load.entries import BROKEN, EXPECTED, INCONCLUSIVE, UNEXPECTED, Source
from stress.results.load.gather import gather
from stress.results.report.statistics import answer, rows_of, summary_of, worst_first
from tests.campaign.damage import changed
from tests.campaign.soak.made import make_run
from tests.results.report.made import a_run, pair, reported, small_sweep, values, write_runs
from tests.support import bounded


def a_held(**more: Any) -> Any:
    """A run that held, with some of its keys changed."""
    return {**a_run("stop_machine", "held", "modlist_spinlock"), **more}


def a_twin(**more: Any) -> Any:
    """Its twin, with some of its keys changed."""
    return {**a_held()["twin"], **more}


def sources(*paths: Path) -> tuple[Source, ...]:
    return gather(paths)


def test_each_path_is_told_from_what_is_in_it(tmp_path: Path) -> None:
    (tmp_path / "runs").mkdir()
    write_runs(tmp_path / "runs" / "run-1.json", *pair())
    write_runs(tmp_path / "other.json", a_run("reused_memory"))
    found = sources(small_sweep(tmp_path / "sweep"), tmp_path / "runs", make_run(tmp_path), tmp_path / "other.json")
    assert [source.kind for source in found] == ["runs", "sweep", "soak"]
    assert found[0].scenarios() == ("modlist_spinlock", "stop_machine", "reused_memory")
    assert len(found[1].entries) == found[1].planned == 24


def test_a_path_that_is_named_twice_counts_once(tmp_path: Path) -> None:
    file = write_runs(tmp_path / "run-1.json", *pair())
    sweep = small_sweep(tmp_path / "sweep")
    found = sources(file, tmp_path, sweep, tmp_path / "sweep" / ".." / "sweep", file)
    assert [len(source.entries) for source in found] == [2, 24]


def test_repeats_are_added_up_and_the_worst_is_on_top(tmp_path: Path) -> None:
    held = a_run("stop_machine", "held", "modlist_spinlock")
    worse = {**held, "verdict": "inconclusive", "as_expected": False}
    [source] = sources(write_runs(tmp_path / "run-1.json", a_run(), held, worse))
    rows = worst_first(rows_of(source))
    assert [(row.values.scenario, row.standing, row.as_expected) for row in rows] == [
        ("stop_machine", INCONCLUSIVE, 1), ("modlist_spinlock", EXPECTED, 1),
    ]  # fmt: skip
    assert rows[0].windows == 2 * held["race_windows"]
    assert sorted(rows[0].verdicts) == ["1 HELD", "1 INCONCLUSIVE"]
    assert rows[0].bound == pytest.approx(3 / (2 * held["trials"]))


def test_the_answer_counts_everything_and_what_is_left(tmp_path: Path) -> None:
    plan = plan_of(matrix(["modlist_spinlock"], (2, 4), ("python",)), repeat=2)
    ended = list(cells(plan, {0: "crashed"}))[:3]
    swept = sources(write_sweep(tmp_path / "sweep", plan, ended, "running"))
    other = {**a_run(), "expect": "held", "as_expected": False}
    said = answer((*swept, *sources(write_runs(tmp_path / "x.json", other))))
    assert (dict(said.counts), said.left) == ({BROKEN: 1, EXPECTED: 2, UNEXPECTED: 1}, 1)
    assert said.standing == BROKEN
    assert said.sentence.startswith("2 of 4 runs as expected; 1 with another verdict; 1 broken")
    assert said.sentence.endswith("1 not run yet.")


def test_a_sweep_is_summed_up_by_scenario_and_engine(tmp_path: Path) -> None:
    [source] = sources(small_sweep(tmp_path / "sweep"))
    rows = summary_of(source)
    assert [(row.values.scenario, row.values.engine, row.cpus, len(row.entries)) for row in rows] == [
        (name, engine, "2 to 8", 6) for name in ("stop_machine", "modlist_spinlock") for engine in ("python", "native")
    ]


def test_every_cell_says_how_it_runs_again_the_crashed_ones_too(tmp_path: Path) -> None:
    plan = plan_of([values(readers_per_writer=3, fate="reused", switch_interval_s=0.001)], repeat=1)
    [source] = sources(write_sweep(tmp_path / "sweep", plan, list(cells(plan, {0: "crashed"}))))
    for part in ("kstress run stop_machine", "--readers-per-writer 3", "--fate reused", "--switch-interval 1ms"):
        assert part in source.entries[0].again


@pytest.mark.parametrize(
    ("content", "part"),
    [
        ({}, "is not a file of runs or explorations: it has no schema with either; give a run directory"),
        ({"schema": 2, "runs": []}, "has schema 2, this kstress knows up to 1; use a newer kstress"),
        ({"schema": 1, "runs": [7]}, "run 1 is not a JSON object"),
        ({"schema": 1, "runs": [a_run(cpus=0)]}, "run 1 is not a run: "),
        ({"schema": 1, "runs": [a_run(), a_run(cpus=10**6)]}, "run 2 is not a run: 'cpus' must be <= 1024: 1000000"),
        ({"schema": 1, "runs": [a_run(verdict="held")]}, "held is not the violated that was expected"),
        ({"schema": 1, "runs": [a_run(violations=0)]}, "violated does not go with 0 violations"),
        ({"schema": 1, "runs": [a_run(lookups=-1)]}, "lookups"),
        ({"schema": 1, "runs": [a_run(as_expected=False)]}, "violated is what was expected"),
        ({"schema": 1, "runs": [a_held(as_expected=False)]}, "held is what was expected"),
        ({"schema": 1, "runs": [a_run(trials=1, catches=1000)]}, "1000 catches do not go with 1 trial"),
        ({"schema": 1, "runs": [a_held(violations=3)]}, "held does not go with 3 violations"),
        ({"schema": 1, "runs": [a_held(outcomes={"found": 5, "after_free": 2})]}, "after_free does not go with 0 viol"),
        ({"schema": 1, "runs": [a_held(twin=a_twin(trials=1, catches=2))]}, "2 catches do not go with 1 trial"),
    ],
)
def test_a_run_file_that_is_none_is_refused_with_the_reason(content: Any, part: str, tmp_path: Path) -> None:
    file = tmp_path / "x.json"
    file.write_text(json.dumps(content))
    with pytest.raises(UserError) as caught:
        sources(file)
    assert str(file) in str(caught.value)
    assert part in str(caught.value)


def test_a_test_may_call_an_outcome_of_its_own_as_kstress_calls_a_finding(tmp_path: Path) -> None:
    again = "pytest test_mine.py"
    [source] = sources(write_runs(tmp_path / "x.json", a_held(again=again, outcomes={"overwritten": 4})))
    assert [entry.standing for entry in source.entries] == [EXPECTED]


def test_other_places_are_refused_with_what_to_give(tmp_path: Path) -> None:
    (tmp_path / MANIFEST).write_text('{"kind": "kstress party", "schema": 1}')
    with pytest.raises(UserError, match="not the manifest of a soak or a sweep: its kind is 'kstress party'; give"):
        sources(tmp_path)
    (tmp_path / "empty").mkdir()
    with pytest.raises(
        UserError, match=r"holds neither manifest\.json, run-.* nor explore-.*, nor run directories; give"
    ):
        sources(tmp_path / "empty")
    with pytest.raises(UserError, match=r"cannot read .*nosuch"):
        sources(tmp_path / "nosuch")


def test_unknown_keys_of_a_run_are_left_alone(tmp_path: Path) -> None:
    [source] = sources(write_runs(tmp_path / "x.json", a_run(colour="blue")))
    assert source.entries[0].json is not None
    assert source.entries[0].json["colour"] == "blue"


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("home")


def ends_well(home: Path, *paths: Path) -> bool:
    """Whether a report is whole; else it is one line and exit 2, and nothing is written."""
    out = home / "out.csv"
    out.unlink(missing_ok=True)
    code, text, err = reported(*paths, "--csv", out, "--markdown", "-")
    if code == 0:
        assert text.startswith("# ")
        assert out.exists()
        return True
    assert (code, text, err.count("\n")) == (2, "", 1), err
    assert err.startswith("kstress: ")
    assert not out.exists()
    return False


@bounded(150)
@given(data=st.data())
def test_a_damaged_run_file_is_one_line_and_exit_2_or_told_whole(home: Path, data: st.DataObject) -> None:
    document = {"schema": 1, "runs": [a_run(), a_run("stop_machine", "held", "modlist_spinlock")]}
    raw = data.draw(st.composite(lambda draw: changed(draw, document))())
    if data.draw(st.booleans()):
        raw = raw[: data.draw(st.integers(0, len(raw)))]
    file = home / "damaged.json"
    file.write_bytes(raw)
    event("read" if ends_well(home, file) else "refused")


@bounded(100)
@given(data=st.data())
def test_a_damaged_sweep_is_one_line_and_exit_2_or_told_whole(home: Path, data: st.DataObject) -> None:
    folder = home / "sweep"
    if not folder.exists():
        small_sweep(folder, {1: "crashed"})
        (home / MANIFEST).write_bytes((folder / MANIFEST).read_bytes())
        (home / CELLS).write_bytes((folder / CELLS).read_bytes())
    name = data.draw(st.sampled_from([MANIFEST, CELLS]))
    for one in (MANIFEST, CELLS):
        (folder / one).write_bytes((home / one).read_bytes())
    lines = (home / name).read_bytes().splitlines(keepends=True) if name == CELLS else [(home / name).read_bytes()]
    at = data.draw(st.integers(0, min(len(lines) - 1, 5)))
    lines[at] = data.draw(st.composite(lambda draw: changed(draw, json.loads(lines[at])))()) + b"\n"
    (folder / name).write_bytes(b"".join(lines))
    event("read" if ends_well(home, folder) else "refused")


def test_a_run_of_a_search_that_misses_is_no_failure(tmp_path: Path) -> None:
    miss = {**a_run("stop_machine", "held", "modlist_spinlock"), "verdict": "inconclusive", "as_expected": False}
    [source] = gather([write_runs(tmp_path / "run-1.json", miss)])
    [entry] = source.entries
    assert (entry.standing, attrs.evolve(entry, sought=True).standing) == (INCONCLUSIVE, EXPECTED)
