"""One stress item at a time on a host: the next one waits, and a holder that dies lets go."""

import fcntl
import subprocess
import sys
import time
from pathlib import Path

import pytest

from stress import host
from stress.marks.host import one_at_a_time

HOLD = """
import sys, time
from pathlib import Path
from stress import host
from stress.marks.host import one_at_a_time
host.lock_file = lambda core: Path(f"{sys.argv[1]}-{core}")
with one_at_a_time(print):
    print("has it", flush=True)
    time.sleep(60)
"""
GREEDY = """
import sys, time
from pathlib import Path
from stress import host
from stress.marks.host import one_at_a_time
host.lock_file = lambda core: Path(f"{sys.argv[1]}-{core}")
print("has it", flush=True)
for _ in range(1000):
    with one_at_a_time(print):
        with open(sys.argv[2], "a") as turns:
            turns.write(".")
        time.sleep(0.02)
"""
ELSEWHERE = """
import sys
from pathlib import Path
from stress import host
host.lock_file = lambda core: Path(f"{sys.argv[1]}-{core}")
host.cores = lambda: [int(sys.argv[2])]
with host.having_cores(lambda told: print("waits"), lambda told: None, 0.05):
    print("has it")
"""


@pytest.fixture
def lock(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    path = tmp_path / "lock"
    monkeypatch.setattr(host, "lock_file", lambda core: Path(f"{path}-{core}"))
    return path


@pytest.fixture
def holder(lock: Path) -> "subprocess.Popen[str]":
    process = subprocess.Popen([sys.executable, "-c", HOLD, str(lock)], stdout=subprocess.PIPE, text=True)
    assert process.stdout
    assert process.stdout.readline() == "has it\n"
    return process


def is_free(core: int) -> bool:
    with host.lock_file(core).open("r+") as file:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            return False
        return True


def end(process: "subprocess.Popen[str]") -> None:
    process.kill()
    process.communicate()


def test_who_waits_too_long_is_told_by_whom_and_goes_on(holder: "subprocess.Popen[str]", lock: Path) -> None:
    told: list[str] = []
    shares = f"shares its cores with the stress run of process {holder.pid}, after 0.05 s of waiting"
    with pytest.warns(pytest.PytestWarning, match=shares), one_at_a_time(told.append, 0.05):
        told.append("runs")
    end(holder)
    waits = f"waits for the stress run of process {holder.pid}, which has the host's cores"
    assert told == [waits, "runs"]


def test_who_gives_up_waiting_goes_on_at_once_and_says_nothing(holder: "subprocess.Popen[str]") -> None:
    told: list[str] = []
    with host.having_cores(told.append, told.append, given_up=lambda: True):
        told.append("goes on")
    end(holder)
    assert told == ["goes on"]


def test_a_holder_that_dies_lets_go(holder: "subprocess.Popen[str]") -> None:
    end(holder)
    with one_at_a_time(print, 30):
        pass


def test_who_asks_again_and_again_lets_others_in_between(lock: Path, tmp_path: Path) -> None:
    turns = tmp_path / "turns"
    command = [sys.executable, "-c", GREEDY, str(lock), str(turns)]
    greedy = subprocess.Popen(command, stdout=subprocess.PIPE, text=True)
    assert greedy.stdout
    greedy.stdout.readline()
    for _ in range(5):
        with one_at_a_time(print, 60):
            pass
    end(greedy)
    assert len(turns.read_text()) < 60, "some turns for each of ours are fair"


def test_one_after_the_other_is_not_kept_waiting(lock: Path) -> None:
    for _ in range(3):
        with one_at_a_time(print, 0.0):
            assert all(host.lock_file(core).exists() for core in host.cores())


def test_a_link_in_its_place_is_not_followed(lock: Path, tmp_path: Path) -> None:
    host.lock_file(host.cores()[-1]).symlink_to(tmp_path / "other")
    with pytest.raises(OSError), one_at_a_time(print, 0.0):  # noqa: PT011
        pass
    assert not (tmp_path / "other").exists()


def test_who_lets_go_steps_aside_before_it_may_ask_again(lock: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    slept: list[float] = []
    with monkeypatch.context() as patch:
        patch.setattr(time, "sleep", slept.append)
        with one_at_a_time(print, 0.0):
            assert slept == []
    assert slept == [host.POLITE_SECONDS]


def test_who_has_other_cores_does_not_wait(lock: Path) -> None:
    here, there = host.cores()[0], host.cores()[-1] + 1
    with one_at_a_time(print, 0.0):
        other = subprocess.Popen([sys.executable, "-c", ELSEWHERE, str(lock), str(there)], stdout=subprocess.PIPE)
        assert other.communicate(timeout=60)[0] == b"has it\n"
        same = subprocess.Popen([sys.executable, "-c", ELSEWHERE, str(lock), str(here)], stdout=subprocess.PIPE)
        assert same.communicate(timeout=60)[0] == b"waits\nhas it\n"


def test_who_waits_for_one_core_keeps_those_it_has(lock: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(host, "cores", lambda: [1, 2])
    told: list[str] = []
    with host.lock_file(2).open("w") as other:
        fcntl.flock(other, fcntl.LOCK_EX)
        with host.having_cores(told.append, told.append, 0.0):
            assert len(told) == 2
            assert not is_free(1)
        assert is_free(1)
