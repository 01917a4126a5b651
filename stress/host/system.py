"""What the operating system offers, tried once: the one place that tells Linux from other systems.

A call that does not exist, as on macOS or Windows, and a call that is not allowed, as in a sandbox, count the same.
"""

import os
from collections.abc import Callable, Iterator
from contextlib import suppress
from functools import cache, reduce
from operator import or_
from pathlib import Path
from typing import NamedTuple

from stress.errors import UserError

try:
    import fcntl
except ImportError:  # Windows
    fcntl = None  # type: ignore[assignment]


def cores(thread: int = 0) -> list[int]:
    """The numbers of the cores that a thread may use, the calling one if 0; if the system does not say, all from 0."""
    try:
        return sorted(os.sched_getaffinity(thread))
    except (AttributeError, OSError):
        return list(range(os.cpu_count() or 1))


def keep_to(*usable: int, thread: int = 0) -> None:
    """Keep a thread, the calling one if 0, on some cores, if the system allows it and the thread has not ended."""
    if offers("affinity"):
        with suppress(ProcessLookupError):
            os.sched_setaffinity(thread, usable)


def flags(*names: str) -> int:
    """Flags of os.open by their names, combined; flags that this system does not have are left out."""
    return reduce(or_, (getattr(os, name, 0) for name in names), 0)


def lock(handle: int, shared: bool = False) -> bool:
    """Lock an open file; False if another process has locked it. OSError for a file that cannot be locked.

    Several processes can have a `shared` lock at the same time; any other lock excludes all others.
    """
    if fcntl is None:
        raise OSError("this system has no file locks")
    try:
        fcntl.flock(handle, (fcntl.LOCK_SH if shared else fcntl.LOCK_EX) | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True


def unlock(handle: int) -> None:
    """Unlock at once, even if a process that was forked meanwhile has the file open too."""
    if fcntl is not None:
        fcntl.flock(handle, fcntl.LOCK_UN)


def _works(attempt: Callable[[], object]) -> bool:
    """Whether a call exists and is allowed."""
    try:
        attempt()
    except (AttributeError, OSError):
        return False
    return True


def _lock_shared() -> None:
    """Take a shared lock on the folder of this file; OSError if the system has no locks."""
    handle = os.open(Path(__file__).parent, os.O_RDONLY)
    try:
        lock(handle, shared=True)
    finally:
        os.close(handle)


def _hand_over() -> None:
    """Raise unless processes can be forked and pipes can be sent to them, as the nursery of a sweep does."""
    import socket  # which takes longer than all other imports of most commands

    _ = os.fork, socket.send_fds, os.waitid
    for end in socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET):
        end.close()


class Offer(NamedTuple):
    """A feature that a system may lack: its name, a call that tries it, what happens without it, which commands use it.

    If it is `needed`, those commands do not run without it.
    """

    name: str
    attempt: Callable[[], object]
    without: str
    commands: tuple[str, ...]
    needed: bool = False


MACHINES = ("run", "soak", "sweep")
OFFERS = {
    "locks": Offer(
        "file locks",
        _lock_shared,
        "a soak or a sweep cannot lock its run directory; stress runs do not wait for each other",
        ("soak", "sweep"),
        needed=True,
    ),
    "fork": Offer(
        "fork",
        _hand_over,
        "each cell of a sweep starts its own interpreter, which takes seconds on the native engine",
        ("sweep",),
    ),
    "affinity": Offer(
        "processor affinity",
        lambda: os.sched_setaffinity(0, os.sched_getaffinity(0)),
        "CPUs of the python engine do not share one core, and switch more slowly",
        MACHINES,
    ),
    "yield": Offer(
        "sched_yield",
        lambda: os.sched_yield(),
        "CPUs of the python engine sleep to yield their core, which is slower",
        MACHINES,
    ),
    "proc": Offer(
        "/proc",
        lambda: os.stat("/proc/self/stat"),
        "kstress cannot see the core of a CPU, or whether a process sleeps or was killed for lack of memory",
        MACHINES,
    ),
}


@cache
def offers(key: str) -> bool:
    """Whether the system has one of OFFERS, by its key; it is tried once in each process."""
    return _works(OFFERS[key].attempt)


def lacks(command: str) -> Iterator[str]:
    """The features that a command uses and the system lacks, one sentence each.

    Raises:
        UserError: when the command cannot run without it.
    """
    for key, offer in OFFERS.items():
        if command not in offer.commands or offers(key):
            continue
        if offer.needed:
            without = f"which this system lacks: without them {offer.without}"
            raise UserError(f"kstress {command} needs {offer.name}, {without}; use kstress run")
        yield f"this system lacks {offer.name}: {offer.without}"
