"""How the harness reads and writes files, and its error messages when the system refuses.

Nothing is written through a link, nothing is left half written, and only plain files are read, up to a bound. A refusal
of the system is an OSError, or a ValueError for text that cannot be a path; `refusal` makes one line of it.
"""

import errno
import os
import stat
from collections.abc import Iterable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import BinaryIO

from stress.errors import UserError
from stress.host.interrupts import held_back
from stress.host.system import flags
from stress.safe_text import shown

LARGEST_BYTES = 256 << 20
SAFELY = flags("O_CLOEXEC", "O_NONBLOCK", "O_NOCTTY")
"""Opening never waits, for example for the other end of a pipe, and no child process inherits the file."""
NEW = os.O_WRONLY | os.O_CREAT | os.O_EXCL | flags("O_NOFOLLOW", "O_CLOEXEC")
OTHERS_WRITE = stat.S_IWGRP | stat.S_IWOTH
LOST = "it was removed, moved or replaced while it was being written to"
CHANGED = "another program changed it while it was being written to"

REMEDIES = {
    errno.EMFILE: "raise the limit on open files (ulimit -n)",
    errno.ENFILE: "the host has too many files open; end some programs",
    errno.ENOMEM: "the host is out of memory; end some programs, or run less at once",
    errno.ENOSPC: "make room on the disk",
    errno.EDQUOT: "make room within your quota",
    errno.EFBIG: "raise the limit on the size of files (ulimit -f)",
    errno.EIO: "check the disk",
}
"""What the user can do about an errno that has nothing to do with the path."""


def reason(error: OSError | ValueError) -> str:
    """Why the system refused, without the path, which each message names by itself."""
    return error.strerror if isinstance(error, OSError) and error.strerror else str(error)


def remedy(error: OSError | ValueError, usual: str) -> str:
    """What the user can do about an error: the remedy of its errno, or else `usual`."""
    return REMEDIES.get(error.errno or 0, usual) if isinstance(error, OSError) else usual


def refusal(doing: str, error: OSError | ValueError, usual: str) -> UserError:
    """A refusal of the system in one line: what could not be done, why, and what to do (the remedy, or `usual`)."""
    return UserError(f"{doing}: {reason(error)}; {remedy(error, usual)}")


@contextmanager
def telling(doing: str, usual: str) -> Iterator[None]:
    """A context that turns a refusal of the system into a UserError; the arguments are those of `refusal`."""
    try:
        yield
    except (OSError, ValueError) as error:
        raise refusal(doing, error, usual) from None


def check_utf8(path: Path, what: str) -> None:
    """Raise UserError for the path of `what`, like "--results", if it has bytes that are not UTF-8, as JSON needs."""
    try:
        str(path).encode()
    except UnicodeEncodeError:
        why = "its path has bytes that are not UTF-8, so no results could name it"
        raise UserError(f"{what}: {shown(repr(str(path)))}: {why}; rename that file or folder") from None


def is_in_a_folder() -> bool:
    """Whether the current folder is still there."""
    try:
        os.getcwd()
    except OSError:
        return False
    return True


def not_own(facts: os.stat_result) -> str | None:
    """Why another user may change a file or folder; None if only this user may."""
    if facts.st_uid != os.geteuid():
        return f"it belongs to user {facts.st_uid}"
    if facts.st_mode & OTHERS_WRITE:
        return f"others can write it (mode {stat.S_IMODE(facts.st_mode):o})"
    return None


def open_plain(path: Path, flags: int = os.O_RDONLY) -> int:
    """A handle on a plain file; OSError for anything else: a pipe may never end, a device may act on what it gets."""
    handle = os.open(path, flags | SAFELY)
    if stat.S_ISREG(os.fstat(handle).st_mode):
        return handle
    os.close(handle)
    raise OSError(errno.EINVAL, "it is not a plain file")


def open_to_change(path: Path) -> int:
    """A handle on a plain file that is changed in place; OSError for a link, which may lead anywhere."""
    if path.is_symlink():
        raise OSError(errno.ELOOP, "it is a link")
    handle = open_plain(path, os.O_RDWR | flags("O_NOFOLLOW"))
    if os.fstat(handle).st_nlink <= 1:
        return handle
    os.close(handle)
    raise OSError(errno.EMLINK, "it is a hard link: the same file has another name too")


def check_in_place(path: Path, handle: int) -> None:
    """Raise OSError unless `path`, which must not be a link, is still the name of the file that is open."""
    with suppress(OSError):
        if os.path.samestat(os.lstat(path), os.fstat(handle)):
            return
    raise OSError(errno.ESTALE, LOST)


@contextmanager
def reading(path: Path, most: int = LARGEST_BYTES) -> Iterator[BinaryIO]:
    """Open a plain file of at most `most` bytes for reading; OSError for any other."""
    with os.fdopen(open_plain(path), "rb") as file:
        if (size := os.fstat(file.fileno()).st_size) > most:
            raise too_large(size, most)
        yield file


def too_large(size: int, most: int) -> OSError:
    """The error for a file of `size` bytes where at most `most` are read."""
    return OSError(errno.EOVERFLOW, f"it has {size:,} bytes; kstress reads at most {most:,}")


def read_whole(path: Path, most: int = LARGEST_BYTES) -> bytes:
    """The bytes of a plain file of at most `most` bytes; OSError for any other."""
    with reading(path, most) as file:
        data = file.read(most + 1)  # files of /proc have no size
    if len(data) > most:
        raise too_large(len(data), most)
    return data


def check_takes_files(folder: Path) -> None:
    """Raise the system's own OSError where no file can be made in a folder, as on a read-only file system."""
    if os.access(folder, os.W_OK | os.X_OK):
        return
    place = _draft_in(folder)
    os.close(os.open(place, NEW))  # it does not say why; this does
    place.unlink()


def _draft_in(folder: Path) -> Path:
    """A name for a draft that nobody else uses."""
    return folder / f".kstress-{os.urandom(8).hex()}.draft"


def sync_folder(folder: Path) -> None:
    """Write the folder's names to disk (fsync), so that they survive a crash of the host."""
    handle = os.open(folder, os.O_RDONLY | flags("O_CLOEXEC"))
    try:
        os.fsync(handle)
    finally:
        os.close(handle)


def write_whole(
    path: Path, data: Iterable[bytes], draft: str | None = None, mode: int = 0o666, *, durable: bool = True
) -> None:
    """Replace what is at `path`, a link included, by a new file in one step; if that fails, the old one stays.

    `draft` is a name that only one process at a time uses in this folder: a draft that a killed process left is
    overwritten. The new name survives a crash of the host once the folder is synced (`sync_folder`); its content does
    if the write is `durable`, which takes milliseconds.
    """
    with drafted(path, data, draft, mode, durable=durable):
        pass


@contextmanager
def drafted(
    path: Path, data: Iterable[bytes], draft: str | None = None, mode: int = 0o666, *, durable: bool = True
) -> Iterator[Path]:
    """A context that has the draft of a file, whole, and puts it at `path` at its end; as of `write_whole`.

    Signals are held back until then: none ends the process while a draft lies there.
    """
    beside = path.with_name(draft) if draft else _draft_in(path.parent)
    with held_back(), _removed(beside):
        beside.unlink(missing_ok=True)
        with os.fdopen(os.open(beside, NEW, mode), "wb") as file:
            file.writelines(data)
            file.flush()
            if durable:
                os.fsync(file.fileno())
        yield beside
        beside.replace(path)


@contextmanager
def _removed(draft: Path) -> Iterator[None]:
    """A context at whose end a draft is gone, whatever happened."""
    try:
        yield
    finally:
        with suppress(OSError):
            draft.unlink(missing_ok=True)


def write_through(path: Path, data: bytes) -> None:
    """Write to a device or a pipe in place; OSError for a pipe without a reader, or a plain file."""
    try:
        handle = os.open(path, os.O_WRONLY | SAFELY)
    except OSError as error:
        if error.errno == errno.ENXIO:
            raise OSError(errno.ENXIO, "nobody reads from this pipe") from None
        raise
    with os.fdopen(handle, "wb") as file:
        if stat.S_ISREG(os.fstat(handle).st_mode):
            raise OSError(errno.EEXIST, "it became a plain file")
        os.set_blocking(handle, True)
        file.write(data)
