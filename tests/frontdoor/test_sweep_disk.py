"""A disk that takes no more: a sweep stops loudly and says which file; what is there is whole, and is gone on with."""

import errno
import os
import resource
from pathlib import Path

from tests.frontdoor.command import called
from tests.frontdoor.disks import fill, moved_away
from tests.frontdoor.soaking import Running, contents, manifest, running, wait_until
from tests.frontdoor.sweeping import QUICK, all_once, cells, last_facts, times_of_cells

ROOM = 100
"""Bytes that a limited file may still grow by: a part of a line."""
REPEATS = 8
MANY = ("modlist_spinlock", *QUICK, "--cpus", "2", "--repeat", str(REPEATS))


def assert_stops_loudly(sweeping: Running, folder: Path, reason: str, remedy: str) -> None:
    """The sweep ends with exit 2, one line with file, reason and remedy, and the table; no part of a line stays."""
    assert sweeping.wait() == 2
    [line] = sweeping.err.lines
    resume = f"kstress sweep --resume {folder}"
    assert line == (
        f"kstress: cannot write {folder / 'cells.jsonl'}: {reason}; the sweep was stopped, its results so far are above"
        f"; {remedy} {resume}"
    )
    *_, stopped, resumed, last = sweeping.printed.splitlines()
    assert stopped.startswith("stopped after ")
    assert resumed == f"resume  {resume}"
    assert last.startswith("kstress: --- End of sweep: stopped: cells=")
    assert contents(folder)["cells.jsonl"].endswith(b"}\n")
    assert last_facts(sweeping.printed)["ended"] == str(len(cells(folder)))
    assert manifest(folder)["status"] == "running"


def test_a_file_that_may_not_grow_stops_the_sweep_and_the_rest_runs_later(tmp_path: Path) -> None:
    with running(*MANY, "--results", str(tmp_path), verb="sweep") as sweeping:
        folder = sweeping.hear_directory()
        wait_until(lambda: len(cells(folder)) >= 1, "a cell")
        limit = (folder / "cells.jsonl").stat().st_size + ROOM
        resource.prlimit(sweeping.process.pid, resource.RLIMIT_FSIZE, (limit, limit))
        assert_stops_loudly(
            sweeping, folder, os.strerror(errno.EFBIG), "raise the limit on the size of files (ulimit -f), then"
        )
    before = cells(folder)
    done = called("sweep", "--resume", str(folder))
    assert done.returncode in (0, 1, 3), done.stderr
    assert cells(folder)[: len(before)] == before
    assert times_of_cells(folder) == all_once(1, REPEATS)


def test_a_full_disk_stops_the_sweep_and_is_named(small_disk: Path) -> None:
    with running(*MANY[:-1], "500", "--results", str(small_disk), verb="sweep") as sweeping:
        folder = sweeping.hear_directory()
        wait_until(lambda: len(cells(folder)) >= 1, "a cell")
        fill(small_disk)
        assert_stops_loudly(sweeping, folder, os.strerror(errno.ENOSPC), "make room on the disk, then")


def test_a_sweep_whose_directory_is_gone_says_stopped_and_what_goes_on_once_it_is_back(tmp_path: Path) -> None:
    with running(*MANY, "--duration", "300ms", "--results", str(tmp_path), verb="sweep") as sweeping:
        folder = sweeping.hear_directory()
        wait_until(lambda: len(cells(folder)) >= 1, "a cell")
        folder.rename(tmp_path / "elsewhere")
        assert sweeping.wait() == 2
    [line] = sweeping.err.lines
    assert line.endswith(moved_away("sweep", folder))
    assert "kstress: --- End of sweep: stopped: cells=" in sweeping.printed
    assert "resume  " not in sweeping.printed, "the command cannot work yet"
    (tmp_path / "elsewhere").rename(folder)
    done = called("sweep", "--resume", str(folder))
    assert done.returncode in (0, 1, 3), done.stderr


def test_a_disk_that_is_full_from_the_start_is_told_in_one_line_and_nothing_is_left(small_disk: Path) -> None:
    fill(small_disk)
    done = called("sweep", *MANY, "--results", str(small_disk / "results"))
    assert done.returncode == 2
    [line] = done.stderr.splitlines()
    assert "No space left" in line
    assert "--results" in line
    assert [path for path in small_disk.rglob("*") if path.is_file()] == [small_disk / "filler"]
