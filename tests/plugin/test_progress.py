"""Who has cores and makes no progress: it is told by name and with what ends it, and keeps nobody waiting for long."""

import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

import psutil
import pytest

from stress.host import clocks, cores
from stress.host.cores import having_cores
from stress.host.holder import Holder, Pulse, read_holder
from stress.host.lock_folder import NAMED

OTHER = Holder(4194304, 1.0, 0)
"""A process that there never is, since ids end before it."""


class Time:
    """The time of a host, which passes by `step` with each sleep."""

    def __init__(self, step: float) -> None:
        self.now, self.step = 1000.0, step

    def monotonic(self) -> float:
        return self.now

    def sleep(self, seconds: float) -> None:
        self.now += self.step


class Busy:
    """Cores that another run has; `beats` says what it has written by a time."""

    def __init__(self, passing: Time, beats: Callable[[float], int]) -> None:
        self.passing, self.beats = passing, beats
        self.passed_on: list[float] = []

    def beat(self) -> None:
        self.passed_on.append(self.passing.now - 1000.0)

    def take(self) -> bool:
        return False

    @property
    def holder(self) -> Holder:
        return Holder(OTHER.pid, OTHER.since, self.beats(self.passing.now - 1000.0))


def waited(monkeypatch: pytest.MonkeyPatch, step: float, beats: Callable[[float], int]) -> tuple[list[Any], float]:
    """What is told of a holder, the last of it why its cores are shared, and how many seconds that takes."""
    passing = Time(step)
    told: list[Any] = []
    with monkeypatch.context() as patch:
        patch.setattr(cores, "clocks", passing)
        wanted: Any = Busy(passing, beats)
        told.append(cores.Waiting(wanted, told.append, cores.LONGEST_WAIT).until(lambda: False))
    return told, passing.now - 1000.0


def test_a_holder_without_progress_is_told_and_then_shared_with(monkeypatch: pytest.MonkeyPatch) -> None:
    (waits, stuck, shares), seconds = waited(monkeypatch, 0.5, lambda passed: 0)
    assert "waits for the stress run of process 4194304, which holds the host's cores since" in waits
    assert "has made no progress for 60 s" in stuck
    assert "shares its cores with the stress run of process 4194304, which has made no progress for 180 s" in shares
    assert seconds == pytest.approx(cores.LONGEST_STUCK, abs=1.0)


def test_a_holder_that_makes_progress_is_waited_for(monkeypatch: pytest.MonkeyPatch) -> None:
    (waits, shares), seconds = waited(monkeypatch, 0.5, lambda passed: int(passed / 50))
    assert "waits for" in waits
    assert "after waiting for 3600 s" in shares
    assert seconds == pytest.approx(cores.LONGEST_WAIT, abs=1.0)


def test_a_holder_that_stops_a_second_time_is_told_a_second_time(monkeypatch: pytest.MonkeyPatch) -> None:
    told, _ = waited(monkeypatch, 0.5, lambda passed: int(passed > 100))
    assert ["made no progress for 60 s" in one for one in told] == [False, True, True, False]


def test_a_pause_of_the_host_is_not_held_against_the_holder(monkeypatch: pytest.MonkeyPatch) -> None:
    _, seconds = waited(monkeypatch, 30.0, lambda passed: 0)
    assert seconds >= 30 * cores.LONGEST_STUCK, "each look counts for a second at most, however long it took"


def test_waiting_is_told_after_a_second(monkeypatch: pytest.MonkeyPatch) -> None:
    passing, told = Time(0.125), []
    with monkeypatch.context() as patch:
        patch.setattr(cores, "clocks", passing)
        wanted: Any = Busy(passing, int)
        cores.Waiting(wanted, lambda one: told.append((passing.now - 1000.0, one)), 2.0).until(lambda: False)
    [(seconds, _)] = told
    assert seconds == 1.0


def test_who_waits_with_cores_of_its_own_passes_progress_on(monkeypatch: pytest.MonkeyPatch) -> None:
    passing = Time(1.0)
    with monkeypatch.context() as patch:
        patch.setattr(cores, "clocks", passing)
        wanted: Any = Busy(passing, lambda passed: min(int(passed), 20))
        cores.Waiting(wanted, lambda told: None, cores.LONGEST_WAIT).until(lambda: False)
    assert wanted.passed_on == [float(second) for second in range(21)]


def test_progress_is_written_once_a_second(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with (tmp_path / "core").open("w+b") as file:
        pulse, beats = Pulse(file.fileno()), []
        for seconds in (0.0, 0.5, 1.0, 1.9, 2.0):
            with monkeypatch.context() as patch:
                patch.setattr(clocks, "monotonic", partial(float, 100.0 + seconds))
                pulse.beat()
            beats.append(read_holder(file.fileno()))
    assert [one and one.beats for one in beats] == [1, 1, 2, 2, 3]
    assert {one and one.pid for one in beats} == {os.getpid()}


def test_a_run_notes_its_progress_for_those_who_wait(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(NAMED, str(tmp_path))
    monkeypatch.setattr("stress.host.holder.BEAT_SECONDS", 0.0)
    with having_cores(print, print), (tmp_path / cores.lock_name(cores.cores()[0])).open("rb") as file:
        before = read_holder(file.fileno())
        cores.make_progress()
        after = read_holder(file.fileno())
    assert before
    assert after
    assert after.beats == before.beats + 1


@pytest.mark.parametrize(
    ("written", "read"),
    [(b"", None), (b"77", None), (b"x y z", None), (b"77 1.5 3".ljust(64), Holder(77, 1.5, 3))],
)
def test_a_record_that_is_none_is_nobodys(written: bytes, read: Holder | None, tmp_path: Path) -> None:
    (tmp_path / "core").write_bytes(written)
    with (tmp_path / "core").open("rb") as file:
        assert read_holder(file.fileno()) == read


def test_a_full_disk_does_not_end_the_run_that_notes_its_progress() -> None:
    with Path("/dev/full").open("wb") as full:
        Pulse(full.fileno()).beat()


def until_status(process: psutil.Process, status: str) -> None:
    deadline = time.monotonic() + 30
    while process.status() != status:
        assert time.monotonic() < deadline
        time.sleep(0.01)


def test_a_process_that_is_stopped_is_told_with_what_lets_it_go_on() -> None:
    waits, pipe = [sys.executable, "-c", "print(flush=True); input()"], subprocess.PIPE
    with subprocess.Popen(waits, stdin=pipe, stdout=pipe) as sleeper:
        try:
            assert sleeper.stdout
            sleeper.stdout.readline()  # before that it may not have its command yet
            told = Holder(sleeper.pid, time.time(), 1)
            assert told.advice() == f"`kill {sleeper.pid}` ends it"
            assert str(told).startswith(f"process {sleeper.pid} (")
            sleeper.send_signal(signal.SIGSTOP)
            until_status(psutil.Process(sleeper.pid), psutil.STATUS_STOPPED)
            assert f"it is stopped: `kill -CONT {sleeper.pid}` continues it" in told.advice()
        finally:
            sleeper.kill()
        until_status(psutil.Process(sleeper.pid), psutil.STATUS_ZOMBIE)
        assert "its main thread has ended" in told.advice()
        sleeper.wait()
        assert "it has ended" in told.advice()


def test_a_process_that_began_after_the_core_was_taken_is_another() -> None:
    told = Holder(os.getpid(), psutil.Process().create_time() - 60, 1)
    assert "it has ended" in told.advice()
    assert str(told) == f"process {os.getpid()}"
