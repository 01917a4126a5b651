"""Cells that crash, hang, run out of memory or break: each is a result that is told, and the sweep goes on."""

import os
import signal
from collections.abc import Iterable
from functools import partial
from itertools import count
from pathlib import Path

import pytest

from stress.campaign.nursery import borrowed, close_idle
from stress.campaign.sweep import cell as cells_module
from stress.campaign.sweep.cell import CHILD, run_cell
from stress.campaign.sweep.matrix import Matrix
from stress.campaign.sweep.plan import new_plan
from stress.campaign.sweep.records import CellResult, Plan
from stress.campaign.sweep.remote import task_for
from stress.machine.patience import SHORTEST_LOOK_SECONDS, Look, Patience, look_at
from tests.frontdoor.planting import planted
from tests.frontdoor.sweeping import QUICK, cells, last_facts, sweep, the_sweep

TROUBLES = {
    "crashes": ("os.kill(os.getpid(), signal.SIGSEGV)", "crashed", "died of SIGSEGV"),
    "killed": ("os.kill(os.getpid(), signal.SIGKILL)", "crashed", "died of SIGKILL"),
    "leaves": ("os._exit(9)", "crashed", "ended with exit code 9"),
    "hungry": (
        "sys.modules['stress.runs.image'].boot_ram = no_memory",
        "out of memory",
        "the machine's process was refused memory",
    ),
    "greedy": ("bytearray(1 << 50)", "out of memory", "the machine's process was refused memory"),
    "starved": (
        "resource.setrlimit(resource.RLIMIT_AS, 2 * (int(open('/proc/self/statm').read().split()[0]) * 4096 + SPARE,))",
        "out of memory",
        "the machine's process was refused memory",
    ),
    "breaks": ("raise RuntimeError('planted')", "failed", "the cell failed"),
    "exits": ("sys.exit('planted')", "failed", "the cell failed"),
    "garbles": ("raise RuntimeError('\\udcff')", "failed", "the cell failed"),
}
STUCK = "sys.modules['stress.machine.machine'].Machine.end = lambda self, *how: self._threads"
"""No machine can be ended."""


@pytest.mark.threads
def test_each_is_told_and_the_others_run(tmp_path: Path) -> None:
    bad = [str(planted(tmp_path, name, deed)) for name, (deed, _, _) in TROUBLES.items()]
    done = sweep(tmp_path, *bad, "modlist_spinlock", *QUICK, "--cpus", "2", "--repeat", "1")
    assert done.returncode == 4, done.stderr
    assert "Traceback" not in done.stderr
    ended = {cell["number"]: cell for cell in cells(the_sweep(tmp_path))}
    for number, (_, end, told) in enumerate(TROUBLES.values()):
        assert ended[number]["end"] == end
        assert ended[number]["run"] is None
        assert told in ended[number]["trouble"]["lines"][0]
        assert told in done.stdout
    assert ended[len(TROUBLES)]["end"] == "done"
    facts = last_facts(done.stdout)
    assert (facts["status"], facts["ended"], facts["crashed"]) == ("failed", "10", "3")
    assert (facts["out_of_memory"], facts["failed"], facts["hung"]) == ("3", "3", "0")


def hanging(place: Path, deed: str) -> Plan:
    """A plan of one cell that does something that hangs."""
    axes = {"engine": ("python",), "cpus": (2,)}
    path = planted(place, "hangs", deed)
    return new_plan(Matrix(scenarios=(str(path),), axes=axes, duration_s=0.1, stall_after_s=0.1))


def run(plan: Plan) -> CellResult:
    """Run the first cell of a plan."""
    try:
        with borrowed(CHILD, native=False) as nursery:
            return run_cell(task_for(plan, 0, 1), nursery)
    finally:
        close_idle()


def test_a_cell_that_never_starts_is_ended(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(cells_module, "COMPILE_SECONDS", 1.0)
    came = run(hanging(tmp_path, "time.sleep(3600)"))
    assert (came.end, came.first_lookup_s) == ("hung", None)
    assert came.trouble is not None
    assert "hung: it did not start though nothing prevented it: it has slept for 1." in came.trouble.lines[0]


@pytest.mark.parametrize(
    ("deed", "told"),
    [
        ("sys.modules['stress.runs.harvest'].harvest = lambda *of: time.sleep(3600)", "it has slept for 0."),
        ("sys.modules['stress.runs.harvest'].harvest = lambda *of: all(1 for _ in iter(int, 1))", "s of CPU time"),
    ],
)
def test_a_cell_that_says_nothing_more_is_ended(
    deed: str, told: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(cells_module, "SILENT_SECONDS", 0.5)
    came = run(hanging(tmp_path, deed))
    assert (came.end, came.run) == ("hung", None)
    assert came.first_lookup_s is not None
    assert came.trouble is not None
    assert "hung: it sent nothing more" in came.trouble.lines[0]
    assert told in came.trouble.lines[0]


def test_a_cell_that_is_stopped_for_a_while_is_waited_for(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """It stops itself: whoever waits for it looks a hundred times, each as if an hour had passed, and lets it go on.

    Little time passes before: on a busy host it may have to be looked at often until it has stopped.
    """
    looks = 0

    def look(pid: int, threads: Iterable[int]) -> Look:
        nonlocal looks
        seen = look_at(pid, threads)
        looks += seen.stopped
        if looks == 100:
            os.kill(pid, signal.SIGCONT)
        return seen

    ticks = count(0.0, SHORTEST_LOOK_SECONDS)
    passing = partial(Patience, clock=lambda: next(ticks) + 3600.0 * looks, look=look)
    monkeypatch.setattr(cells_module, "Patience", passing)
    monkeypatch.setattr("stress.campaign.child.POLL_SECONDS", 0.001)
    came = run(hanging(tmp_path, "os.kill(os.getpid(), signal.SIGSTOP)"))
    assert (came.end, came.trouble) == ("done", None)
    assert looks >= 100


@pytest.mark.threads
def test_a_machine_that_cannot_be_ended_is_a_cell_that_hung(tmp_path: Path) -> None:
    came = run(hanging(tmp_path, STUCK))
    assert came.end == "hung"
    assert came.trouble is not None
    assert "cpu0, cpu1 did not end after power-off, " in came.trouble.lines[0]
