"""One stress run at a time on a core: the next one waits, or does as it is told, and a holder that dies lets go."""

import os
import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import psutil
import pytest

from stress.host import clocks, cores, system
from stress.host.cores import having_cores
from stress.host.lock_folder import NAMED

HOLD = """
import time
from stress.host.cores import having_cores
with having_cores(print, print):
    print("has it", flush=True)
    time.sleep(60)
"""
GREEDY = """
import sys, time
from stress.host.cores import having_cores
print("has it", flush=True)
for _ in range(1000):
    with having_cores(print, print):
        with open(sys.argv[1], "a") as turns:
            turns.write(".")
        time.sleep(0.02)
"""
FORK = """
import os, time
from stress.host.cores import having_cores
with having_cores(print, print):
    if os.fork() == 0:
        time.sleep(60)
        os._exit(0)
    print("has it", flush=True)
    time.sleep(60)
"""
ELSEWHERE = """
import sys
from stress.host import cores
cores.cores = lambda: [int(sys.argv[1])]
with cores.having_cores(lambda told: print("waits"), lambda told: None, 0.05):
    print("has it")
"""
Process = subprocess.Popen[str]


@pytest.fixture
def lock(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder of the test's own for locks, for the processes that it starts too."""
    monkeypatch.setenv(NAMED, str(tmp_path / "locks"))
    return tmp_path / "locks"


def started(code: str, *arguments: str) -> Process:
    process = subprocess.Popen([sys.executable, "-c", code, *arguments], stdout=subprocess.PIPE, text=True)
    assert process.stdout
    assert process.stdout.readline() == "has it\n"
    return process


def end(process: Process) -> None:
    process.kill()
    process.communicate()


@pytest.fixture
def holder(lock: Path) -> Iterator[Process]:
    process = started(HOLD)
    yield process
    end(process)


def is_free(place: Path, core: int) -> bool:
    with (place / cores.lock_name(core)).open("r+") as file:
        return system.lock(file.fileno())


def test_who_waits_too_long_is_told_by_whom_and_goes_on(holder: Process) -> None:
    told: list[str] = []
    shares = f"shares its cores with the stress run of process {holder.pid}.*, after waiting for 0.05 s"
    with having_cores(told.append, told.append, 0.05) as shared:
        told.append("runs")
    [waits, warned, runs] = told
    assert warned == shared
    assert re.fullmatch(shares, warned)
    assert waits.startswith(f"waits for the stress run of process {holder.pid} ({sys.executable} -c import time ")
    assert ", which holds the host's cores since " in waits
    assert runs == "runs"


def test_who_gives_up_waiting_goes_on_at_once_and_says_nothing(holder: Process) -> None:
    told: list[str] = []
    with cores.having_cores(told.append, told.append, given_up=lambda: True) as shared:
        told.append("goes on")
    assert (told, shared) == (["goes on"], None)


@pytest.mark.parametrize(("how", "tells"), [(cores.SHARE, 1), (cores.SKIP, 0)])
def test_who_shares_goes_on_at_once(holder: Process, how: str, tells: int) -> None:
    told: list[str] = []
    with cores.having_cores(told.append, told.append, how=how) as shared:
        assert shared
        assert f"shares its cores with the stress run of process {holder.pid}" in shared
    assert told == [shared] * tells


@pytest.mark.parametrize("how", cores.HOW)
def test_who_has_the_cores_alone_is_told_nothing(how: str, lock: Path) -> None:
    with cores.having_cores(pytest.fail, pytest.fail, how=how) as shared:
        assert shared is None
        assert not any(is_free(lock, core) for core in cores.cores())


def test_a_campaign_waits_unless_it_is_told_otherwise(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv(cores.SETTING, raising=False)
    assert cores.chosen(None) == "wait"
    monkeypatch.setenv(cores.SETTING, "share")
    assert [cores.chosen(None), cores.chosen("wait")] == ["share", "wait"]
    monkeypatch.setenv(cores.SETTING, "skip")
    assert cores.chosen(None) == "wait", "a campaign has nothing to skip"


def test_a_holder_that_dies_lets_go(holder: Process) -> None:
    holder.kill()
    holder.wait()
    with having_cores(print, print, 30) as shared:
        assert shared is None


def test_a_process_that_a_holder_has_forked_does_not_keep_the_cores(lock: Path) -> None:
    forker = started(FORK)
    [child] = psutil.Process(forker.pid).children()
    forker.kill()
    forker.wait()
    assert child.is_running()
    with having_cores(print, print, 30) as shared:
        assert shared is None
    child.kill()
    forker.communicate()


def test_cores_are_free_though_somebody_else_has_their_files_open(lock: Path) -> None:
    with having_cores(print, print):
        others = [os.dup(pulse.handle) for pulse in cores._held[-1].had]
    assert all(is_free(lock, core) for core in cores.cores())
    for other in others:
        os.close(other)


def test_who_asks_again_and_again_lets_others_in_between(lock: Path, tmp_path: Path) -> None:
    turns = tmp_path / "turns"
    greedy = started(GREEDY, str(turns))
    for _ in range(5):
        with having_cores(print, print, 60):
            pass
    end(greedy)
    assert len(turns.read_text()) < 60, "some turns for each of ours are fair"


def test_one_after_the_other_is_not_kept_waiting(lock: Path) -> None:
    for _ in range(3):
        with having_cores(pytest.fail, pytest.fail, 0.0):
            assert all((lock / cores.lock_name(core)).exists() for core in cores.cores())


def test_who_lets_go_steps_aside_before_it_may_ask_again(lock: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    slept: list[float] = []
    with monkeypatch.context() as patch:
        patch.setattr(clocks, "sleep", slept.append)
        with having_cores(print, print, 0.0):
            assert slept == []
    assert slept == [cores.POLITE_SECONDS]


def test_who_has_other_cores_does_not_wait(lock: Path) -> None:
    here, there = cores.cores()[0], cores.cores()[-1] + 1
    with having_cores(print, print, 0.0):
        other = subprocess.Popen([sys.executable, "-c", ELSEWHERE, str(there)], stdout=subprocess.PIPE)
        assert other.communicate(timeout=60)[0] == b"has it\n"
        same = subprocess.Popen([sys.executable, "-c", ELSEWHERE, str(here)], stdout=subprocess.PIPE)
        assert same.communicate(timeout=60)[0] == b"waits\nhas it\n"


def test_who_waits_for_one_core_keeps_those_it_has(lock: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(cores, "cores", lambda: [1, 2])
    told: list[str] = []
    lock.mkdir(0o700)
    with (lock / cores.lock_name(2)).open("w") as other:
        assert system.lock(other.fileno())
        with cores.having_cores(told.append, told.append, 0.0):
            assert len(told) == 2
            assert not is_free(lock, 1)
        assert is_free(lock, 1)
