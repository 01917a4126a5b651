"""Commands that were started with descriptors closed, as daemons start them, do all that they do otherwise."""

import shlex
import subprocess
from pathlib import Path

import pytest

from tests.frontdoor.command import BOUND_SECONDS, command_line, environment
from tests.frontdoor.soaking import SHORT, manifest, the_run
from tests.frontdoor.sweeping import QUICK, all_once, the_sweep, times_of_cells

CLOSED = ["0<&-", "0<&- 1>&-", "0<&- 2>&-", "0<&- 1>&- 2>&-"]


def closed(which: str, *arguments: str) -> int:
    """The exit code of a command that is started with some descriptors closed."""
    command = f"exec {shlex.join(command_line(arguments))} {which}"
    done = subprocess.run(
        ["sh", "-c", command], env=environment(), capture_output=True, timeout=BOUND_SECONDS, check=False
    )  # fmt: skip
    return done.returncode


@pytest.mark.parametrize("which", CLOSED)
def test_a_sweep_runs_every_cell(which: str, tmp_path: Path) -> None:
    sweep = ("sweep", "modlist_spinlock", *QUICK, "--cpus", "2", "--repeat", "2", "--results", str(tmp_path))
    assert closed(which, *sweep) in (0, 1, 3)
    assert times_of_cells(the_sweep(tmp_path)) == all_once(1, 2)


def test_a_soak_comes_to_its_end(tmp_path: Path) -> None:
    soak = ("soak", "modlist_spinlock", *SHORT, "--duration", "300ms", "--results", str(tmp_path))
    assert closed(CLOSED[-1], *soak) in (0, 1, 3)
    assert manifest(the_run(tmp_path))["status"] == "complete"


def test_a_run_comes_to_its_end(tmp_path: Path) -> None:
    run = ("run", "modlist_spinlock", "--engine", "python", "--duration", "200ms", "--results", str(tmp_path))
    assert closed(CLOSED[-1], *run) in (0, 1, 3)
    assert len(list(tmp_path.glob("run-*.json"))) == 1
