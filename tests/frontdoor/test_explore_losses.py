"""What `kstress explore` has kept is never lost: it is interrupted, refused, killed or begun twice, and goes on."""

import json
import os
import shutil
import signal
import subprocess
import sys
import threading
from collections.abc import Callable
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest

from stress.campaign.held_file import HeldFile
from stress.errors import UserError
from stress.results.terminal import explore as terminal
from stress.results.terminal.explore import Outputs
from stress.runs.controlled import exploration
from stress.runs.controlled.exploration import Exploration
from tests.frontdoor.command import BOUND_SECONDS, called, environment

NAMES = ["linked_list:none", "linked_list:rcu"]
EXPLORE = ("explore", *NAMES, "--engine", "python", "--seed", "1")
SAME = ("schedules", "distinct", "accesses", "shown", "verdict")
"""What an exploration has in common with one that was never interrupted."""
INTERRUPT = """
import signal
from stress.results.terminal.explore import Outputs
show = Outputs.show
def interrupted(*arguments):
    show(*arguments)
    signal.raise_signal(signal.SIGINT)
Outputs.show = interrupted
from stress.cli import main
main()
"""
"""The command, with a signal that comes while nothing runs, once a scenario is explored."""


START = """
import signal
from stress.machine import engines
engines.choose_engine = lambda engine: signal.raise_signal(signal.SIGINT)
from stress.cli import main
main()
"""
"""The command, with a signal that comes before anything is explored."""


TWICE = """
import os, signal
from stress.results.terminal.explore import Outputs
keep, sync = Outputs.keep, os.fsync
def interrupt():
    signal.raise_signal(signal.SIGINT)
def kept(*arguments):
    keep(*arguments)
    interrupt()
    {in_batch}
def synced(handle):
    {in_write}
    sync(handle)
Outputs.keep, os.fsync = kept, synced
from stress.cli import main
main()
"""
"""The command, with a signal that comes in its first batch, and more of them there or while a file is written."""


def explorations(file: Path) -> list[Any]:
    return list(json.loads(file.read_text())["explorations"])


def figures(exploration: Any) -> dict[str, Any]:
    return {name: exploration[name] for name in SAME}


def contents(file: Path) -> dict[str, bytes]:
    """All files of its folder."""
    return {one.name: one.read_bytes() for one in file.parent.iterdir()}


def kept(folder: Path, schedules: int) -> Path:
    """The file of an exploration of both scenarios."""
    called(*EXPLORE, "--schedules", str(schedules), "--results", str(folder))
    [file] = folder.glob("*.json")
    return file


@pytest.fixture(scope="module")
def once(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return kept(tmp_path_factory.mktemp("once"), 20)


@pytest.fixture
def file(once: Path, tmp_path: Path) -> Path:
    """A file that was kept, with what lies beside it."""
    return Path(shutil.copytree(once.parent, tmp_path / "kept")) / once.name


def at_each_batch(monkeypatch: pytest.MonkeyPatch, do: Callable[[Exploration], object]) -> None:
    """Write at each batch, of which there are many, and then do something."""
    keep = Outputs.keep

    def kept_then(self: Outputs, done: list[Exploration], now: Exploration) -> None:
        keep(self, done, now)
        do(now)

    monkeypatch.setattr(exploration, "BATCH", 8)
    monkeypatch.setattr(terminal, "KEEP_SECONDS", -1.0)
    monkeypatch.setattr(Outputs, "keep", kept_then)


def change(file: Path, number: int, **values: Any) -> None:
    """Change values of one exploration of a file."""
    document = json.loads(file.read_text())
    document["explorations"][number].update(values)
    file.write_text(json.dumps(document))


def test_an_interrupt_in_the_first_scenario_leaves_the_second_as_it_was(
    file: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    before, seen = explorations(file), file.with_suffix(".seen").read_bytes()
    with monkeypatch.context() as patched:
        at_each_batch(patched, lambda now: signal.raise_signal(signal.SIGINT))
        done = called("explore", "--resume", str(file), "--schedules", "100000")
    assert done.returncode == 128 + signal.SIGINT
    first, second = explorations(file)
    assert (first["scenario"], first["interrupted"], first["schedules"] > 20) == (NAMES[0], True, True)
    assert second == before[1]
    assert file.with_suffix(".seen").read_bytes().endswith(seen[8 * before[0]["distinct"] :])
    called("explore", "--resume", str(file), "--schedules", "40")
    first, second = explorations(file)
    assert first["schedules"] == 40
    assert figures(second) == figures(explorations(kept(tmp_path / "whole", 40))[1])


def test_every_write_has_all_scenarios_and_none_goes_back(file: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    written: list[list[int]] = []

    def look(now: Exploration) -> None:
        assert [one["scenario"] for one in explorations(file)] == NAMES
        assert file.with_suffix(".seen").stat().st_size == 8 * sum(one["distinct"] for one in explorations(file))
        written.append([one["schedules"] for one in explorations(file)])

    at_each_batch(monkeypatch, look)
    called("explore", "--resume", str(file), "--schedules", "40")
    assert written[0][0] > 20
    assert written[0][1] == 20
    assert written[-1] == [40, 40]
    for earlier, later in pairwise(written):
        assert all(old <= new for old, new in zip(earlier, later, strict=True))


def test_what_was_kept_of_a_scenario_that_fails_later_stays(file: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(now: Exploration) -> None:
        if now.scenario.name == NAMES[1]:
            raise UserError("no more")

    at_each_batch(monkeypatch, fail)
    assert called("explore", "--resume", str(file), "--schedules", "40").returncode == 2
    first, second = explorations(file)
    assert first["schedules"] == 40
    assert second["schedules"] > 20


def test_a_signal_between_two_scenarios_loses_none_that_is_complete(tmp_path: Path) -> None:
    arguments = (*EXPLORE, "--schedules", "20", "--results", str(tmp_path))
    command = [sys.executable, "-c", INTERRUPT, *arguments]
    done = subprocess.run(command, env=environment(), capture_output=True, timeout=BOUND_SECONDS, check=False)
    assert done.returncode == 128 + signal.SIGINT
    [kept_file] = tmp_path.glob("*.json")
    assert [(one["scenario"], one["schedules"]) for one in explorations(kept_file)] == [(NAMES[0], 20)]


def test_a_signal_before_the_first_schedules_is_told(file: Path) -> None:
    before = contents(file)
    for more in (EXPLORE[1:], ["--resume", str(file)]):
        command = [sys.executable, "-c", START, "explore", *more]
        done = subprocess.run(
            command, env=environment(), capture_output=True, text=True, timeout=BOUND_SECONDS, check=False
        )
        assert (done.returncode, done.stdout) == (128 + signal.SIGINT, "")
        assert done.stderr == f"interrupted before the first schedules of {NAMES[0]} were done\n"
    assert contents(file) == before


@pytest.mark.parametrize(
    ("in_batch", "in_write"),
    [("interrupt()", "pass"), ("pass", "interrupt()"), ("pass", "interrupt(); interrupt()"), ("pass", "pass")],
)
def test_more_signals_lose_nothing_and_leave_no_draft(in_batch: str, in_write: str, tmp_path: Path) -> None:
    script = TWICE.format(in_batch=in_batch, in_write=in_write)
    command = [sys.executable, "-c", script, *EXPLORE, "--schedules", "100000", "--results", str(tmp_path)]
    done = subprocess.run(
        command, env=environment(), capture_output=True, text=True, timeout=BOUND_SECONDS, check=False
    )
    assert done.returncode == 128 + signal.SIGINT, done.stderr
    [kept_file] = tmp_path.glob("*.json")
    [first] = explorations(kept_file)
    assert (first["scenario"], first["interrupted"], first["schedules"] > 0) == (NAMES[0], True, True)
    assert sorted(os.listdir(tmp_path)) == [kept_file.name, kept_file.with_suffix(".seen").name]
    if in_write == "pass":
        assert f"results: {kept_file}\nresume  kstress explore --resume {kept_file}\n" in done.stderr
        assert (NAMES[0] in done.stdout) == (in_batch == "pass"), "after a second signal nothing is shown"


def test_what_is_complete_has_no_command_that_goes_on(tmp_path: Path) -> None:
    done = called(*EXPLORE, "--schedules", "20", "--results", str(tmp_path / "a b"))
    assert "results: " in done.stderr
    assert "resume" not in done.stderr


@pytest.mark.parametrize("number", [0, 1])
def test_changed_code_of_any_scenario_is_refused_before_anything(number: int, file: Path) -> None:
    standing = explorations(file)[number]["standing"]
    change(file, number, standing={**standing, "digests": ["00000000", standing["digests"][1]]})
    assert "has changed since; explore it from the start" in refused(file, "--schedules", "40")


@pytest.mark.parametrize("shows", [["wild", "wild"], [], ["after_free"]])
def test_a_find_that_is_not_what_its_schedule_shows_is_a_damaged_file(shows: list[str], file: Path) -> None:
    first, *others = explorations(file)[0]["found"]
    change(file, 0, found=[{**first, "shows": shows}, *others])
    assert "explore it from the start" in refused(file, "--schedules", "40")


def test_a_token_of_another_world_is_refused_before_anything(file: Path) -> None:
    change(file, 1, found=[{**explorations(file)[0]["found"][0], "token": "ks1~x"}])
    assert "explore it from the start" in refused(file, "--schedules", "40")


def test_an_exploration_that_no_plan_has_is_refused(file: Path) -> None:
    change(file, 1, scenario="linked_list:none")
    assert "which its plan does not have" in refused(file)


def test_what_another_kstress_writes_is_refused_until_that_ends(file: Path) -> None:
    with HeldFile.take(file):
        assert "another kstress is writing to" in refused(file)
    assert called("explore", "--resume", str(file), "--schedules", "30").returncode == 3


@pytest.mark.parametrize("resumed", [True, False])
def test_it_is_held_after_each_write_and_leaves_nothing_beside_it(
    resumed: bool, file: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = file.parent if resumed else tmp_path / "new"
    batches = []

    def try_to_take(now: Exploration) -> None:
        batches.append(now)
        [mine] = folder.glob("*.json")
        with pytest.raises(UserError, match="another kstress is writing to"):
            HeldFile.take(mine)

    at_each_batch(monkeypatch, try_to_take)
    how = ("explore", "--resume", str(file)) if resumed else (*EXPLORE, "--results", str(folder))
    assert called(*how, "--schedules", "40").returncode == 3
    assert len(batches) > 1
    [mine] = folder.glob("*.json")
    assert sorted(os.listdir(folder)) == [mine.name, mine.with_suffix(".seen").name]
    HeldFile.take(mine).close()


def refused(file: Path, *more: str) -> str:
    """The one line that refuses a file and names it, where nothing is printed and nothing is written."""
    before, threads = contents(file), threading.active_count()
    done = called("explore", "--resume", str(file), *more)
    said = [line for line in done.stderr.splitlines() if not line.startswith("engine: ")]
    assert (done.returncode, done.stdout, len(said)) == (2, "", 1), done.stderr
    assert str(file) in said[0]
    assert contents(file) == before
    assert threading.active_count() == threads
    return said[0]
