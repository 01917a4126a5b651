"""One stress run of a user at a time on each core: two runs at once would take cores from each other, and find less.

Processes that are pinned to different cores, as workers of a cluster can be, do not wait for each other, and neither do
different users. The holder of cores notes its progress, so that a holder that hangs is named, and others do not wait
for it for long.
"""

import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress

import attrs

from stress.errors import UserError
from stress.host import clocks, system
from stress.host.holder import Holder, Pulse, read_holder
from stress.host.lock_folder import NoFolderError, open_folder

WAIT, SHARE, SKIP = "wait", "share", "skip"
HOW = (WAIT, SHARE, SKIP)
"""What to do while another run holds the cores: wait for them, run beside it, or let the caller decide."""
SETTING = "KSTRESS_CORES"
"""The environment variable that gives one of them where no flag or setting does."""
LONGEST_WAIT = 3600.0
SILENT_SECONDS = 1.0
STUCK_SECONDS = 60.0
LONGEST_STUCK = 180.0
"""Seconds without progress of the holder, after which it is reported, and after which the cores are shared with it."""
LOOK_SECONDS = 0.002
LONGEST_LOOK = 1.0
"""The most time that counts between two looks: a host that pauses stops the holder as well as the waiting process."""
POLITE_SECONDS = 5 * LOOK_SECONDS
"""How long the last holder waits before it may take the cores again, so that processes that wait get them first."""

Tell = Callable[[str], None]


def lock_name(core: int) -> str:
    """The file that is locked for a core."""
    return f"core-{core}.lock"


def cores() -> list[int]:
    """The cores that this process may use, by number."""
    return system.cores()


@attrs.define(eq=False)
class Cores:
    """The files of this process's cores: `had` are locked, `left` are not yet.

    All processes lock them in the same order, by number, so that none wait in a circle. The system unlocks a file when
    the process ends, however it ends.
    """

    left: list[int] = attrs.field(factory=list)
    had: list[Pulse] = attrs.field(factory=list)

    def open(self) -> None:
        """Open the files; OSError or NoFolderError if there is no place for them."""
        if not system.offers("locks"):
            raise NoFolderError("this system has no file locks")
        folder = open_folder()
        try:
            flags = os.O_RDWR | os.O_CREAT | os.O_NOFOLLOW | os.O_CLOEXEC
            for core in cores():
                self.left.append(os.open(lock_name(core), flags, 0o600, dir_fd=folder))
        finally:
            os.close(folder)

    def take(self) -> bool:
        """Lock the files that are left, up to the first that another process has; whether all are locked now."""
        while self.left and system.lock(self.left[0]):
            self.had.append(Pulse(self.left.pop(0)))
            self.had[-1].beat()
        return not self.left

    @property
    def holder(self) -> Holder | None:
        """The holder of the next core; None if it has not written its record yet, or no core is left."""
        return read_holder(self.left[0]) if self.left else None

    def beat(self) -> None:
        """Note progress in every file that is locked."""
        for pulse in self.had:
            pulse.beat()

    def close(self) -> None:
        """Unlock and close all files."""
        for pulse in self.had:
            with suppress(OSError):
                system.unlock(pulse.handle)
        self.forget()

    def forget(self) -> None:
        """Close the files without unlocking them. A forked process does so at once: else it would keep the locks."""
        handles = [*self.left, *(pulse.handle for pulse in self.had)]
        self.left.clear()
        self.had.clear()
        for handle in handles:
            os.close(handle)


_held: list[Cores] = []
"""The cores that this process holds now; more than one entry if threads of it hold cores by themselves."""


def make_progress() -> None:
    """Note, for processes that wait, that the run on this process's cores goes on. The loop of each run calls it."""
    for held in list(_held):
        held.beat()


def _forget_all() -> None:
    """Forget the cores in a process that was just forked: its parent holds them."""
    for held in _held:
        held.forget()
    _held.clear()


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_forget_all)


@attrs.define(eq=False)
class Waited:
    """The time waited for cores (`seconds`), and the time without progress of their holder (`stuck`), in seconds."""

    seconds: float = attrs.field(init=False, default=0.0)
    stuck: float = attrs.field(init=False, default=0.0)
    _seen: Holder | None = attrs.field(init=False, default=None)
    _looked: float = attrs.field(init=False, factory=lambda: clocks.monotonic())

    def look(self, holder: Holder | None) -> None:
        """Count the time since the last look; `holder` is the record that the file has now."""
        now = clocks.monotonic()
        step, self._looked = min(now - self._looked, LONGEST_LOOK), now
        self.seconds += step
        self.stuck = self.stuck + step if holder == self._seen else 0.0
        self._seen = holder


@attrs.define(eq=False)
class Waiting:
    """Waits for cores, and reports what it waits for: after SILENT_SECONDS, and whenever a holder is stuck."""

    wanted: Cores
    tell: Tell
    longest: float
    _waited: Waited = attrs.field(init=False, factory=Waited)
    _reported: bool = attrs.field(init=False, default=False)
    _reported_stuck: tuple[int, float] | None = attrs.field(init=False, default=None)

    def until(self, given_up: Callable[[], bool]) -> str | None:
        """Wait until all cores are locked, or until `given_up` is true: None. Else the reason why they are shared."""
        waited = self._waited
        while not self.wanted.take() and not given_up():
            holder = self.wanted.holder
            waited.look(holder)
            if not waited.stuck:
                self.wanted.beat()  # others may wait for cores that are locked already: the holder's progress counts
            if waited.seconds >= min(SILENT_SECONDS, self.longest):
                self._tell_once(holder)
            if waited.stuck >= LONGEST_STUCK:
                return f"shares its cores with {run_of(holder)}, which has made no progress for {waited.stuck:.0f} s"
            if waited.stuck >= STUCK_SECONDS:
                self._tell_stuck(holder)
            if waited.seconds > self.longest:
                return f"shares its cores with {run_of(holder)}, after waiting for {self.longest:g} s"
            clocks.sleep(LOOK_SECONDS)
        return None

    def _tell_once(self, holder: Holder | None) -> None:
        """Report what this process waits for, once."""
        if not self._reported:
            self._reported = True
            self.tell(f"waits for {run_of(holder)}, which holds the host's cores{since(holder)}")

    def _tell_stuck(self, holder: Holder | None) -> None:
        """Report a holder that makes no progress, once for each time that it stops."""
        if holder and self._reported_stuck != (holder.pid, holder.beats):
            self._reported_stuck = holder.pid, holder.beats
            passed = f"for {STUCK_SECONDS:.0f} s"
            self.tell(f"waits for {run_of(holder)}, which has made no progress {passed}: {holder.advice()}")


def run_of(holder: Holder | None) -> str:
    """A holder in words; None stands for a run that has not written its record yet."""
    return f"the stress run of {holder}" if holder else "another stress run"


def since(holder: Holder | None) -> str:
    """Since when a holder has the cores, as the end of a sentence."""
    return f" since {holder.began}" if holder else ""


def chosen(how: str | None) -> str:
    """What a campaign does while another run holds the cores: `how`, else the environment's value, else wait.

    SKIP is for tests; a campaign whose environment says SKIP waits.

    Raises:
        UserError: for any other value.
    """
    value = how or os.environ.get(SETTING) or WAIT
    origin, known = ("--cores", (WAIT, SHARE)) if how else (SETTING, HOW)
    if value not in known:
        raise UserError(f"{origin}: must be one of {', '.join(known)} (got {value!r:.60})")
    return WAIT if value == SKIP else value


_unlocked: set[str] = set()
"""The reasons why nothing could be locked, as far as this process has warned of them."""


def _warn_unlocked(warn: Tell, reason: str) -> None:
    """Warn that nothing can be locked, once for each reason: a sweep has many cells."""
    if reason not in _unlocked:
        _unlocked.add(reason)
        warn(reason)


@contextmanager
def having_cores(
    tell: Tell,
    warn: Tell,
    longest_wait: float = LONGEST_WAIT,
    given_up: Callable[[], bool] = lambda: False,
    how: str = WAIT,
) -> Iterator[str | None]:
    """Hold the cores of this process for the context; gives None, or the reason why they are shared with another run.

    With WAIT it reports what it waits for; after `longest_wait` seconds, or when the holder makes no progress, it warns
    and goes on. With SHARE it reports the other run and goes on at once; with SKIP it reports nothing. If nothing can
    be locked, it warns and continues. Once `given_up` is true it continues without the cores and reports nothing.
    """
    wanted = Cores()
    _held.append(wanted)
    try:
        yield _have(wanted, Waiting(wanted, tell, longest_wait), warn, given_up, how)
    finally:
        if wanted in _held:  # else this is a forked process
            _held.remove(wanted)
        wanted.close()
        clocks.sleep(POLITE_SECONDS)


def _have(wanted: Cores, waiting: Waiting, warn: Tell, given_up: Callable[[], bool], how: str) -> str | None:
    """Take the cores as `having_cores` says; the reason why they are shared, or None."""
    try:
        wanted.open()
        if how == WAIT:
            shared = waiting.until(given_up)
            if shared:
                warn(shared)
            return shared
        if wanted.take():
            return None
    except (OSError, NoFolderError) as error:
        _warn_unlocked(warn, f"may share its cores with other stress runs: {error}")
        return None
    shared = f"shares its cores with {run_of(wanted.holder)}, which holds them{since(wanted.holder)}"
    if how == SHARE:
        waiting.tell(shared)
    return shared
