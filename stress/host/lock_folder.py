"""The folder of the cores' locks: it belongs to this user, and no other user can write it.

All stress runs of a user on a host must find the same folder, whatever environment a shell, cron or a service gives
them. So it follows from the user's id, not from HOME or TMPDIR. The user's home comes first, since it exists whether or
not the user is logged in. A folder in /tmp comes last, since another user may have taken its name.
"""

import os
import platform
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

from stress.host.disk import not_own
from stress.host.system import flags
from stress.safe_text import shown

NAMED = "KSTRESS_LOCK_DIR"
"""The environment variable that names another folder, for tests that must not wait for other runs on their host."""
OPEN_FOLDER = os.O_RDONLY | flags("O_DIRECTORY", "O_NOFOLLOW")


class NoFolderError(Exception):
    """There is no folder for locks; the text says why."""


def places() -> Iterator[tuple[Path, tuple[str, ...]]]:
    """The possible places, the best one first: a folder that exists, and the names of folders to create in it."""
    if named := os.environ.get(NAMED):
        yield Path(named).parent, (Path(named).name,)
        return
    user = os.getuid()
    with suppress(KeyError):  # a container's user need not have an entry, nor a home
        yield home(user), (".cache", "kstress", "cores", platform.node() or "host")  # homes are shared among hosts
    yield Path(f"/run/user/{user}"), ("kstress-cores",)
    yield Path("/tmp"), (f"kstress-{user}-cores",)


def home(user: int) -> Path:
    """The home of a user in the system's user database; KeyError if the user is not in it."""
    from pwd import getpwuid  # not on Windows, which has no file locks either

    return Path(getpwuid(user).pw_dir)


def open_own(base: Path, names: tuple[str, ...]) -> int:
    """A handle on a folder in `base`, which is created if need be; OSError unless only this user can write it."""
    place = base
    for name in names:
        place = place / name
        with suppress(FileExistsError):
            place.mkdir(0o700)
    handle = os.open(place, OPEN_FOLDER)
    fault = not_own(os.fstat(handle))
    if fault is None:
        return handle
    os.close(handle)
    raise PermissionError(fault)


def open_folder() -> int:
    """A handle on the folder for locks.

    Raises:
        NoFolderError: when no place has a folder that only this user can write.
    """
    reasons = []
    for base, names in places():
        try:
            return open_own(base, names)
        except OSError as error:
            reasons.append(f"{shown(base.joinpath(*names))}: {error.strerror or error}")
    origin = f"{NAMED}=" if os.environ.get(NAMED) else ""
    raise NoFolderError(f"no folder for locks ({origin}{'; '.join(reasons)}); set {NAMED} to a folder of your own")
