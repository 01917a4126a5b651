"""One stress run of a user at a time on a core: two at once would take each other's cores, and see less than they say.

Processes that are pinned to cores of their own, as workers of a cluster can be, do not wait for each other, and neither
do users. Whoever has cores notes its progress, so that one that hangs is told by name, and does not keep others waiting
for long.
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
"""What to do about cores that another run has: wait for them, go on beside it, or leave that to the caller."""
SETTING = "KSTRESS_CORES"
"""The environment variable that says it for whoever is not told otherwise."""
LONGEST_WAIT = 3600.0
SILENT_SECONDS = 1.0
STUCK_SECONDS = 60.0
LONGEST_STUCK = 180.0
"""Without progress of the holder: when it is told, and when the cores are shared with it."""
LOOK_SECONDS = 0.002
LONGEST_LOOK = 1.0
"""What counts at most between two looks: a host that pauses stops the holder as well as who waits for it."""
POLITE_SECONDS = 5 * LOOK_SECONDS
"""What the last holder waits before it may ask again, so that those who look now and then have their turn."""

Tell = Callable[[str], None]


def lock_name(core: int) -> str:
    """The file that is locked for a core."""
    return f"core-{core}.lock"


def cores() -> list[int]:
    """The cores that this process may use."""
    return system.cores()


@attrs.define(eq=False)
class Cores:
    """The files of this process's cores: first all `left` to be locked, in the order in which everybody locks them.

    So nobody waits in a circle. A file is unlocked when the process ends, however it does.
    """

    left: list[int] = attrs.field(factory=list)
    had: list[Pulse] = attrs.field(factory=list)

    def open(self) -> None:
        """Open the files; OSError or NoFolderError where that cannot be."""
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
        """Lock what is not locked yet, as far as it is free; whether all is locked now."""
        while self.left and system.lock(self.left[0]):
            self.had.append(Pulse(self.left.pop(0)))
            self.had[-1].beat()
        return not self.left

    @property
    def holder(self) -> Holder | None:
        """Who has the next core, as far as it says so."""
        return read_holder(self.left[0]) if self.left else None

    def beat(self) -> None:
        """Note progress."""
        for pulse in self.had:
            pulse.beat()

    def close(self) -> None:
        """Let go of all."""
        for pulse in self.had:
            with suppress(OSError):
                system.unlock(pulse.handle)
        self.forget()

    def forget(self) -> None:
        """Close the files, as a forked process does at once: it has not locked them, and would keep them locked."""
        handles = [*self.left, *(pulse.handle for pulse in self.had)]
        self.left.clear()
        self.had.clear()
        for handle in handles:
            os.close(handle)


_held: list[Cores] = []
"""What this process has now; several times if threads of it have cores of their own."""


def make_progress() -> None:
    """Note for those who wait that the run which has this process's cores goes on. Whoever waits for a run calls it."""
    for held in list(_held):
        held.beat()


def _forget_all() -> None:
    """In a process that was just forked: the cores are its parent's."""
    for held in _held:
        held.forget()
    _held.clear()


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_forget_all)


@attrs.define(eq=False)
class Waited:
    """Counts for how long cores were waited for, and for how long their holder has made no progress."""

    seconds: float = attrs.field(init=False, default=0.0)
    stuck: float = attrs.field(init=False, default=0.0)
    _seen: Holder | None = attrs.field(init=False, default=None)
    _looked: float = attrs.field(init=False, factory=lambda: clocks.monotonic())

    def look(self, holder: Holder | None) -> None:
        """Some time has passed, and the holder stands here now."""
        now = clocks.monotonic()
        step, self._looked = min(now - self._looked, LONGEST_LOOK), now
        self.seconds += step
        self.stuck = self.stuck + step if holder == self._seen else 0.0
        self._seen = holder


@attrs.define(eq=False)
class Waiting:
    """Waits for cores, and tells what it waits for: at first, and whenever a holder is stuck."""

    wanted: Cores
    tell: Tell
    longest: float
    _waited: Waited = attrs.field(init=False, factory=Waited)
    _told: bool = attrs.field(init=False, default=False)
    _told_of: tuple[int, float] | None = attrs.field(init=False, default=None)

    def until(self, given_up: Callable[[], bool]) -> str | None:
        """Wait until all cores are had, or `given_up` says that nobody wants them; else why they are shared."""
        waited = self._waited
        while not self.wanted.take() and not given_up():
            holder = self.wanted.holder
            waited.look(holder)
            if not waited.stuck:
                self.wanted.beat()  # for those who wait for what is had already: this makes progress as its holder does
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
        """Tell what is waited for."""
        if not self._told:
            self._told = True
            self.tell(f"waits for {run_of(holder)}, which holds the host's cores{since(holder)}")

    def _tell_stuck(self, holder: Holder | None) -> None:
        """Tell of a holder that makes no progress, once, unless it does again."""
        if holder and self._told_of != (holder.pid, holder.beats):
            self._told_of = holder.pid, holder.beats
            passed = f"for {STUCK_SECONDS:.0f} s"
            self.tell(f"waits for {run_of(holder)}, which has made no progress {passed}: {holder.advice()}")


def run_of(holder: Holder | None) -> str:
    """A holder, or somebody who has not said yet who it is."""
    return f"the stress run of {holder}" if holder else "another stress run"


def since(holder: Holder | None) -> str:
    """Since when it has the cores."""
    return f" since {holder.began}" if holder else ""


def chosen(how: str | None) -> str:
    """What a campaign does about cores that another run has: `how`, or what the environment says, or wait.

    SKIP is for tests; a campaign waits where the environment says so.

    Raises:
        UserError: for anything else.
    """
    value = how or os.environ.get(SETTING) or WAIT
    origin, known = ("--cores", (WAIT, SHARE)) if how else (SETTING, HOW)
    if value not in known:
        raise UserError(f"{origin}: must be one of {', '.join(known)} (got {value!r:.60})")
    return WAIT if value == SKIP else value


_unlocked: set[str] = set()
"""Why nothing could be locked, as this process was told before."""


def _warn_unlocked(warn: Tell, reason: str) -> None:
    """Warn that nothing can be locked, once: a sweep has many cells."""
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
    """Have the cores of this process alone; gives why not if they are shared with another run, else None.

    With WAIT it tells what it waits for, and warns and goes on after `longest_wait`, or when the holder makes no
    progress; with SHARE it tells and goes on at once; with SKIP it says nothing. Where nothing can be locked it warns
    and goes on. Goes on without the cores, and says nothing, once `given_up` says that they are not wanted any more.
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
    """Have cores as `having_cores` says; why they are shared, if they are."""
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
