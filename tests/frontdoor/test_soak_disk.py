"""A disk that takes no more: the soak stops loudly, says what it has learnt, and leaves what was written readable."""

import errno
import os
import resource
import signal
from pathlib import Path

import psutil
import pytest

from stress.campaign.soak.records import SHORTEST_SOAK
from stress.campaign.soak.soak import soak
from stress.campaign.soak.view import View, Watcher
from stress.config import Config
from tests.frontdoor.command import called
from tests.frontdoor.disks import fill, moved_away
from tests.frontdoor.soaking import (
    END,
    HOURS,
    Running,
    contents,
    end_lines,
    facts,
    interval_lines,
    is_gone,
    manifest,
    on_disk,
    running,
    samples,
    scenario_file,
    wait_until,
)

QUICK = (*HOURS, "--interval", "100ms")
ROOM = 100
"""Bytes that a limited file may still grow by: a part of a line."""


def assert_stops_loudly(soaking: Running, machine: psutil.Process, folder: Path, reason: str) -> None:
    """The soak ends with exit 2, one line with the file and the reason, and the table; the directory is readable."""
    assert soaking.wait() == 2
    assert is_gone(machine)
    [line] = soaking.err.lines
    assert line.startswith(f"kstress: cannot write {folder / 'samples.jsonl'}: {reason}; the soak was stopped")
    assert line.endswith(f" kstress soak --resume {folder}")
    [last] = end_lines(soaking.printed)
    assert last.startswith((f"{END}HELD as expected, failed: ", f"{END}INCONCLUSIVE expected HELD, failed: "))
    printed = interval_lines(soaking.out.lines)
    assert printed == on_disk(folder)
    written = samples(folder)[-1]["standing"]["tally"]["lookups"]
    assert int(facts(last)["lookups"]) >= written > 0
    assert f"\nlookups       {int(facts(last)['lookups']):,} (" in soaking.printed
    assert_readable(folder, written)


def assert_readable(folder: Path, lookups: int) -> None:
    """`kstress report` reads the directory; no part of a line is in it."""
    assert contents(folder)["samples.jsonl"].endswith(b"}\n")
    done = called("report", str(folder), "--csv", "/dev/null")
    assert done.returncode == 0, done.stderr
    [last] = end_lines(done.stdout)
    assert ", killed: " in last
    assert facts(last)["lookups"] == str(lookups)


def has_counted(folder: Path) -> bool:
    """Whether there is something to lose: a busy host may give a first short turn no lookup at all."""
    return any(sample["standing"]["tally"]["lookups"] for sample in samples(folder))


def test_a_file_that_may_not_grow_stops_the_soak_and_it_can_be_resumed_later(tmp_path: Path) -> None:
    with running("stop_machine", *QUICK, "--results", str(tmp_path)) as soaking:
        folder = soaking.hear_directory()
        machine = soaking.machine()
        wait_until(lambda: has_counted(folder), "a lookup that is on the disk")
        limit = (folder / "samples.jsonl").stat().st_size + ROOM
        resource.prlimit(soaking.process.pid, resource.RLIMIT_FSIZE, (limit, limit))
        assert_stops_loudly(soaking, machine, folder, os.strerror(errno.EFBIG))
    before = samples(folder)
    longer = f"{round(before[-1]['standing']['elapsed_s'] * 1000) + 400}ms"
    done = called("soak", "--resume", str(folder), "--duration", longer)
    assert done.returncode in (0, 3), done.stderr
    assert samples(folder)[: len(before)] == before
    assert samples(folder)[-1]["session"] == 1


def test_a_manifest_that_cannot_be_replaced_stays_and_the_end_is_told_as_loudly(tmp_path: Path) -> None:
    with running("stop_machine", *HOURS, "--interval", "1h", "--results", str(tmp_path)) as soaking:
        folder, machine = soaking.hear_directory(), soaking.machine()
        before = contents(folder)
        limit = len(before["manifest.json"]) - ROOM
        resource.prlimit(soaking.process.pid, resource.RLIMIT_FSIZE, (limit, limit))
        wait_until(lambda: machine.num_threads() > 3, "the threads of the CPUs")
        soaking.signal(signal.SIGTERM)
        assert soaking.wait() == 2
    [line] = soaking.err.lines
    assert line.startswith(f"kstress: cannot write {folder / 'manifest.json'}: {os.strerror(errno.EFBIG)}; ")
    assert "raise the limit on the size of files (ulimit -f)" in line
    assert len(end_lines(soaking.printed)) == 1
    after = contents(folder)
    assert set(after) == set(before)
    assert after["manifest.json"] == before["manifest.json"]
    assert_readable(folder, samples(folder)[-1]["standing"]["tally"]["lookups"])


def test_a_full_disk_stops_the_soak_and_is_named(small_disk: Path) -> None:
    with running("stop_machine", *QUICK, "--results", str(small_disk)) as soaking:
        folder = soaking.hear_directory()
        machine = soaking.machine()
        wait_until(lambda: has_counted(folder), "a lookup that is on the disk")
        fill(small_disk)
        assert_stops_loudly(soaking, machine, folder, os.strerror(errno.ENOSPC))


def test_a_disk_that_is_full_from_the_start_is_told_in_one_line_and_nothing_is_left(small_disk: Path) -> None:
    fill(small_disk)
    done = called("soak", "stop_machine", *QUICK, "--results", str(small_disk / "results"))
    assert done.returncode == 2
    [line] = done.stderr.splitlines()
    assert "No space left" in line
    assert "--results" in line
    assert [path for path in small_disk.rglob("*") if path.is_file()] == [small_disk / "filler"]


class Remover(Watcher):
    """Removes a file of the run directory once that is there, before any turn has ended."""

    def note(self, text: str) -> None:
        if (folder := text.removeprefix("run directory: ")) != text:
            Path(folder, "violations.jsonl").unlink()


@pytest.mark.parametrize("how", ["emptied", "removed"])
def test_a_file_that_is_lost_at_the_end_makes_the_soak_failed(how: str, tmp_path: Path) -> None:
    class AtTheEnd(Watcher):
        """Takes the samples away once the last of them is told."""

        def sample(self, view: View) -> None:
            if view.left_s < SHORTEST_SOAK:
                file = view.folder / "samples.jsonl"
                os.truncate(file, 0) if how == "emptied" else file.unlink()

    config = Config(engine="python", cpus=3, duration_s=0.3)
    ending = soak(["modlist_spinlock"], config, interval_s=0.3, results=tmp_path, watcher=AtTheEnd())
    assert ending.trouble
    assert ending.trouble.startswith(f"cannot write {ending.folder / 'samples.jsonl'}: ")
    assert (ending.state, manifest(ending.folder)["status"]) == ("failed", "running")
    assert ending.results[0].tally.lookups > 0


def test_a_violation_whose_report_cannot_be_written_is_in_the_verdict(tmp_path: Path) -> None:
    path = scenario_file(tmp_path, "late", expect="held")
    config = Config(engine="python", cpus=3, duration_s=3600, stop_on_violation=True)
    ending = soak([str(path)], config, interval_s=3600, results=tmp_path, watcher=Remover())
    assert ending.trouble
    assert ending.trouble.startswith(f"cannot write {ending.folder / 'violations.jsonl'}: it was removed")
    [result] = ending.results
    assert (result.verdict.name, result.tally.violations > 0) == ("violated", True)
    assert ending.reports("late")
    assert samples(ending.folder) == []


def test_a_soak_whose_file_is_gone_says_what_goes_on_once_it_is_back(tmp_path: Path) -> None:
    with running("modlist_spinlock", *HOURS, "--results", str(tmp_path)) as soaking:
        folder = soaking.hear_directory()
        soaking.hear_interval()
        (folder / "samples.jsonl").rename(tmp_path / "elsewhere")
        assert soaking.wait() == 2
    [line] = soaking.err.lines
    assert line.endswith(moved_away("soak", folder))
    (tmp_path / "elsewhere").rename(folder / "samples.jsonl")
    elapsed = samples(folder)[-1]["standing"]["elapsed_s"]
    done = called("soak", "--resume", str(folder), "--duration", f"{round(elapsed * 1000) + 400}ms")
    assert done.returncode in (0, 3), done.stderr
