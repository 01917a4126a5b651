"""A file that one process at a time writes: the lock is on what has its name, and goes with the process."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from stress.campaign import folder, held_file
from stress.campaign.held_file import HeldFile
from stress.errors import UserError
from stress.host import system
from tests.frontdoor.command import BOUND_SECONDS, environment

HOLD = """
import pathlib, sys
from stress.campaign.held_file import HeldFile
held = HeldFile.take(pathlib.Path(sys.argv[1]))
held.write(b"theirs")
print("had", flush=True)
sys.stdin.read()
"""


@pytest.fixture
def path(tmp_path: Path) -> Path:
    (tmp_path / "kept").write_bytes(b"old")
    return tmp_path / "kept"


def refused(path: Path) -> bool:
    """Whether somebody has it."""
    try:
        HeldFile.take(path).close()
    except UserError as error:
        assert "another kstress is writing to" in str(error)
        return True
    return False


def test_it_is_held_until_it_is_closed_and_also_once_it_is_another_file(path: Path) -> None:
    with HeldFile.take(path) as held:
        assert refused(path)
        for content in (b"one", b"two"):
            held.write(content)
            assert path.read_bytes() == content
            assert refused(path)
    assert not refused(path)
    assert os.listdir(path.parent) == [path.name]


def test_a_new_one_is_held_from_its_first_write(path: Path) -> None:
    with HeldFile(path.with_name("new"), "--results") as held:
        held.write(b"one")
        assert refused(held.path)
    assert not refused(held.path)


def test_what_was_replaced_while_it_was_opened_is_opened_again(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    lock = folder.lock_opened

    def too_late(handle: int, place: Path) -> object:
        monkeypatch.setattr(held_file, "lock_opened", lock)
        path.with_name("next").write_bytes(b"next")
        path.with_name("next").replace(path)
        return lock(handle, place)

    monkeypatch.setattr(held_file, "lock_opened", too_late)
    with HeldFile.take(path):
        assert refused(path)


def test_a_write_that_fails_leaves_what_was_there_held(path: Path) -> None:
    with HeldFile.take(path) as held:
        held.path = path.with_name("folder")
        held.path.mkdir()
        with pytest.raises(IsADirectoryError):
            held.write(b"new")
        assert refused(path)
        assert sorted(os.listdir(path.parent)) == ["folder", path.name]


def test_a_process_that_is_killed_holds_nothing(path: Path) -> None:
    command = [sys.executable, "-c", HOLD, str(path)]
    with subprocess.Popen(command, env=environment(), stdin=subprocess.PIPE, stdout=subprocess.PIPE) as process:
        assert process.stdout
        assert process.stdout.readline() == b"had\n"
        assert refused(path)
        process.kill()
        process.wait(BOUND_SECONDS)
    assert not refused(path)
    assert path.read_bytes() == b"theirs"


def test_without_locks_it_is_written_all_the_same(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def no_lock(handle: int, shared: bool = False) -> bool:
        raise OSError("this system has no file locks")

    monkeypatch.setattr(system, "lock", no_lock)
    monkeypatch.setattr(system, "offers", lambda key: False)
    with HeldFile.take(path) as held:
        held.write(b"new")
    assert path.read_bytes() == b"new"


def test_what_cannot_be_opened_is_one_line(tmp_path: Path) -> None:
    for place in (tmp_path, tmp_path / "nosuch"):
        with pytest.raises(
            UserError, match=r"--resume: cannot read .*; name a file that `kstress explore` has written"
        ):
            HeldFile.take(place)
