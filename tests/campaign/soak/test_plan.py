"""Plans: a soak is resumed only as what it was, and each difference is named."""

import shutil
from fractions import Fraction
from pathlib import Path

import attrs
import pytest

from stress.campaign import records
from stress.campaign.soak import local
from stress.campaign.soak import plan as plans
from stress.campaign.soak.plan import new_plan, resumed_plan
from stress.campaign.soak.records import Plan
from stress.campaign.soak.rundir import read_run
from stress.campaign.soak.soak import resume
from stress.config import Config
from stress.corpus import save
from stress.errors import UserError
from stress.scenario_files import catalogue, scenarios_folder
from tests.campaign.damage import snapshot
from tests.campaign.soak.made import PAIR, make_run, plan_of, run_of
from tests.support import simple_corpus

TINY = Config(engine="python", duration_s=60.0, cpus=3, seed=7)
SPINLOCK = scenarios_folder() / "modlist_spinlock.py"


def refusal(plan: Plan, *scenarios: str, **given: object) -> str:
    """Why this plan is not gone on with as it is asked for."""
    with pytest.raises(UserError) as caught:
        resumed_plan(run_of(plan), scenarios, given)
    assert str(caught.value).isprintable()
    return str(caught.value)


def test_a_plan_has_the_engines_defaults_filled_in() -> None:
    plan = new_plan(PAIR, TINY, 2.0)
    assert [part.name for part in plan.scenarios] == list(PAIR)
    assert (plan.engine, plan.noise, plan.pace_s, plan.interval_s) == ("python", Fraction(1, 64), 1e-3, 2.0)
    assert plan.config() == attrs.evolve(TINY, noise=plan.noise, pace_s=plan.pace_s, stall_after_s=plan.stall_after_s)


def test_what_is_asked_for_again_as_it_was_is_no_difference() -> None:
    plan = plan_of()
    given = {"engine": "python", "cpus": 3, "seed": 7, "noise": Fraction("0.015625"), "pace_s": 0.001, "kasan": True}
    assert resumed_plan(run_of(plan), (), {}) == plan
    assert resumed_plan(run_of(plan), reversed(PAIR), given) == plan


@pytest.mark.parametrize(
    ("given", "part"),
    [
        ({"engine": "native"}, "--engine was python, not native"),
        ({"cpus": 4}, "--cpus was 3, not 4"),
        ({"seed": 8}, "--seed was 7, not 8"),
        ({"noise": Fraction(1, 32)}, "--noise was 1/64, not 1/32"),
        ({"pace_s": 0.002}, "--pace was 1ms, not 2ms"),
        ({"kasan": False}, "--kasan was True, not False"),
        ({"stall_after_s": 6.0}, "--stall-after was 5s, not 6s"),
        ({"stop_on_violation": True}, "--stop-on-violation was False, not True"),
    ],
)
def test_each_setting_that_differs_is_named(
    given: dict[str, object], part: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(plans, "choose_engine", lambda wanted: wanted)
    text = refusal(plan_of(), **given)
    assert text == f"--resume: somewhere cannot be added to: {part}; start a new soak instead"


def test_all_differences_are_named_at_once() -> None:
    text = refusal(plan_of(), "stop_machine", cpus=4, seed=8)
    for part in ("it is of stop_machine, modlist_spinlock, not of stop_machine", "--cpus was", "--seed was"):
        assert part in text


def test_another_scenario_is_a_difference_and_one_that_is_there_twice_too() -> None:
    plan = plan_of("stop_machine")
    assert "it is of stop_machine, not of modlist_spinlock" in refusal(plan, "modlist_spinlock")
    assert "not of stop_machine, stop_machine" in refusal(plan, "stop_machine", "stop_machine")
    every = [scenario.origin for scenario in catalogue()]
    assert f"not of {', '.join(every[:3])} and {len(every) - 3} more; start" in refusal(plan, *every)
    assert "'nosuch'" in refusal(plan, "nosuch")


@pytest.mark.parametrize(
    ("given", "part"),
    [
        ({"engine": "gpu"}, "--engine: must be one of auto, python, native (got 'gpu')"),
        ({"cpus": 0}, "--cpus: must be from 1 to 1024 (got 0)"),
        ({"duration_s": 0.0}, "--duration: must be greater than 0 s (got 0 s)"),
        ({"duration_s": -1.0}, "--duration: must be greater than 0 s (got -1 s)"),
        ({"noise": Fraction(2)}, "--noise: must be 0, or from 1e-09 to 1 (got 2)"),
        ({"interval_s": 0.0}, "--interval: 0 s is too short"),
        ({"interval_s": -5.0}, "--interval: -5 s is too short"),
        ({"interval_s": 0.099}, "--interval: 0.099 s is too short"),
    ],
)
def test_what_is_out_of_range_is_told_for_itself(given: dict[str, object], part: str) -> None:
    assert refusal(plan_of(), **given).startswith(part)


def test_duration_and_interval_may_change_and_nothing_else_does() -> None:
    plan = plan_of()
    changed = resumed_plan(run_of(plan), (), {"duration_s": 120.0, "interval_s": 0.1})
    assert changed == attrs.evolve(plan, duration_s=120.0, interval_s=0.1)
    assert resumed_plan(run_of(plan), PAIR, {"duration_s": 1.0}).stall_after_s == plan.stall_after_s


def mine(folder: Path) -> Path:
    """A scenario file of one's own, with a twin of one's own."""
    shutil.copy(SPINLOCK, folder / "twin.py")
    text = (scenarios_folder() / "stop_machine.py").read_text()
    assert 'twin="modlist_spinlock"' in text
    (folder / "mine.py").write_text(text.replace('twin="modlist_spinlock"', f'twin="{folder / "twin.py"}"'))
    return folder / "mine.py"


@pytest.mark.parametrize("changed", ["mine.py", "twin.py"])
def test_a_scenario_file_that_has_changed_is_named_and_so_is_that_of_its_twin(changed: str, tmp_path: Path) -> None:
    plan = new_plan([str(mine(tmp_path))], TINY, 1.0)
    assert resumed_plan(run_of(plan), (), {}) == plan
    with (tmp_path / changed).open("a") as file:
        file.write("\n")
    assert "the file of scenario stop_machine, or of its twin, has changed" in refusal(plan)


def test_a_copy_of_a_scenario_is_another_scenario(tmp_path: Path) -> None:
    copy = Path(shutil.copy(SPINLOCK, tmp_path / "modlist_spinlock.py"))
    plan = new_plan([str(copy)], TINY, 1.0)
    assert plan.scenarios[0].origin == str(copy)
    assert f"it is of {copy}, not of modlist_spinlock" in refusal(plan, "modlist_spinlock")


def test_a_scenario_file_that_is_gone_is_named(tmp_path: Path) -> None:
    copy = Path(shutil.copy(SPINLOCK, tmp_path / "gone.py"))
    plan = new_plan([str(copy)], TINY, 1.0)
    copy.unlink()
    assert f"there is no scenario file '{copy}'" in refusal(plan)


def test_other_sources_of_kstress_are_named(monkeypatch: pytest.MonkeyPatch) -> None:
    plan = plan_of()
    monkeypatch.setattr(records, "sources_digest", lambda: "0" * 16)
    assert (
        "its kernel, machine, programs or judge, has changed: its digest is 0000000000000000 here, and was"
        in refusal(plan)
    )


def test_another_corpus_is_named_and_one_that_has_changed_or_is_gone(tmp_path: Path) -> None:
    path, other = tmp_path / "corpus.json", tmp_path / "other.json"
    save(simple_corpus(3), path)
    save(simple_corpus(4), other)
    plan = new_plan(["stop_machine"], attrs.evolve(TINY, corpus=path), 1.0)
    assert resumed_plan(run_of(plan), (), {"corpus": path}) == plan
    assert f"--corpus {other} is not the corpus that it was begun with" in refusal(plan, corpus=other)
    other.replace(path)
    assert f"the corpus {path} has changed" in refusal(plan)
    path.unlink()
    assert f"--corpus: cannot read '{path}': No such file" in refusal(plan)
    assert "has changed" in refusal(attrs.evolve(plan_of(), corpus_digest="0" * 16))


def test_a_corpus_whose_path_cannot_be_one_is_refused() -> None:
    told = refusal(attrs.evolve(plan_of(), corpus="a\0b"))
    assert "--corpus: cannot read 'a\\x00b': " in told
    assert "embedded null" in told  # CPython 3.14 says before it what was called


@pytest.mark.parametrize(
    ("scenarios", "config", "interval_s", "part"),
    [
        (["stop_machine"], TINY, 0.0, "--interval: 0 s is too short"),
        (["stop_machine"], TINY, 0.09, "--interval: 0.09 s is too short; give at least 0.1 s"),
        (["stop_machine", "modlist_spinlock", "stop_machine"], TINY, 1.0, "SCENARIO: stop_machine is given twice"),
        (["stop_machine"], attrs.evolve(TINY, cpus=1), 1.0, "--cpus: stop_machine needs at least 2 CPUs, not 1"),
        (["nosuch"], TINY, 1.0, "there is no scenario 'nosuch'"),
        ([], TINY, 1.0, "SCENARIO: a soak needs at least one scenario"),
        (["stop_machine"], attrs.evolve(TINY, corpus=Path("nosuch.json")), 1.0, "nosuch.json"),
    ],
)
def test_a_new_plan_of_what_cannot_be_run_is_refused(
    scenarios: list[str], config: Config, interval_s: float, part: str
) -> None:
    with pytest.raises(UserError) as caught:
        new_plan(scenarios, config, interval_s)
    assert part in str(caught.value)


def test_two_files_of_a_scenario_of_the_same_name_are_there_twice(tmp_path: Path) -> None:
    copy = shutil.copy(SPINLOCK, tmp_path / "mine.py")
    with pytest.raises(UserError, match="modlist_spinlock is given twice"):
        new_plan(["modlist_spinlock", str(copy)], TINY, 1.0)


def test_what_could_not_be_read_back_is_refused_before_it_runs(tmp_path: Path) -> None:
    path = tmp_path / "corpus\udcff.json"
    save(simple_corpus(3), path)
    with pytest.raises(UserError, match=r"^--corpus: .*bytes that are not UTF-8") as caught:
        new_plan(["stop_machine"], attrs.evolve(TINY, corpus=path), 1.0)
    assert str(caught.value).isprintable()


@pytest.fixture
def no_worker(monkeypatch: pytest.MonkeyPatch) -> None:
    """No process is started, whatever happens."""

    def start(module: str, job: bytes) -> None:
        raise AssertionError("a process was started")

    monkeypatch.setattr(local, "Child", start)


@pytest.mark.usefixtures("no_worker")
def test_a_soak_that_is_not_gone_on_with_is_left_as_it_was_and_unlocked(tmp_path: Path) -> None:
    folder = make_run(tmp_path)
    before = snapshot(folder)
    for given in ({"seed": 8}, {"interval_s": 0.0}, {"seed": 9}):
        with pytest.raises(UserError, match=r"--seed was 7|--interval: 0 s"):
            resume(folder, **given)
    assert snapshot(folder) == before


@pytest.mark.usefixtures("no_worker")
def test_a_soak_whose_time_is_up_ends_again_with_the_same_counts(tmp_path: Path) -> None:
    folder = make_run(tmp_path)
    ending = resume(folder, duration_s=1.0)
    run = read_run(folder)
    assert (ending.manifest.status, ending.manifest.plan.duration_s) == ("complete", 1.0)
    assert ending.standings == run.standings()
    assert len(run.manifest.sessions) == 2


def test_a_callers_own_mistake_is_no_user_error() -> None:
    with pytest.raises(TypeError, match="nosuch"):
        resumed_plan(run_of(plan_of()), (), {"nosuch": 0})
