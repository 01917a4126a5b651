"""One stress run at a time on a host: two at once would take each other's cores, and each see less than it says."""

import fcntl
import os
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

LONGEST_WAIT = 3600.0
SILENT_SECONDS = 5.0
PID_DIGITS = 20
LOOK_SECONDS = 0.002
POLITE_SECONDS = 5 * LOOK_SECONDS
"""What the last holder waits before it may ask again, so that those who look now and then have their turn."""


def lock_file() -> Path:
    """What processes of the same user lock."""
    return Path(tempfile.gettempdir()) / f"kstress-{os.getuid()}.lock"


def _take(handle: int, seconds: float, given_up: Callable[[], bool]) -> bool:
    """Lock a file within `seconds`, unless `given_up`; whether that came off. It is unlocked when the process ends."""
    deadline = time.monotonic() + seconds
    while True:
        try:
            fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            if time.monotonic() > deadline or given_up():
                return False
            time.sleep(LOOK_SECONDS)
        else:
            os.pwrite(handle, f"{os.getpid():<{PID_DIGITS}}".encode(), 0)
            return True


@contextmanager
def having_cores(
    tell: Callable[[str], None],
    warn: Callable[[str], None],
    longest_wait: float = LONGEST_WAIT,
    given_up: Callable[[], bool] = lambda: False,
) -> Iterator[None]:
    """Have the host's cores alone; tells if that takes a while, warns and goes on if it takes an hour.

    Goes on without them, and says nothing, once `given_up` says that they are not wanted any more.
    """
    handle = os.open(lock_file(), os.O_RDWR | os.O_CREAT | os.O_NOFOLLOW | os.O_CLOEXEC, 0o600)
    try:
        if not _take(handle, min(SILENT_SECONDS, longest_wait), given_up) and not given_up():
            holder = os.pread(handle, PID_DIGITS, 0).decode(errors="replace").strip()
            tell(f"waits for the stress run of process {holder}, which has the host's cores ({lock_file()})")
            if not _take(handle, longest_wait - SILENT_SECONDS, given_up) and not given_up():
                told = f"shares its cores with the stress run of process {holder}, after {longest_wait:g} s of waiting"
                warn(told)
        yield
    finally:
        os.close(handle)
        time.sleep(POLITE_SECONDS)
