"""Units that are compiled side by side: the same code as one after the other, whatever becomes of the helpers."""

import signal
import subprocess
import sys
import threading
from collections.abc import Sequence
from pathlib import Path

import psutil
import pytest

from tests.frontdoor.command import environment

pytestmark = pytest.mark.native

TEXT = "define i64 @entry(i64 %base, i64 %number, i64 %area, i64 %log, i64 %out) {{ ret i64 {} }} ; {}\n"
TEXTS = [TEXT.format(number, "long" * 20_000) for number in range(7, 12)]


def statuses(cores: int) -> list[int]:
    """What the programs return whose text is TEXTS, compiled on so many cores."""
    from stress.machine.native.machine_code import load
    from stress.machine.native.side_by_side import machine_codes

    codes = machine_codes(TEXTS, cores)
    return [load([codes[text]])(0, 0, 0, 0, 0) for text in TEXTS]


@pytest.mark.parametrize("cores", [1, 2, 3, 64])
def test_each_unit_gets_its_own_code(cores: int) -> None:
    assert statuses(cores) == list(range(7, 12))


@pytest.fixture
def started(monkeypatch: pytest.MonkeyPatch) -> "list[subprocess.Popen[bytes]]":
    """The processes that a test starts."""
    found: list[subprocess.Popen[bytes]] = []

    class Counted(subprocess.Popen[bytes]):
        def __init__(self, *arguments: object, **more: object) -> None:
            super().__init__(*arguments, **more)  # type: ignore[call-overload]
            found.append(self)

    monkeypatch.setattr(subprocess, "Popen", Counted)
    return found


def test_as_many_are_compiled_at_once_as_there_are_cores_and_no_process_is_left(
    started: "list[subprocess.Popen[bytes]]", monkeypatch: pytest.MonkeyPatch
) -> None:
    from stress.machine.native import machine_code

    here, compiling = [], machine_code.machine_code

    def counted(text: str) -> bytes:
        here.append(text)
        return compiling(text)

    monkeypatch.setattr(machine_code, "machine_code", counted)
    statuses(3)
    assert [one.returncode for one in started] == [0, 0]
    assert len(here) == 2


def test_a_helper_is_started_only_for_what_takes_longer_than_its_start(
    started: "list[subprocess.Popen[bytes]]",
) -> None:
    from stress.machine.native.side_by_side import machine_codes

    short = [TEXT.format(number, "") for number in range(9)]
    assert list(machine_codes(short, 2)) == short
    assert machine_codes([], 2) == {}
    halves = [TEXT.format(number, "long" * 9_000) for number in range(2)]
    assert list(machine_codes(halves, 2)) == halves
    assert started == []


@pytest.mark.parametrize("cores", [1, 2, 3, 7])
def test_shares_have_about_the_same_length(cores: int) -> None:
    from stress.machine.native.side_by_side import shares

    texts = ["long" * (10_000 + 5_000 * (at % 3)) for at in range(20)]
    lengths = [sum(map(len, share)) for share in shares(texts, cores)]
    assert len(lengths) == cores
    assert max(lengths) - min(lengths) <= max(map(len, texts))


@pytest.mark.parametrize("python", ["/nowhere/python", "/bin/false", "/bin/true"])
def test_what_a_helper_does_not_compile_is_compiled_here(python: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "executable", python)
    assert statuses(3) == list(range(7, 12))


def test_a_helper_that_never_ends_is_ended(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    endless = tmp_path / "python"
    endless.write_text("#!/bin/sh\nexec sleep 1000\n")
    endless.chmod(0o755)
    monkeypatch.setattr(sys, "executable", str(endless))
    monkeypatch.setattr("stress.machine.native.side_by_side.LONGEST_SECONDS", 0.2)
    assert statuses(2) == list(range(7, 12))
    assert [one for one in psutil.Process().children() if "sleep" in one.name()] == []


def test_an_interrupt_ends_the_helpers(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    from stress.machine.native.side_by_side import Helper

    endless = tmp_path / "python"
    endless.write_text("#!/bin/sh\nexec sleep 1000\n")
    endless.chmod(0o755)
    monkeypatch.setattr(sys, "executable", str(endless))
    awaited, codes = threading.Event(), Helper.codes

    def told(self: Helper) -> Sequence[bytes]:
        awaited.set()
        return codes(self)

    def interrupt() -> None:
        awaited.wait(60)
        signal.pthread_kill(threading.main_thread().ident or 0, signal.SIGINT)

    monkeypatch.setattr(Helper, "codes", told)
    threading.Thread(target=interrupt).start()
    with pytest.raises(KeyboardInterrupt):
        statuses(2)
    assert [one for one in psutil.Process().children() if "sleep" in one.name()] == []


STARTER = """
import time
from stress.machine.native.side_by_side import helper
with helper(["define void @one() { ret void }"] * 40_000) as started:
    print(started.process.pid, flush=True)
    time.sleep(1000)
"""


@pytest.mark.parametrize("how", [signal.SIGKILL, signal.SIGTERM])
def test_a_helper_ends_with_the_process_that_started_it_however_that_ends(how: signal.Signals) -> None:
    starter = subprocess.Popen([sys.executable, "-c", STARTER], stdout=subprocess.PIPE, env=environment(), text=True)
    with starter:
        assert starter.stdout
        helper = psutil.Process(int(starter.stdout.readline()))
        starter.send_signal(how)
    helper.wait(30)  # it would compile for minutes
