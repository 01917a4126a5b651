"""kill -9 of a sweep, again and again, and going on: in the end every cell is there, exactly once."""

import signal
from pathlib import Path
from random import Random

import psutil

from tests.frontdoor.command import called
from tests.frontdoor.soaking import running, wait_until, wait_until_gone
from tests.frontdoor.sweeping import QUICK, all_once, cells, the_sweep, times_of_cells
from tests.support import part_of

KILLS = part_of(12)
REPEATS = KILLS + 4
MANY = ("modlist_spinlock", *QUICK, "--cpus", "2,3", "--repeat", str(REPEATS))


def kill_once(arguments: tuple[str, ...], random: Random, results: Path) -> None:
    """Start or resume a sweep and kill it at a random moment after it has begun."""
    with running(*arguments, verb="sweep") as sweeping:
        folder = sweeping.hear_directory()
        before, more = len(cells(folder)), random.randrange(2)
        wait_until(lambda: len(cells(folder)) >= before + more or sweeping.process.poll() is not None, "cells")
        wait_until(lambda: random.random() < 0.1, "a random moment")
        sweeping.signal(signal.SIGKILL)
        assert sweeping.wait() == -signal.SIGKILL


def test_a_sweep_that_is_killed_again_and_again_has_every_cell_once(tmp_path: Path) -> None:
    random = Random(5)
    kill_once((*MANY, "--results", str(tmp_path)), random, tmp_path)
    folder = the_sweep(tmp_path)
    for _ in range(KILLS - 1):
        kill_once(("--resume", str(folder)), random, tmp_path)
    done = called("sweep", "--resume", str(folder))
    assert done.returncode in (0, 1, 3), done.stderr
    assert times_of_cells(folder) == all_once(2, REPEATS)


def test_a_cell_and_its_nursery_end_with_their_sweep(tmp_path: Path) -> None:
    arguments = ("stop_machine", *QUICK[:2], "--cpus", "2", "--duration", "1h", "--results", str(tmp_path))
    with running(*arguments, verb="sweep") as sweeping:
        sweeping.hear_directory()
        sweep = psutil.Process(sweeping.process.pid)
        wait_until(lambda: len(sweep.children(recursive=True)) == 2, "the nursery, and a cell's process")
        both = sweep.children(recursive=True)
        sweeping.signal(signal.SIGKILL)
        sweeping.wait()
        for process in both:
            wait_until_gone(process)
