"""What became of a campaign that wrote down no end: told by the lock that its process had, and by nothing else."""

import fcntl
import os
import subprocess
import sys
from pathlib import Path

import attrs
import pytest

from stress.campaign import folder as folders
from stress.campaign import life
from stress.campaign.folder import lock_folder, make_folder, manifest_bytes
from stress.campaign.life import KILLED, RUNNING, UNFINISHED, Life, boot_id, is_locked, state_of
from stress.campaign.reading import MANIFEST
from stress.campaign.soak.rundir import read_run
from stress.errors import UserError
from tests.campaign.soak.made import open_journal
from tests.frontdoor.command import BOUND_SECONDS, environment

HOLD = """
import pathlib, sys
from stress.campaign.folder import lock_folder
lock_folder(pathlib.Path(sys.argv[1]))
print("had", flush=True)
sys.stdin.read()
"""


@pytest.mark.parametrize(
    ("status", "boot", "locked", "state"),
    [
        (RUNNING, boot_id(), True, RUNNING),
        (RUNNING, "another", True, RUNNING),
        (RUNNING, boot_id(), False, KILLED),
        (RUNNING, "another", False, UNFINISHED),
        (RUNNING, None, False, UNFINISHED),
        (RUNNING, boot_id(), None, UNFINISHED),
        ("complete", boot_id(), True, "complete"),
        ("interrupted", "another", None, "interrupted"),
        ("failed", None, False, "failed"),
    ],
)
def test_only_a_writer_of_this_very_boot_that_let_go_was_killed(
    status: str, boot: str | None, locked: bool | None, state: str
) -> None:
    assert state_of(status, boot, locked) == state


def test_nobody_was_killed_where_the_system_has_no_boot_id(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr(life, "BOOT_ID", tmp_path / "nosuch")
    boot_id.cache_clear()
    try:
        assert boot_id() is None
        assert state_of(RUNNING, boot_id(), False) == UNFINISHED
    finally:
        boot_id.cache_clear()


def test_a_soak_runs_as_long_as_its_process_has_the_directory(tmp_path: Path) -> None:
    journal = open_journal(tmp_path)
    assert read_run(journal.folder).state == RUNNING
    journal.close()
    assert read_run(journal.folder).state == KILLED
    elsewhere = attrs.evolve(journal.manifest, boot="another")
    (journal.folder / MANIFEST).write_bytes(manifest_bytes("soak", elsewhere))
    assert read_run(journal.folder).state == UNFINISHED
    ended = attrs.evolve(journal.manifest, status="interrupted")
    (journal.folder / MANIFEST).write_bytes(manifest_bytes("soak", ended))
    assert read_run(journal.folder).state == "interrupted"


def test_a_process_that_is_killed_lets_go(tmp_path: Path) -> None:
    command = [sys.executable, "-c", HOLD, str(tmp_path)]
    pipe = subprocess.PIPE
    with subprocess.Popen(command, env=environment(), stdin=pipe, stdout=pipe, text=True) as holder:
        assert holder.stdout
        assert holder.stdout.readline() == "had\n"
        assert is_locked(tmp_path)
        holder.kill()
        holder.wait(BOUND_SECONDS)
    assert is_locked(tmp_path) is False


def test_what_is_gone_cannot_be_asked(tmp_path: Path) -> None:
    assert is_locked(tmp_path / "nosuch") is None


def test_two_who_look_at_once_do_not_see_each_other(tmp_path: Path) -> None:
    with shared(tmp_path):
        assert is_locked(tmp_path) is False


def test_who_looks_is_not_in_the_way_of_who_writes(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    looking = shared(tmp_path)
    monkeypatch.setattr("stress.campaign.folder.time.sleep", lambda _: looking.close())
    lock_folder(tmp_path).close()


def test_who_writes_is_in_the_way_for_good(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(folders, "LOCK_SECONDS", 0.0)
    lock = lock_folder(tmp_path)
    with pytest.raises(UserError, match="another kstress is writing"):
        lock_folder(tmp_path)
    lock.close()


class shared:  # noqa: N801
    """A reader that looks at a directory for as long as the block lasts, or until it is closed."""

    def __init__(self, folder: Path) -> None:
        self._handle: int | None = os.open(folder, os.O_RDONLY)
        fcntl.flock(self._handle, fcntl.LOCK_SH)

    def close(self) -> None:
        if self._handle is not None:
            os.close(self._handle)
        self._handle = None

    def __enter__(self) -> None:
        pass

    def __exit__(self, *_: object) -> None:
        self.close()


def test_a_directory_is_locked_before_it_has_its_name(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    seen: list[bool | None] = []

    def rename(draft: Path, name: Path) -> None:
        seen.append(is_locked(draft))
        os.rename(draft, name)

    monkeypatch.setattr(Path, "rename", rename)
    folder, lock = make_folder(tmp_path, "soak", {"at": b""})
    assert (seen, is_locked(folder)) == ([True], True)
    lock.close()


@pytest.mark.parametrize(
    ("state", "whole", "lines"),
    [
        ("complete", True, ()),
        ("failed", True, ()),
        (RUNNING, False, ("running: 59 s of 4 min so far",)),
        (UNFINISHED, False, ("unfinished: 59 s of 4 min so far", "resume  kstress soak --resume 'a b'")),
        (KILLED, False, ("killed after 59 s of 4 min", "resume  kstress soak --resume 'a b'")),
        ("interrupted", False, ("interrupted after 59 s of 4 min", "resume  kstress soak --resume 'a b'")),
        ("failed", False, ("failed after 59 s of 4 min", "resume  kstress soak --resume 'a b'")),
    ],
)
def test_how_far_it_came_and_what_resumes_it_is_told_of_all_that_is_left(
    state: str, whole: bool, lines: tuple[str, ...]
) -> None:
    assert Life("soak", Path("a b"), state, "59 s of 4 min", whole).lines == lines
