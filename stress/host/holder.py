"""The holder of a core: the record that a stress run writes into the file that it locks.

psutil is imported only to tell of a holder: it takes longer than most commands need for all else.
"""

import os
import time
from contextlib import suppress
from typing import TYPE_CHECKING

import attrs

from stress.host import clocks
from stress.safe_text import shown

if TYPE_CHECKING:
    import psutil

RECORD_BYTES = 64
BEAT_SECONDS = 1.0
CLOCK_SLACK = 2.0
"""Seconds by which the clock of a process's start time and the clock of the records may differ."""


@attrs.frozen
class Holder:
    """A record: the process that holds a core, since when (Unix time in seconds), how often it noted progress."""

    pid: int
    since: float
    beats: int

    def __str__(self) -> str:
        """The process, with its command if it can be had."""
        command = self._command()
        return f"process {self.pid} ({command})" if command else f"process {self.pid}"

    @property
    def began(self) -> str:
        """When it took the core, in local time."""
        return time.strftime("%H:%M:%S", time.localtime(self.since))

    def advice(self) -> str:
        """What the user can do about a holder that makes no progress."""
        import psutil

        process = self._process()
        if process is None:
            return "it has ended, or this process cannot see it; a process that it started may still hold the cores"
        try:
            status = process.status()
        except psutil.Error:
            status = ""
        if status in (psutil.STATUS_STOPPED, psutil.STATUS_TRACING_STOP):
            return f"it is stopped: `kill -CONT {self.pid}` continues it, `kill -KILL {self.pid}` ends it"
        if status == psutil.STATUS_ZOMBIE:
            return f"its main thread has ended but other threads run: `kill -KILL {self.pid}` ends it"
        return f"`kill {self.pid}` ends it"

    def _process(self) -> "psutil.Process | None":
        """The process; None if it has ended, even if a later process has its number."""
        import psutil

        try:
            process = psutil.Process(self.pid)
            return process if process.create_time() < self.since + CLOCK_SLACK else None
        except (psutil.Error, OSError):
            return None

    def _command(self) -> str:
        """Its command line on one line; empty if it cannot be read."""
        import psutil

        process = self._process()
        try:
            return shown(" ".join(" ".join(process.cmdline()).split())) if process else ""
        except (psutil.Error, OSError):
            return ""


def read_holder(handle: int) -> Holder | None:
    """The holder in a core's file; None if the file has no record yet."""
    try:
        pid, since, beats = os.pread(handle, RECORD_BYTES, 0).split()
        return Holder(int(pid), float(since), int(beats))
    except (OSError, ValueError):
        return None


@attrs.define
class Pulse:
    """The writer of a holder's record, which it writes again as it makes progress, at most once in BEAT_SECONDS."""

    handle: int
    since: float = attrs.field(init=False, factory=time.time)
    _beats: int = attrs.field(init=False, default=0)
    _next: float = attrs.field(init=False, default=0.0)

    def beat(self) -> None:
        """Note progress in the file, unless the last note is younger than BEAT_SECONDS."""
        now = clocks.monotonic()
        if now < self._next:
            return
        self._next = now + BEAT_SECONDS
        self._beats += 1
        record = f"{os.getpid()} {self.since:.3f} {self._beats}"
        with suppress(OSError):  # a full disk is no reason to end a run
            os.pwrite(self.handle, record.ljust(RECORD_BYTES).encode(), 0)
