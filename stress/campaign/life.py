"""Whether a campaign that wrote down no end still runs: the lock on its run directory says so, never a pid.

The system lets go of the lock with the process, however that ends. What another host's lock says cannot be known here.
"""

import os
import shlex
from functools import cache
from pathlib import Path

import attrs

from stress.campaign.records import STATUSES
from stress.host import system

RUNNING, COMPLETE, INTERRUPTED, FAILED = STATUSES
KILLED, UNFINISHED = "killed", "unfinished"
INCOMPLETE = "incomplete"
"""Of a campaign that wrote down that all was done, and whose files lack records of it by now."""
STOPPED = "stopped"
"""Of a campaign that has just ended since the disk took no more, or no worker was left; it did not write that down."""
ENDED = (KILLED, INTERRUPTED, FAILED, STOPPED)
BOOT_ID = Path("/proc/sys/kernel/random/boot_id")


@cache
def boot_id() -> str | None:
    """What tells this kernel from those of other hosts, and from this host's before a restart; None if nothing does."""
    try:
        return BOOT_ID.read_text(encoding="ascii").strip()
    except (OSError, UnicodeDecodeError):
        return None


def is_locked(folder: Path) -> bool | None:
    """Whether a process has a run directory locked for writing; None if that cannot be asked.

    Asks for a shared lock, so that two who ask at once do not take each other for a writer.
    """
    try:
        handle = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    except OSError:
        return None
    try:
        return not system.lock(handle, shared=True)
    except OSError:
        return None
    finally:
        os.close(handle)


def state_of(status: str, boot: str | None, locked: bool | None) -> str:
    """What a campaign is: its status if it wrote down an end, else RUNNING, KILLED, or UNFINISHED if nobody can tell.

    `boot` is its writer's `boot_id`. `locked` must have been asked before the status was read: a campaign that ends in
    between is then taken for the result.
    """
    if status != RUNNING or locked:
        return status
    return KILLED if locked is False and boot is not None and boot == boot_id() else UNFINISHED


@attrs.frozen
class Life:
    """How far a campaign, like a "soak", has come: its state, its `progress` in words, and whether all of it was done.

    Of one that is INCOMPLETE, `progress` says which file lacks what. One that failed in one part and is complete in the
    others has nothing left to resume, and one whose files were taken away (`is_there`) cannot be.
    """

    what: str
    folder: Path
    state: str
    progress: str
    whole: bool
    is_there: bool = True

    @property
    def unfinished(self) -> str | None:
        """What became of it, and how far it came; None if nothing of it is left."""
        if self.whole:
            return None
        if self.state == INCOMPLETE:
            return f"{self.state}: {self.progress}"
        return f"{self.state} after {self.progress}" if self.state in ENDED else f"{self.state}: {self.progress} so far"

    @property
    def resume(self) -> str | None:
        """The command that resumes it; None if it still runs, nothing is left to do, or nothing is left of it."""
        if self.whole or self.state == RUNNING or not self.is_there:
            return None
        return self.command

    @property
    def command(self) -> str:
        """The command that resumes it, if all of it is in its place."""
        return f"kstress {self.what} --resume {shlex.quote(str(self.folder))}"

    @property
    def lines(self) -> tuple[str, ...]:
        """Both in lines; none if nothing of it is left."""
        return tuple(line for line in (self.unfinished, self.resume and f"resume  {self.resume}") if line)
