"""What a system lacks is one sentence, where there is another way that is taken, and nothing hangs."""

import errno
import platform
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path

import pytest

from stress.doctor import _facts
from stress.host import system
from tests.frontdoor.command import BOUND_SECONDS, called, command_line, environment, kstress
from tests.frontdoor.platforms import MACOS, WINDOWS, WINDOWS_MODULES, filter_away, system_without
from tests.frontdoor.soaking import manifest
from tests.frontdoor.sweeping import QUICK, all_once, the_sweep, times_of_cells

RUN = ("run", "modlist_spinlock", "--engine", "python", "--duration", "60s", "--stop-on-violation")
SWEEP = ("sweep", "modlist_spinlock", *QUICK, "--cpus", "2", "--repeat", "2")
SOAK = ("soak", "modlist_spinlock", "--engine", "python", "--duration", "1s")
MARKED = """
import pytest
@pytest.mark.stress(cpus=2, duration="50ms")
def test_it(stress):
    stress.reader(lambda cpu: None)
    stress.writer(count=1)(lambda cpu: None)
    stress.run()
"""


@pytest.fixture
def windows(tmp_path: Path) -> dict[str, str]:
    """The environment of a process that finds as much of POSIX as on Windows."""
    return system_without(tmp_path, WINDOWS, modules=WINDOWS_MODULES)


def test_a_system_like_windows_runs_scenarios_and_says_what_it_lacks(windows: dict[str, str], tmp_path: Path) -> None:
    done = kstress(*RUN, cwd=tmp_path, **windows)
    assert done.returncode == 0, done.stderr
    assert "VIOLATED as expected" in done.stdout
    lacks = [line for line in done.stderr.splitlines() if line.startswith("kstress: this system lacks ")]
    assert [line.split(": ")[1].removeprefix("this system lacks ") for line in lacks] == [
        "processor affinity",
        "sched_yield",
    ]


@pytest.mark.parametrize("arguments", [SWEEP, SOAK])
def test_campaigns_refuse_a_system_without_file_locks(
    arguments: tuple[str, ...], windows: dict[str, str], tmp_path: Path
) -> None:
    done = kstress(*arguments, cwd=tmp_path, **windows)
    assert (done.returncode, done.stdout) == (2, "")
    [line] = done.stderr.splitlines()
    assert line.startswith(f"kstress: kstress {arguments[0]} needs file locks, which this system lacks: ")
    assert not (tmp_path / "results").exists()


def test_pytest_runs_marks_on_a_system_like_windows(windows: dict[str, str], tmp_path: Path) -> None:
    (tmp_path / "test_marked.py").write_text(MARKED * 2)
    (tmp_path / "pytest.ini").write_text("[pytest]\nfilterwarnings = error\n")
    done = subprocess.run(
        [sys.executable, "-m", "pytest", "-p", "no:cacheprovider", "test_marked.py"],
        cwd=tmp_path, env=environment(**windows), capture_output=True, text=True, timeout=BOUND_SECONDS, check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stdout + done.stderr
    assert "1 passed, 1 warning" in done.stdout
    assert "PytestWarning: may share its cores with other stress runs: this system has no file locks" in done.stdout


def test_the_doctor_says_what_a_system_lacks(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("stress.doctor.offers", lambda key: key == "proc")
    told = {check.name: check for check in _facts()}
    assert told["file locks"].text.startswith("missing: a soak or a sweep cannot lock its run directory")
    assert [told[name].good for name in ("file locks", "fork", "/proc")] == [None, None, True]


def test_a_system_like_macos_sweeps_with_a_new_interpreter_for_each_cell(tmp_path: Path) -> None:
    done = kstress(*SWEEP, cwd=tmp_path, **system_without(tmp_path, MACOS))
    assert done.returncode in (0, 3), done.stderr
    assert "kstress: this system lacks fork: each cell of a sweep starts its own interpreter" in done.stderr
    assert times_of_cells(the_sweep(tmp_path / "results")) == all_once(1, 2)


@pytest.mark.parametrize("error", [errno.EAGAIN, errno.EPERM])
def test_a_cell_that_cannot_be_forked_ends_the_sweep_with_one_line_and_it_can_be_resumed(
    error: int, tmp_path: Path
) -> None:
    refusing = system_without(tmp_path, refused={"os": {"fork": error}})
    done = kstress(*SWEEP, cwd=tmp_path, **refusing)
    assert done.returncode == 2
    [line] = done.stderr.splitlines()
    assert line.startswith("kstress: cannot start another process: ")
    folder = the_sweep(tmp_path / "results")
    assert manifest(folder)["status"] == "interrupted"
    (tmp_path / "sitecustomize.py").unlink()
    assert called("sweep", "--resume", str(folder)).returncode in (0, 3)
    assert times_of_cells(folder) == all_once(1, 2)


@pytest.mark.parametrize("arguments", [SWEEP, SOAK])
def test_a_campaign_that_cannot_start_a_process_is_one_line(arguments: tuple[str, ...], tmp_path: Path) -> None:
    done = kstress(
        *arguments, cwd=tmp_path, **system_without(tmp_path, refused={"subprocess": {"Popen": errno.EAGAIN}})
    )
    assert done.returncode == 2
    [line] = done.stderr.splitlines()
    assert line.startswith("kstress: cannot start another process: Resource temporarily unavailable; ")


def filtered(
    calls: Sequence[str], error: int, arguments: Sequence[str], place: Path
) -> "subprocess.CompletedProcess[str]":
    """A command that may not make some system calls."""
    return subprocess.run(
        command_line(arguments), preexec_fn=lambda: filter_away(calls, error),
        cwd=place, env=environment(), capture_output=True, text=True, timeout=BOUND_SECONDS, check=False,
    )  # fmt: skip


@pytest.mark.skipif((platform.system(), platform.machine()) != ("Linux", "x86_64"), reason="numbers of other calls")
@pytest.mark.parametrize("error", [errno.EPERM, errno.ENOSYS])
def test_calls_that_a_filter_refuses_are_done_without(error: int, tmp_path: Path) -> None:
    calls = ("pidfd_open", "sched_setaffinity", "sched_getaffinity", "sched_yield")
    try:
        done = filtered(calls, error, SWEEP, tmp_path)
    except subprocess.SubprocessError:
        pytest.skip("this system allows no filter")
    assert done.returncode in (0, 3), done.stderr
    lacks = [line.split(":")[1].removeprefix(" this system lacks ") for line in done.stderr.splitlines()]
    assert lacks == ["processor affinity", "sched_yield"]
    assert times_of_cells(the_sweep(tmp_path / "results")) == all_once(1, 2)


def test_what_is_there_is_tried_once(monkeypatch: pytest.MonkeyPatch) -> None:
    tried = []
    offer = system.OFFERS["proc"]._replace(attempt=lambda: tried.append(True))
    monkeypatch.setitem(system.OFFERS, "proc", offer)
    system.offers.cache_clear()
    assert (system.offers("proc"), system.offers("proc"), len(tried)) == (True, True, 1)
    system.offers.cache_clear()
