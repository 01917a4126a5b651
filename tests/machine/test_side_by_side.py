"""Programs that are compiled side by side: the same code as one after the other, whatever becomes of the helpers."""

import signal
import subprocess
import sys
import threading
from pathlib import Path

import psutil
import pytest

pytestmark = pytest.mark.native

TEXT = "define i64 @entry(i64 %base, i64 %number, i64 %area, i64 %log, i64 %out) {{ ret i64 {} }}"
TEXTS = [TEXT.format(number) for number in range(7, 12)]


def statuses(cores: int) -> list[int]:
    """What the programs return whose text is TEXTS, compiled on so many cores."""
    from stress.machine.native.machine_code import load
    from stress.machine.native.side_by_side import machine_codes

    return [load(code)(0, 0, 0, 0, 0) for code in machine_codes(TEXTS, cores)]


@pytest.mark.parametrize("cores", [1, 2, 3, 64])
def test_each_program_gets_its_own_code(cores: int) -> None:
    assert statuses(cores) == list(range(7, 12))


def test_as_many_are_compiled_at_once_as_there_are_cores_and_no_process_is_left(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    from stress.machine.native import machine_code

    started, here, compiling = [], [], machine_code.machine_code

    class Counted(subprocess.Popen[bytes]):
        def __init__(self, *arguments: object, **more: object) -> None:
            super().__init__(*arguments, **more)  # type: ignore[call-overload]
            started.append(self)

    def counted(text: str) -> bytes:
        here.append(text)
        return compiling(text)

    monkeypatch.setattr(subprocess, "Popen", Counted)
    monkeypatch.setattr(machine_code, "machine_code", counted)
    statuses(3)
    assert [one.returncode for one in started] == [0, 0]
    assert here == [TEXTS[0], *TEXTS[3:]]


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
    awaited, code = threading.Event(), Helper.code

    def told(self: Helper) -> bytes | None:
        awaited.set()
        return code(self)

    def interrupt() -> None:
        awaited.wait(60)
        signal.pthread_kill(threading.main_thread().ident or 0, signal.SIGINT)

    monkeypatch.setattr(Helper, "code", told)
    threading.Thread(target=interrupt).start()
    with pytest.raises(KeyboardInterrupt):
        statuses(2)
    assert [one for one in psutil.Process().children() if "sleep" in one.name()] == []
