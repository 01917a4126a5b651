"""No code runs because a run directory names it: a scenario's bytes are compared before they are run, and then run."""

import importlib.util
import os
import py_compile
import shutil
from collections.abc import Callable
from pathlib import Path

import attrs
import pytest

from stress import scenario_files
from stress.beside import read_source
from stress.campaign.records import ScenarioRecord, changed, digest_here, load_recorded, record_of
from stress.campaign.soak.ending import ending_of
from stress.campaign.soak.rundir import read_run
from stress.errors import UserError
from stress.results.load.gather import gather
from stress.scenario_files import find_scenario, load_scenarios, scenarios_folder
from tests.campaign.soak.made import make_run, plan_of

HELD, SPINLOCK = "stop_machine", "modlist_spinlock"


@pytest.fixture(autouse=True)
def _nothing_loaded(monkeypatch: pytest.MonkeyPatch) -> None:
    """As in a process that has loaded nothing of the test's folder yet."""
    monkeypatch.setattr(scenario_files, "_loaded", dict(scenario_files._loaded))


def copied(name: str, place: Path, twin: str | None = None) -> Path:
    """A copy of a scenario's file; it leaves a mark when it runs."""
    text = (scenarios_folder() / f"{name}.py").read_text()
    if twin is not None:
        assert 'twin="modlist_spinlock"' in text
        text = text.replace('twin="modlist_spinlock"', f'twin="{twin}"')
    path = place / f"{name}.py"
    path.write_text(f"{text}open({str(place / f'{name}.ran')!r}, 'x').close()\n")
    return path


def ran(place: Path) -> list[str]:
    """The files that have run since this was last asked."""
    marks = sorted(place.glob("*.ran"))
    for mark in marks:
        mark.unlink()
    return [mark.stem for mark in marks]


def forget(*paths: Path) -> None:
    """As in another process."""
    for path in paths:
        scenario_files._loaded.pop(path, None)


@pytest.fixture
def part(tmp_path: Path) -> ScenarioRecord:
    """A scenario of one's own with a twin of one's own, as a run directory names it; another process begins."""
    twin = copied(SPINLOCK, tmp_path)
    mine = copied(HELD, tmp_path, str(twin))
    return record_of(find_scenario(str(mine)))


@pytest.fixture
def fresh(part: ScenarioRecord, tmp_path: Path) -> ScenarioRecord:
    assert ran(tmp_path) == [SPINLOCK, HELD]
    forget(*tmp_path.glob("*.py"))
    return part


def test_looking_for_differences_runs_nothing(fresh: ScenarioRecord, tmp_path: Path) -> None:
    assert [line for line in changed([fresh], "", []) if "of scenario" in line] == []
    with (tmp_path / f"{SPINLOCK}.py").open("a") as file:
        file.write("\n")
    assert [line for line in changed([fresh], "", []) if "of scenario stop_machine, or of its twin, has" in line]
    assert ran(tmp_path) == []


def test_a_part_as_it_was_is_loaded_with_its_twin(fresh: ScenarioRecord, tmp_path: Path) -> None:
    assert load_recorded(fresh).name == HELD
    assert ran(tmp_path) == [SPINLOCK, HELD]
    assert load_recorded(fresh) is load_recorded(fresh)


@pytest.mark.parametrize("name", [HELD, SPINLOCK])
def test_of_a_part_that_has_changed_nothing_runs(name: str, fresh: ScenarioRecord, tmp_path: Path) -> None:
    with (tmp_path / f"{name}.py").open("a") as file:
        file.write("\n")
    with pytest.raises(UserError, match="of scenario stop_machine, or of its twin, has changed: its digest is"):
        load_recorded(fresh)
    assert ran(tmp_path) == []


def test_what_was_compared_is_what_runs_even_if_the_file_changes_in_between(
    fresh: ScenarioRecord, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def swapped(path: Path) -> bytes:
        source = read_source(path)
        path.write_text(f"open({str(tmp_path / 'evil.ran')!r}, 'x')\n")
        return source

    monkeypatch.setattr("stress.campaign.records.read_source", swapped)
    assert load_recorded(fresh).name == HELD
    assert ran(tmp_path) == [SPINLOCK, HELD]


def test_a_twin_that_the_manifest_does_not_name_does_not_run(fresh: ScenarioRecord, tmp_path: Path) -> None:
    alone = attrs.evolve(fresh, twin=None)
    lying = attrs.evolve(alone, digest=digest_here(alone))
    with pytest.raises(UserError, match=r"names the twin .*modlist_spinlock\.py, and not None"):
        load_recorded(lying)
    assert ran(tmp_path) == [HELD], "what was compared may run"


def test_a_compiled_file_beside_a_scenario_does_not_run(tmp_path: Path) -> None:
    path, evil = copied(HELD, tmp_path), tmp_path / "evil.py"
    evil.write_text(f"open({str(tmp_path / 'evil.ran')!r}, 'x')\n")
    planted = Path(importlib.util.cache_from_source(str(path)))
    py_compile.compile(str(evil), str(planted), invalidation_mode=py_compile.PycInvalidationMode.UNCHECKED_HASH)
    assert load_scenarios(path)[0].name == HELD
    assert ran(tmp_path) == [HELD]
    assert planted.exists()


def test_a_file_that_changed_under_a_process_is_not_run_beside_what_it_was(
    fresh: ScenarioRecord, tmp_path: Path
) -> None:
    load_recorded(fresh)
    path = tmp_path / f"{HELD}.py"
    path.write_bytes(path.read_bytes() + b"\n")
    with pytest.raises(UserError, match="has changed since this process loaded it; start a new process"):
        load_recorded(attrs.evolve(fresh, digest=digest_here(fresh)))
    assert load_scenarios(path)[0].name == HELD


@pytest.mark.parametrize("origin", ["stop_machine.py", "./stop_machine.py", "../x/stop_machine.py", "a\0b", ""])
def test_an_origin_that_depends_on_the_current_folder_is_refused(
    origin: str, fresh: ScenarioRecord, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    with pytest.raises(UserError, match="is neither a scenario of the catalogue nor an absolute path"):
        load_recorded(attrs.evolve(fresh, origin=origin))
    assert ran(tmp_path) == []


@pytest.mark.parametrize("place", ["fifo", "folder", "nothing", "loop", "device"])
def test_an_origin_that_is_no_plain_file_is_told(place: str, fresh: ScenarioRecord, tmp_path: Path) -> None:
    path = tmp_path / "strange.py"
    make: dict[str, Callable[[], object]] = {
        "fifo": lambda: os.mkfifo(path),
        "folder": path.mkdir,
        "nothing": lambda: None,
        "loop": lambda: path.symlink_to(path),
        "device": lambda: path.symlink_to("/dev/zero"),
    }
    make[place]()
    with pytest.raises(UserError, match=r"there is no scenario file '.*strange\.py': "):
        load_recorded(attrs.evolve(fresh, origin=str(path)))


def test_reading_a_run_directory_runs_nothing_that_it_names(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    folder = make_run(tmp_path)
    place = tmp_path / "place"
    place.mkdir()
    evil = copied(SPINLOCK, place)
    manifest = folder / "manifest.json"
    text = manifest.read_text()
    for part in plan_of().scenarios:
        text = text.replace(f'"origin": "{part.origin}"', f'"origin": "{evil}"')
    manifest.write_text(text.replace('"twin": "modlist_spinlock"', f'"twin": "{evil}"'))
    assert str(evil) in text
    assert ending_of(read_run(folder)).as_json()
    assert len(gather([folder])) == 1
    assert ran(place) == []
    shutil.rmtree(place)
