"""One stress run at a time on a core: two at once would take each other's cores, and each see less than it says.

Processes that are pinned to cores of their own, as workers of a cluster can be, do not wait for each other.
"""

import fcntl
import os
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path

LONGEST_WAIT = 3600.0
SILENT_SECONDS = 5.0
PID_DIGITS = 20
LOOK_SECONDS = 0.002
POLITE_SECONDS = 5 * LOOK_SECONDS
"""What the last holder waits before it may ask again, so that those who look now and then have their turn."""


def lock_file(core: int) -> Path:
    """What processes of the same user lock for a core."""
    return Path(tempfile.gettempdir()) / f"kstress-{os.getuid()}-core-{core}.lock"


def cores() -> list[int]:
    """The cores that this process may use; the first one where the system does not say."""
    return sorted(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else [0]


def _open_all(stack: ExitStack) -> list[int]:
    """The files of all cores that this process may use, in the order in which everybody locks them."""
    handles = []
    for core in cores():
        flags = os.O_RDWR | os.O_CREAT | os.O_NOFOLLOW | os.O_CLOEXEC
        handles.append(os.open(lock_file(core), flags, 0o600))
        stack.callback(os.close, handles[-1])
    return handles


def _take(handles: list[int], seconds: float, given_up: Callable[[], bool]) -> bool:
    """Lock files within `seconds`, unless `given_up`; whether that came off. `handles` keeps those still to be locked.

    All lock in the same order and let go of all, so that nobody waits in a circle. A file is unlocked when the process
    ends.
    """
    deadline = time.monotonic() + seconds
    while handles:
        try:
            fcntl.flock(handles[0], fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            if time.monotonic() > deadline or given_up():
                return False
            time.sleep(LOOK_SECONDS)
        else:
            os.pwrite(handles.pop(0), f"{os.getpid():<{PID_DIGITS}}".encode(), 0)
    return True


@contextmanager
def having_cores(
    tell: Callable[[str], None],
    warn: Callable[[str], None],
    longest_wait: float = LONGEST_WAIT,
    given_up: Callable[[], bool] = lambda: False,
) -> Iterator[None]:
    """Have the cores of this process alone; tells if that takes a while, warns and goes on if it takes an hour.

    Goes on without them, and says nothing, once `given_up` says that they are not wanted any more.
    """
    with ExitStack() as stack:
        stack.callback(time.sleep, POLITE_SECONDS)
        left = _open_all(stack)
        if not _take(left, min(SILENT_SECONDS, longest_wait), given_up) and not given_up():
            holder = os.pread(left[0], PID_DIGITS, 0).decode(errors="replace").strip()
            tell(f"waits for the stress run of process {holder}, which has the host's cores")
            if not _take(left, longest_wait - SILENT_SECONDS, given_up) and not given_up():
                told = f"shares its cores with the stress run of process {holder}, after {longest_wait:g} s of waiting"
                warn(told)
        yield
