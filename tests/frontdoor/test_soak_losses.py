"""A machine that cannot be ended, or has no memory, costs a soak one turn, which is told and counted everywhere."""

import json
from pathlib import Path

import pytest

from stress.campaign.soak import local
from stress.campaign.soak.ending import Ending
from stress.campaign.soak.rundir import read_run
from stress.campaign.soak.soak import resume, soak
from stress.campaign.workers.pool import NoWorkersError
from stress.config import Config
from stress.errors import HostError
from tests.frontdoor.command import called
from tests.frontdoor.soaking import SHORT, end_lines, facts, manifest, samples, scenario_file, the_run
from tests.frontdoor.soaking import soak as soak_command

IN_THE_MACHINE = "'stress.campaign.soak.child' in getattr(sys.modules['__main__'].__spec__, 'name', '')"
TRAP = """
import sys
from pathlib import Path

import stress.machine.machine
import stress.runs.runner

TIMES = Path({times!r})


PLAY = stress.runs.runner.Track.run_slice


def no_memory(*arguments):
    raise MemoryError


def run_slice(track, *how):
    if track.scenario.name == "trapped":
        {deed}
    PLAY(track, *how)


if {where} and len(TIMES.read_text()) < {most}:
    TIMES.write_text(TIMES.read_text() + "x")
    stress.runs.runner.Track.run_slice = run_slice
"""
STUCK = "stress.machine.machine.Machine.end = lambda self, *how: self._threads"
HUNGRY = "no_memory()"
REASONS = {STUCK: "cpu0, cpu1, cpu2 did not end after power-off", HUNGRY: "out of memory: an allocation was refused"}


def trapped(place: Path, deed: str, most: int) -> str:
    """A scenario whose machine has this trouble in the first `most` processes that load it."""
    path, times = scenario_file(place, "trapped"), place / "times"
    times.touch()
    trap = TRAP.format(times=str(times), where=IN_THE_MACHINE, most=most, deed=deed)
    path.write_text(path.read_text().replace("from stress", f"{trap}\nfrom stress", 1))
    return str(path)


@pytest.mark.parametrize("deed", REASONS)
def test_a_turn_is_lost_and_the_soak_goes_on_in_a_new_process(deed: str, tmp_path: Path) -> None:
    path = trapped(tmp_path, deed, 2)
    done = soak_command(tmp_path, path, *SHORT, "--duration", "1s", "--seed", "1")
    assert done.returncode in (0, 3), done.stderr
    assert [line for line in done.stdout.splitlines() if line.startswith("a turn of trapped was lost (2 so far): ")]
    [end] = end_lines(done.stdout)
    assert (facts(end)["lost_turns"], facts(end)["sessions"]) == ("2", "1")
    assert f"lost turns    2, the last one: {REASONS[deed]}" in done.stdout
    assert int(facts(end)["lookups"]) > 0
    folder = the_run(tmp_path)
    assert manifest(folder)["status"] == "complete"
    assert [one["standing"]["lost_turns"] for one in samples(folder)][:3] == [1, 2, 2]
    assert_reports_tell_it(folder, REASONS[deed])


def assert_reports_tell_it(folder: Path, reason: str) -> None:
    """`kstress report` tells the lost turns in the terminal, on its page and in its JSON."""
    pages, told = folder.parent / "page.md", folder.parent / "report.json"
    done = called("report", str(folder), "--markdown", str(pages), "--json", str(told))
    assert done.returncode in (0, 2), done.stderr
    assert f"lost turns    2, the last one: {reason}" in done.stdout
    [run] = json.loads(told.read_text())["runs"]
    assert run["soak"]["lost_turns"] == 2
    assert run["soak"]["last_loss"].startswith(reason)
    assert f"2 turns were lost and not counted, the last one: {reason}" in pages.read_text()


def losing(place: Path, deed: str, monkeypatch: pytest.MonkeyPatch) -> Ending:
    """A soak of a scenario that loses every turn, and of one that does not."""
    monkeypatch.setattr(local, "MOST_LOSSES", 2)
    monkeypatch.setattr(local, "REST_SECONDS", 0.0)
    config = Config(engine="python", cpus=3, duration_s=0.6, seed=1)
    return soak([trapped(place, deed, 2), "modlist_spinlock"], config, 0.2, place / "results")


def test_a_scenario_whose_machine_never_ends_fails_and_the_others_have_their_turns(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with monkeypatch.context() as patch:
        ending = losing(tmp_path, STUCK, patch)
    failed, other = ending.standings["trapped"], ending.standings["modlist_spinlock"]
    assert failed.failure
    assert failed.failure.lines[0] == "FAILED: 2 turns in a row were lost"
    assert REASONS[STUCK] in failed.failure.lines[1]
    assert other.tally.lookups > 0
    assert other.elapsed_s >= 0.5
    longer = resume(ending.folder, duration_s=1.2)
    assert not longer.failed
    assert longer.standings["trapped"].tally.lookups > 0
    assert longer.standings["trapped"].lost_turns == 3


def test_a_soak_without_memory_ends_in_order_and_can_be_resumed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with monkeypatch.context() as patch:
        ending = losing(tmp_path, HUNGRY, patch)
    assert ending.trouble
    assert ending.trouble.startswith("2 turns in a row were lost, the last one: out of memory: ")
    assert (ending.manifest.status, ending.failed) == ("interrupted", False)
    again = resume(ending.folder)
    assert again.manifest.status == "complete"
    assert again.standings["trapped"].lost_turns == 2 == read_run(ending.folder).standings()["trapped"].lost_turns


def test_no_memory_before_anything_ran_is_told_in_one_line(tmp_path: Path) -> None:
    path = Path(trapped(tmp_path, "pass", 0))
    path.write_text(f"{path.read_text()}\n\nif {IN_THE_MACHINE}:\n    stress.runs.image.boot_ram = no_memory\n")
    done = soak_command(tmp_path / "results", str(path), *SHORT, "--duration", "1s")
    assert done.returncode == 2
    [line] = done.stderr.splitlines()
    assert line.startswith("kstress: out of memory: an allocation was refused; ")
    assert not (tmp_path / "results").exists()


def test_no_process_for_the_machine_is_told_in_one_line(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(module: str) -> None:
        raise NoWorkersError("cannot start another process")

    monkeypatch.setattr(local, "start", refuse)
    with pytest.raises(HostError, match=r"^cannot start another process$"):
        soak(["modlist_spinlock"], Config(engine="python", cpus=2, duration_s=0.1), results=tmp_path / "results")
