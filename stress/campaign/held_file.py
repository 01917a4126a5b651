"""A file that is written anew as a whole, again and again, by one process at a time.

The lock is on the file itself, so that nothing lies beside it and the system releases it with the process. Each write
puts another file in its place: that one is locked before it has the name.
"""

import os
from contextlib import ExitStack
from pathlib import Path

from stress.campaign.folder import LOCK_TRIES, Lock, lock_opened
from stress.errors import UserError
from stress.host import disk, system
from stress.safe_text import shown


class HeldFile:
    """A file that this process alone writes, from `take` or its first `write` until it is closed.

    `origin` is the option that names it, for errors.
    Where the system has no locks, as on Windows, others may write it as well.
    """

    def __init__(self, path: Path, origin: str) -> None:
        """One that is not there yet; nobody else knows its name."""
        self.path, self.origin = path, origin
        self._lock: Lock | None = None

    @classmethod
    def take(cls, path: Path) -> "HeldFile":
        """One that is there, before it is read.

        Raises:
            UserError: when another process writes it, or it cannot be opened.
        """
        held = cls(path, "--resume")
        if not system.offers("locks"):
            return held
        for _ in range(LOCK_TRIES):
            with disk.telling(f"--resume: cannot read {shown(path)}", "name a file that `kstress explore` has written"):
                handle = disk.open_plain(path)
            held._lock = lock_opened(handle, path)
            if _is_in_place(path, handle):
                return held
            held.close()  # another process had it until now, and has put another file in its place
        raise UserError(f"--resume: another kstress is writing to {shown(path)}; end it first")

    def write(self, data: bytes) -> None:
        """Put a file with this content in its place, in one step; OSError where the system refuses it."""
        with ExitStack() as undone:
            with disk.drafted(self.path, [data]) as draft:
                lock = _lock_of(draft)
                if lock:
                    undone.enter_context(lock)
            undone.pop_all()
        self.close()
        self._lock = lock

    def close(self) -> None:
        """Let others write it."""
        if self._lock:
            self._lock.close()

    def __enter__(self) -> "HeldFile":
        return self

    def __exit__(self, *error: object) -> None:
        self.close()


def _lock_of(draft: Path) -> Lock | None:
    """The lock on a draft, which nobody else has; None where files have no locks: results are written there too."""
    handle = disk.open_plain(draft)
    try:
        system.lock(handle)
    except OSError:
        os.close(handle)
        return None
    return Lock(handle)


def _is_in_place(path: Path, handle: int) -> bool:
    """Whether `path` is still a name of the file that is open."""
    try:
        return os.path.samestat(os.stat(path), os.fstat(handle))
    except OSError:
        return False
