"""Writing in run directories, so that what is written lasts and nothing is left half done. Soaks and sweeps share this.

A file is replaced in one step, or grows by whole lines that are synced; one process at a time has a directory.
"""

import errno
import fcntl
import json
import os
import shutil
import time
from collections.abc import Iterator, Mapping
from itertools import count
from pathlib import Path
from typing import Any

import attrs

from stress.campaign.converter import to_json
from stress.campaign.reading import MANIFEST, kind_of
from stress.corpus.untrusted import shown
from stress.errors import UserError

LOCK_TRIES, LOCK_SECONDS = 10, 0.02
"""How often a lock is asked for, and how far apart: a reader that looks for a writer has it for a moment."""


class JournalError(Exception):
    """The disk does not take what was learnt; the text says why."""


def now() -> str:
    """The time in UTC, as records have it."""
    return time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime())


def encode(record: Any) -> bytes:
    """A record as one line."""
    return json.dumps(to_json(record), separators=(",", ":")).encode() + b"\n"


def sync_folder(folder: Path) -> None:
    """Make the names in a folder last."""
    handle = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)


def write_whole(path: Path, data: bytes) -> None:
    """Put a file in the place of what is there, in one step that lasts."""
    draft = path.with_name(f".{path.name}.draft")
    try:
        with draft.open("wb") as file:
            file.write(data)
            file.flush()
            os.fsync(file.fileno())
        draft.replace(path)
        sync_folder(path.parent)
    finally:
        draft.unlink(missing_ok=True)


class Lines:
    """A file of lines that grows; what was written only in part is cut off again."""

    def __init__(self, path: Path, size: int) -> None:
        """Open a file of which the first `size` bytes are good; the rest is a torn line, and goes."""
        self._handle = os.open(path, os.O_RDWR | os.O_CREAT, 0o644)
        os.ftruncate(self._handle, size)
        self._size = size

    def append(self, line: bytes) -> None:
        """Add a line and make it last; OSError if the disk does not take it."""
        try:
            at = self._size
            while line[at - self._size :]:
                at += os.pwrite(self._handle, line[at - self._size :], at)
            os.fsync(self._handle)
            self._size = at
        except OSError:
            os.ftruncate(self._handle, self._size)
            raise

    def close(self) -> None:
        """Close the file."""
        os.close(self._handle)


def lock_folder(folder: Path) -> int:
    """Lock a run directory, before it is read or written; the system lets go of it with the process, however it ends.

    Raises:
        UserError: when another process has it, or it is no directory.
    """
    try:
        handle = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    except OSError as error:
        raise UserError(f"--resume: {shown(folder)} cannot be opened: {error.strerror}; give a run directory") from None
    if not _locked(handle):
        os.close(handle)
        raise UserError(f"--resume: another kstress is writing to {shown(folder)}; end it first") from None
    return handle


def _locked(handle: int) -> bool:
    """Lock a directory that is open; False if another writer has it."""
    for _ in range(LOCK_TRIES):
        try:
            fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            time.sleep(LOCK_SECONDS)
        else:
            return True
    return False


def manifest_bytes(what: str, manifest: Any) -> bytes:
    """The file of a manifest of a `what`, like "soak"."""
    return json.dumps({"kind": kind_of(what), **to_json(manifest)}, indent=2).encode() + b"\n"


@attrs.define
class OpenFolder:
    """A run directory that is open for writing, by one process at a time: it is locked while it is.

    `what` it is of, like "soak"; `manifest` is a record with a status. Every method that writes raises JournalError
    when the disk does not take it.
    """

    what: str
    folder: Path
    manifest: Any
    _lock: int

    def add_line(self, lines: Lines, name: str, record: Any) -> None:
        """Add a record to the file `name`."""
        try:
            lines.append(encode(record))
        except OSError as error:
            raise self.failed(name, error) from None

    def end(self, status: str) -> None:
        """Write down how the campaign has ended."""
        self.rewrite(attrs.evolve(self.manifest, status=status))

    def rewrite(self, manifest: Any) -> None:
        """Put another manifest in the place of the one there is."""
        self.manifest = manifest
        try:
            write_whole(self.folder / MANIFEST, manifest_bytes(self.what, manifest))
        except OSError as error:
            raise self.failed(MANIFEST, error) from None

    def release(self) -> None:
        """Let go of the directory."""
        os.close(self._lock)

    def failed(self, name: str, error: OSError) -> JournalError:
        """What a failed write is told as."""
        return JournalError(f"cannot write {shown(self.folder / name)}: {error.strerror}")


def check_place(results: Path) -> None:
    """Raise UserError for a folder in which no run directory can be made: known before programs are compiled."""
    there = next((place for place in (results, *results.parents) if os.path.exists(place)), results)
    if not there.is_dir():
        raise no_place(results, os.strerror(errno.ENOTDIR))
    if not os.access(there, os.W_OK | os.X_OK):
        raise no_place(results, os.strerror(errno.EACCES))


def no_place(results: Path, reason: str | None) -> UserError:
    """What is told of a folder in which no run directory can be made."""
    where = f"cannot make a run directory in {shown(results)}: {reason}"
    return UserError(f"--results: {where}; name a folder that you may write in")


def make_folder(results: Path, kind: str, contents: Mapping[str, bytes]) -> tuple[Path, int]:
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
        os.close(lock)
        shutil.rmtree(draft, ignore_errors=True)
        raise
    sync_folder(results)
    return folder, lock


def _places(results: Path, name: str) -> Iterator[tuple[Path, Path]]:
    """The places of a draft and of what it becomes: of that name, or with a number if there was one in this second."""
    for number in count(1):
        own = name if number == 1 else f"{name}-{number}"
        yield results / f".{own}.draft", results / own


def _reserved(place: tuple[Path, Path]) -> bool:
    """Whether a place is had: whoever makes the draft has it, unless another had it before and has gone on."""
    draft, folder = place
    try:
        draft.mkdir()
    except FileExistsError:
        return False
    if folder.exists():
        draft.rmdir()
        return False
    return True
