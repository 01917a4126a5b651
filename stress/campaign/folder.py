"""Files of run directories, written so that what is written lasts and nothing is left half done.

A file is replaced in one step, or grows by whole lines that are synced; one process at a time has a directory.
"""

import errno
import json
import os
import shutil
import stat
import time
from collections.abc import Iterator, Mapping
from contextlib import AbstractContextManager, ExitStack
from itertools import count
from pathlib import Path
from typing import Any

from stress.campaign.converter import to_json
from stress.campaign.reading import kind_of
from stress.errors import UserError
from stress.host import disk, system
from stress.safe_text import shown

LOCK_TRIES, LOCK_SECONDS = 10, 0.02
"""How often a lock is asked for, and how far apart: a reader that looks for a writer has it for a moment."""


def now() -> str:
    """The time in UTC, as records have it."""
    return time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime())


def encode(record: Any) -> bytes:
    """A record as one line."""
    return json.dumps(to_json(record), separators=(",", ":")).encode() + b"\n"


def write_whole(path: Path, data: bytes) -> None:
    """Put a file in the place of what is there, in one step that lasts."""
    disk.write_whole(path, [data], draft=f".{path.name}.draft")
    disk.sync_folder(path.parent)


class Lines:
    """A file of lines that grows; what was written only in part is cut off again."""

    def __init__(self, path: Path, size: int) -> None:
        """Open a file of which the first `size` bytes are good; the rest is a torn line, and goes."""
        self._path = path
        self._handle = disk.open_to_change(path)
        os.ftruncate(self._handle, size)
        self._size = size

    def append(self, line: bytes) -> None:
        """Add a line and make it last; OSError if the disk does not take it, or not under the file's name."""
        self._check_size()  # a line behind the end of a file that was cut would leave a hole before it
        try:
            at = self._size
            while line[at - self._size :]:
                at += os.pwrite(self._handle, line[at - self._size :], at)
            os.fsync(self._handle)
            self._size = at
        except OSError:
            os.ftruncate(self._handle, self._size)
            raise
        self.check()

    def check(self) -> None:
        """OSError unless the file is still where it was, as it was: what is written to one that was removed is lost."""
        disk.check_in_place(self._path, self._handle)
        self._check_size()

    def _check_size(self) -> None:
        """OSError if somebody else has cut the file, or added to it."""
        if os.fstat(self._handle).st_size != self._size:
            raise OSError(errno.ESTALE, disk.CHANGED)

    def close(self) -> None:
        """Close the file."""
        os.close(self._handle)


class Lock:
    """The lock of one process on what it writes; the system releases it with the process, however that ends."""

    def __init__(self, handle: int) -> None:
        """Of what is open, and locked."""
        self.handle = handle
        self._open = True

    def __enter__(self) -> "Lock":
        return self

    def __exit__(self, *error: object) -> None:
        self.close()

    def close(self) -> None:
        """Release it, once."""
        if self._open:
            self._open = False
            os.close(self.handle)


def lock_folder(folder: Path) -> Lock:
    """Lock a run directory, before it is read or written.

    Raises:
        UserError: when another process has it, or it is no directory.
    """
    with disk.telling(f"--resume: {shown(folder)} cannot be opened", "give a run directory"):
        handle = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    return lock_opened(handle, folder)


def lock_opened(handle: int, place: Path) -> Lock:
    """Lock a file or directory that is open; where another process has it, close it and raise UserError."""
    try:
        had = _locked(handle)
    except OSError as error:
        os.close(handle)
        raise UserError(f"--resume: {shown(place)} cannot be locked: {error.strerror or error}") from None
    if not had:
        os.close(handle)
        raise UserError(f"--resume: another kstress is writing to {shown(place)}; end it first")
    return Lock(handle)


def _locked(handle: int) -> bool:
    """Lock what is open; False if another writer has it."""
    for _ in range(LOCK_TRIES):
        if system.lock(handle):
            return True
        time.sleep(LOCK_SECONDS)
    return False


def manifest_bytes(what: str, manifest: Any) -> bytes:
    """The file of a manifest of a `what`, like "soak"."""
    return json.dumps({"kind": kind_of(what), **to_json(manifest)}, indent=2).encode() + b"\n"


def open_lines(folder: Path, sizes: Mapping[str, int]) -> dict[str, Lines]:
    """The files of lines in a run directory, each with as many bytes as are good; none if one cannot be had."""
    with ExitStack() as opened:
        files = {}
        for name, size in sizes.items():
            files[name] = Lines(folder / name, size)
            opened.callback(files[name].close)
        opened.pop_all()
    return files


def check_place(results: Path) -> None:
    """Raise UserError for a folder in which no run directory can be made: known before programs are compiled."""
    disk.check_utf8(results, "--results")
    with making(results):
        there = next(filter(_is_there, (results, *results.parents)), results)
        if not stat.S_ISDIR(os.stat(there).st_mode):
            raise NotADirectoryError(errno.ENOTDIR, os.strerror(errno.ENOTDIR))
        disk.check_takes_files(there)


def _is_there(place: Path) -> bool:
    """Whether there is something of that name; OSError for a name that nothing can have."""
    try:
        os.lstat(place)
    except (FileNotFoundError, NotADirectoryError):
        return False
    return True


def making(results: Path) -> AbstractContextManager[None]:
    """A context in which an OSError becomes a UserError: no run directory can be made in a folder."""
    doing = f"--results: cannot make a run directory in {shown(results)}"
    return disk.telling(doing, "name a folder that you may write in")


def writing_again(folder: Path) -> AbstractContextManager[None]:
    """A context in which an OSError becomes a UserError: a run directory cannot be resumed."""
    return disk.telling(f"--resume: cannot write to {shown(folder)}", "make it writable")


def make_folder(results: Path, kind: str, contents: Mapping[str, bytes]) -> tuple[Path, Lock]:
    """A new run directory of a kind in the folder `results`, made if need be, and its lock, as of `lock_folder`.

    It appears whole, or not at all, and locked: nobody takes what has just begun for what was killed.
    """
    results.mkdir(parents=True, exist_ok=True)
    name = f"{kind}-{time.strftime('%Y%m%d-%H%M%S')}-{os.getpid()}"
    draft, folder = next(filter(_reserved, _places(results, name)))
    lock = lock_folder(draft)
    try:
        for file, data in contents.items():
            write_whole(draft / file, data)
        draft.rename(folder)
    except OSError:
        lock.close()
        shutil.rmtree(draft, ignore_errors=True)
        raise
    disk.sync_folder(results)
    return folder, lock


def _places(results: Path, name: str) -> Iterator[tuple[Path, Path]]:
    """The places of a draft and of what it becomes: of that name, or with a number if there was one in this second."""
    for number in count(1):
        own = name if number == 1 else f"{name}-{number}"
        yield results / f".{own}.draft", results / own


def _reserved(place: tuple[Path, Path]) -> bool:
    """Whether a place is had: the maker of the draft has it, unless another had it before and has finished."""
    draft, folder = place
    try:
        draft.mkdir()
    except FileExistsError:
        return False
    if folder.exists():
        draft.rmdir()
        return False
    return True
