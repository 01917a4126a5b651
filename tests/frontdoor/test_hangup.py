"""SIGHUP ends commands as SIGTERM does, with 129, unless it was ignored; a signal in a print waits for its end."""

import fcntl
import io
import json
import os
import signal
import subprocess
import sys
import termios
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from stress.host import interrupts
from stress.host.disk import write_whole
from stress.host.interrupts import Interrupts
from tests.frontdoor.command import BOUND_SECONDS, command_line, environment, handlers_kept, wait_until_cpus_run
from tests.frontdoor.soaking import HOURS, manifest, samples, the_run, wait_until
from tests.frontdoor.sweeping import QUICK, all_once, the_sweep, times_of_cells

COMMANDS = {
    "soak": ("soak", "stop_machine", *HOURS),
    "sweep": ("sweep", "stop_machine", *QUICK[:2], "--cpus", "2", "--duration", "1h"),
}


def heeding() -> None:
    """In the command's process before it begins: SIGHUP as a shell leaves it, however this session was started."""
    signal.signal(signal.SIGHUP, signal.SIG_DFL)


def ignoring() -> None:
    """The same as nohup leaves it."""
    signal.signal(signal.SIGHUP, signal.SIG_IGN)


@contextmanager
def begun(
    place: Path, *arguments: str, prepare: Callable[[], None] = heeding, terminal: int | None = None
) -> Iterator["subprocess.Popen[bytes]"]:
    """A command in `place`, in a session of its own."""
    process = subprocess.Popen(
        command_line(arguments), cwd=place, env=environment(), preexec_fn=prepare, start_new_session=True,
        stdin=terminal, stdout=terminal or subprocess.DEVNULL, stderr=terminal or subprocess.DEVNULL,
    )  # fmt: skip
    try:
        yield process
    finally:
        process.kill()
        process.wait()


def directories(place: Path) -> list[Path]:
    return list((place / "results").glob("s*-*"))


@pytest.mark.parametrize("command", COMMANDS)
def test_a_hangup_ends_a_campaign_with_129(command: str, tmp_path: Path) -> None:
    with begun(tmp_path, *COMMANDS[command]) as process:
        wait_until(lambda: bool(directories(tmp_path)), "a run directory")
        process.send_signal(signal.SIGHUP)
        assert process.wait(BOUND_SECONDS) == 128 + signal.SIGHUP
    [folder] = directories(tmp_path)
    assert manifest(folder)["status"] == "interrupted"


def test_a_hangup_ends_a_run_with_129(tmp_path: Path) -> None:
    arguments = ("run", "stop_machine", "--engine", "python", "--duration", "1h", "--json", "out.json")
    with begun(tmp_path, *arguments) as process:
        wait_until_cpus_run(process)
        process.send_signal(signal.SIGHUP)
        assert process.wait(BOUND_SECONDS) == 128 + signal.SIGHUP
    [run] = json.loads((tmp_path / "out.json").read_text())["runs"]
    assert run["interrupted"]


def test_under_nohup_a_sweep_goes_on(tmp_path: Path) -> None:
    arguments = ("sweep", "modlist_spinlock", *QUICK, "--cpus", "2", "--repeat", "3")
    with begun(tmp_path, *arguments, prepare=ignoring) as process:
        wait_until(lambda: bool(directories(tmp_path)), "a run directory")
        process.send_signal(signal.SIGHUP)
        assert process.wait(BOUND_SECONDS) in (0, 3)
    assert times_of_cells(the_sweep(tmp_path / "results")) == all_once(1, 3)


def test_a_terminal_that_hangs_up_ends_a_soak_with_what_it_learnt(tmp_path: Path) -> None:
    ours, theirs = os.openpty()

    def prepare() -> None:
        heeding()
        fcntl.ioctl(theirs, termios.TIOCSCTTY, 0)

    with begun(tmp_path, *COMMANDS["soak"], prepare=prepare, terminal=theirs) as process:
        os.close(theirs)
        wait_until(lambda: bool(directories(tmp_path)) and bool(samples(the_run(tmp_path / "results"))), "a record")
        os.close(ours)
        assert process.wait(BOUND_SECONDS) == 128 + signal.SIGHUP
    assert manifest(the_run(tmp_path / "results"))["status"] == "interrupted"


@pytest.fixture
def handlers() -> Iterator[None]:
    """What signals do is afterwards as it was."""
    with handlers_kept():
        signal.signal(signal.SIGHUP, signal.SIG_DFL)
        yield


def test_a_hangup_is_never_the_second_signal(handlers: None, monkeypatch: pytest.MonkeyPatch) -> None:
    left: list[int] = []
    monkeypatch.setattr(interrupts, "leave_now", left.append)
    taken = Interrupts.noted()
    for number in (signal.SIGTERM, signal.SIGHUP, signal.SIGHUP):
        signal.raise_signal(number)
    assert (taken.signal, left) == (signal.SIGTERM, [])
    signal.raise_signal(signal.SIGTERM)
    assert left == [128 + signal.SIGTERM]


def test_a_signal_waits_until_the_file_that_is_written_is_there(
    tmp_path: Path, handlers: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    seen: list[list[str]] = []
    monkeypatch.setattr(interrupts, "leave_now", lambda code: seen.append(os.listdir(tmp_path)))
    taken = Interrupts.noted()

    def data() -> Iterator[bytes]:
        for _ in range(2):
            signal.raise_signal(signal.SIGINT)
            yield b"half"

    write_whole(tmp_path / "file", data())
    assert (taken.signal, seen) == (signal.SIGINT, [["file"]])
    assert (tmp_path / "file").read_bytes() == b"halfhalf"


def test_only_the_third_signal_ends_what_has_results_to_save(handlers: None, monkeypatch: pytest.MonkeyPatch) -> None:
    left: list[int] = []
    monkeypatch.setattr(interrupts, "leave_now", left.append)
    for before, so_far in ((True, [3]), (False, [2, 3])):
        taken = Interrupts(lambda number: 7, saves=True)
        taken.running = True
        left.clear()
        ended: list[int] = []
        for number in (1, 2, 3):
            if number == 2 and not before:
                assert not taken.saved()
            signal.raise_signal(signal.SIGINT)
            ended += [number] * (len(left) - len(ended))
        assert ended == so_far
        assert left == [128 + signal.SIGINT] * len(so_far)
        assert taken.saved(), "there was a second one"


class Printing(io.StringIO):
    """A stream that says for some flushes that a print is under way."""

    def __init__(self, times: int) -> None:
        """Say so `times` times."""
        super().__init__()
        self.left = times

    def flush(self) -> None:
        self.left -= 1
        if self.left >= 0:
            raise RuntimeError("reentrant call inside <_io.BufferedWriter name='<stderr>'>")


@pytest.mark.parametrize(("times", "code"), [(0, 7), (3, 7), (10**9, 128 + signal.SIGINT)])
def test_a_signal_in_the_middle_of_a_print_waits_for_its_end_but_not_for_ever(
    times: int, code: int, handlers: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    left: list[int] = []
    monkeypatch.setattr(interrupts, "leave_now", left.append)
    monkeypatch.setattr(interrupts, "AGAIN_SECONDS", 0.001)
    monkeypatch.setattr(sys, "stderr", Printing(times))
    Interrupts(lambda number: 7)
    signal.raise_signal(signal.SIGINT)
    wait_until(lambda: bool(left), "the end")
    assert left == [code]
