"""How long to wait for a thread or a process that may only be slow: by its CPU time and its sleep, not by the clock.

A host may pause for seconds, or give a thread no core. So a thread hangs when it has used CPU time and is not done. A
process hangs when all of it sleeps: none of its threads wants a core, and none has used one. Linux shows both. On other
systems the CPU time of the whole process stands for that of each thread, and sleep is not seen.
"""

import os
import sys
import threading
import time
from collections.abc import Callable, Iterable
from pathlib import Path

import attrs

LONGEST_LOOK_SECONDS = 0.5
"""The most time that one look counts for. If more has passed, the looking process was paused, as was the host."""
SHORTEST_LOOK_SECONDS = 0.05
KNOWS_THREADS = sys.platform == "linux"
ASLEEP, STOPPED, DEAD = "S", "Tt", "ZXx"
UTIME = 11
"""The place of the CPU time, in ticks, in Linux's /proc/PID/task/TID/stat, behind the thread's name (proc(5))."""


def thread_seconds(thread: int) -> float | None:
    """The CPU time in seconds of a thread of this process, given by its native id; None if it is gone or unknown.

    The clock's number is computed here as glibc computes it: `time.pthread_getcpuclockid` may crash for a thread that
    is gone.
    """
    return _clock(~thread << 3 | 6) if KNOWS_THREADS else None


def process_seconds(pid: int) -> float | None:
    """The CPU time in seconds of all threads of a process; None if it is gone."""
    if KNOWS_THREADS:
        return _clock(~pid << 3 | 2)
    import psutil

    try:
        times = psutil.Process(pid).cpu_times()
    except psutil.Error:
        return None
    return float(times.user + times.system)


def _clock(number: int) -> float | None:
    """The seconds on a CPU-time clock of Linux; None if its thread or process is gone."""
    try:
        return time.clock_gettime(number)
    except OSError:
        return None


def _threads_of(pid: int) -> dict[int, tuple[str, float]]:
    """State and CPU time in seconds of each thread of a process, by its id; empty if it is gone or unknown."""
    seen: dict[int, tuple[str, float]] = {}
    try:
        for folder in Path(f"/proc/{pid}/task").iterdir():
            state, *facts = (folder / "stat").read_text().rpartition(")")[2].split()
            ticks = int(facts[UTIME - 1]) + int(facts[UTIME])
            seen[int(folder.name)] = state, ticks / os.sysconf("SC_CLK_TCK")
    except OSError:  # a thread that has ended meanwhile; the next look sees the others
        pass
    return seen


@attrs.frozen
class Look:
    """One look at a process: the CPU seconds of the threads that are waited for, by id, and of all threads together.

    `asleep`: none of its threads wants a core. `stopped`: a signal (SIGSTOP) has stopped it, so that it cannot run.
    """

    used: dict[int, float]
    total: float | None
    asleep: bool = False
    stopped: bool = False


def look_at(pid: int, threads: Iterable[int]) -> Look:
    """Look at a process. If it is this one, the calling thread does not count: it looks, so it never sleeps."""
    if not KNOWS_THREADS:
        total = process_seconds(pid)
        return Look(dict.fromkeys(threads, total or 0.0), total)
    seen, total = _threads_of(pid), process_seconds(pid)
    if pid == os.getpid():
        seen.pop(threading.get_native_id(), None)
        total = sum(thread_seconds(thread) or 0.0 for thread in seen)
    states = [state for state, _ in seen.values() if state not in DEAD]
    used = {thread: seen[thread][1] for thread in threads if thread in seen}
    stopped = any(state in STOPPED for state in states)
    return Look(used, total, bool(states) and all(state == ASLEEP for state in states), stopped)


@attrs.define
class Patience:
    """The patience of a caller that waits for a process or some of its threads, and calls `spent` again and again.

    It is spent when one of the `threads` (None: the main thread) has used `limit` seconds of CPU time since the first
    look, when the process has slept for `limit` seconds, or after `longest` seconds of looks, so that no wait lasts for
    ever. While a signal has stopped the process nothing counts, unless `stop_is_sleep`.
    """

    pid: int
    limit: float
    longest: float
    threads: Callable[[], Iterable[int]] | None = None
    stop_is_sleep: bool = False
    clock: Callable[[], float] = time.monotonic
    look: Callable[[int, Iterable[int]], Look] = look_at
    waited: float = attrs.field(init=False, default=0.0)
    _first: dict[int, float] = attrs.field(init=False, factory=dict)
    _total: float | None = attrs.field(init=False, default=None)
    _slept: float = attrs.field(init=False, default=0.0)
    _looked: float = attrs.field(init=False)

    def __attrs_post_init__(self) -> None:
        self._looked = self.clock()

    def spent(self) -> str | None:
        """Look again; the reason, in words, why patience is spent, or None to wait on."""
        now = self.clock()
        if now < self._looked + SHORTEST_LOOK_SECONDS:
            return None
        elapsed, self._looked = min(now - self._looked, LONGEST_LOOK_SECONDS), now
        seen = self.look(self.pid, [self.pid] if self.threads is None else self.threads())
        if seen.stopped and not self.stop_is_sleep:
            return None
        self._take(seen, elapsed)
        return self._why(seen)

    def start_again(self) -> None:
        """Forget the CPU time and sleep so far: the process has shown that it goes on."""
        self.waited, self._slept, self._looked = 0.0, 0.0, self.clock()
        self._first.clear()

    def _take(self, seen: Look, elapsed: float) -> None:
        """Count the time since the last look, as waited and, if the process was idle, as slept."""
        self.waited += elapsed
        idle = (seen.asleep or seen.stopped) and seen.total is not None and seen.total == self._total
        self._slept = self._slept + elapsed if idle else 0.0
        self._total = seen.total

    def _why(self, seen: Look) -> str | None:
        """The reason why patience is spent, or None."""
        most = max((used - self._first.setdefault(thread, used) for thread, used in seen.used.items()), default=0.0)
        if most >= self.limit:
            return f"after {most:.1f} s of CPU time"
        if self._slept >= self.limit:
            return f"though nothing prevented it: it has slept for {self._slept:.1f} s"
        return f"within {self.waited:.0f} s" if self.waited >= self.longest else None
