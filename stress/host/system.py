"""What the system offers that kstress runs on, looked at once: the one place that knows Linux from other systems.

A call that is not there, as on macOS or Windows, and one that is not allowed, as in a sandbox, come to the same here.
"""

import os
import socket
from collections.abc import Callable, Iterator
from functools import cache, reduce
from operator import or_
from pathlib import Path
from typing import NamedTuple

from stress.errors import UserError

try:
    import fcntl
except ImportError:  # Windows
    fcntl = None  # type: ignore[assignment]


def cores() -> list[int]:
    """The cores that this process may use, by number; those from 0 on where the system does not say."""
    try:
        return sorted(os.sched_getaffinity(0))
    except (AttributeError, OSError):
        return list(range(os.cpu_count() or 1))


def keep_to(core: int) -> None:
    """Keep the calling thread to one core, where the system lets it."""
    if offers("affinity"):
        os.sched_setaffinity(0, {core})


def flags(*names: str) -> int:
    """Flags of os.open by their names; those that this system does not have are left out."""
    return reduce(or_, (getattr(os, name, 0) for name in names), 0)


def lock(handle: int, shared: bool = False) -> bool:
    """Lock an open file; False if another process has it. OSError for a file that cannot be locked.

    Several processes can have a `shared` lock, and nobody another one meanwhile.
    """
    if fcntl is None:
        raise OSError("this system has no file locks")
    try:
        fcntl.flock(handle, (fcntl.LOCK_SH if shared else fcntl.LOCK_EX) | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True


def unlock(handle: int) -> None:
    """Let go of a lock at once, though a process that was forked meanwhile has the file open too."""
    if fcntl is not None:
        fcntl.flock(handle, fcntl.LOCK_UN)


def _works(attempt: Callable[[], object]) -> bool:
    """Whether something is there, and allowed."""
    try:
        attempt()
    except (AttributeError, OSError):
        return False
    return True


def _lock_shared() -> None:
    """Lock the folder of this file with all others who do: OSError where that cannot be."""
    if fcntl is None:
        raise OSError("this system has no file locks")
    handle = os.open(Path(__file__).parent, os.O_RDONLY)
    try:
        fcntl.flock(handle, fcntl.LOCK_SH | fcntl.LOCK_NB)
    finally:
        os.close(handle)


def _hand_over() -> None:
    """See that processes can be forked, and given pipes in whole messages."""
    _ = os.fork, socket.send_fds, os.waitid
    for end in socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET):
        end.close()


class Offer(NamedTuple):
    """Something that a system may lack: what it is, how to see it, what follows without it, and for which commands.

    They do not run at all without what is `needed`.
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
    """Whether the system has one of OFFERS; it is tried the first time."""
    return _works(OFFERS[key].attempt)


def lacks(command: str) -> Iterator[str]:
    """What the system lacks of what a command uses, a sentence each.

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
