"""Threads that wait: what each waits for and which CPU holds it, read from their frames. A cycle is a deadlock."""

import asyncio
import linecache
import re
import threading
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from itertools import chain
from pathlib import Path
from types import FrameType
from typing import Any, Self

import attrs

from stress.host.frames import current_frames
from stress.machine.gil import gil_enabled
from stress.marks.crews.timers import NEVER_SECONDS
from stress.marks.noise.code_under_test import PACKAGE
from stress.marks.noise.expressions import Named, held, is_of_anyio, timeout, wanted

LIBRARY = Path(threading.__file__).parent
INSTALLED = ("site-packages", "dist-packages")
OWNER = re.compile(r"owner=(\d+) count=[1-9]")
CONDITION_WAIT = threading.Condition.wait.__code__
CONDITION_WAITS = (CONDITION_WAIT, asyncio.Condition.wait.__code__)
PRIMITIVES = ("asyncio", "anyio")
"""The packages whose functions wait for a lock in Python code: the code that wants the lock is what calls them."""
UNKNOWN_HOLDER = "whose holder is unknown: no CPU is inside a `with` of it"
UNKNOWN_OF_THOSE = "whose holder is unknown: no CPU that waits is inside a `with` of it"
UNKNOWN_WAKER = "it is unknown who would wake it"


@attrs.frozen
class Held:
    """The holder of a lock, by the number of its CPU: it is inside a `with` of it, or the lock knows its owner.

    `since` says which of the two, for a report.
    """

    holder: int
    since: str


@attrs.define
class Blocked:
    """Those that wait, by the number of their CPU, with their frames, innermost first. They must not run meanwhile.

    `idents`: the identifiers of the threads that they are; none if they are tasks. `last_taker` says who
    was last seen to take a lock, by its text in the source. `others`: the frames of those that are in their operation
    and do not wait, for they may hold locks; None if they cannot be looked at.
    """

    _frames: Mapping[int, Sequence[FrameType]]
    _idents: Mapping[int, int | None] = attrs.field(factory=dict)
    _last_taker: Callable[[str], str] = lambda text: ""
    _others: Mapping[int, Sequence[FrameType]] | None = None
    _wants: dict[int, Named | None] = attrs.field(init=False)
    _held: dict[int, Held] = attrs.field(init=False)

    @classmethod
    def of_threads(
        cls, threads: Mapping[int, threading.Thread], waiting: Collection[int], last_taker: Callable[[str], str]
    ) -> Self:
        """Threads, as they are now, of which those of the CPUs `waiting` wait.

        One that does not wait stands still while this thread has the GIL; without a GIL only those that wait are read.
        """
        current, looks_at = current_frames(), threads if gil_enabled() else waiting
        frames = {number: list(_own_frames(current.get(threads[number].ident or 0))) for number in looks_at}
        others = {number: frames.pop(number) for number in set(frames) - set(waiting)}
        idents = {number: thread.ident for number, thread in threads.items()}
        return cls(frames, idents, last_taker, others if len(looks_at) == len(threads) else None)

    def __attrs_post_init__(self) -> None:
        self._wants = {number: _wanted(frames) for number, frames in self._frames.items()}
        self._held = {}
        for number, frames in chain((self._others or {}).items(), self._frames.items()):
            for one in _held_by(frames):
                self._held[id(one.lock)] = Held(
                    number, f"which CPU {number} holds in its `with {one.text}` ({one.place})"
                )

    def __contains__(self, number: int) -> bool:
        return number in self._frames

    def holder(self, number: int) -> Held | None:
        """The holder of the lock that a CPU waits for; None if it is unknown, or the CPU does not wait for a lock."""
        want = self._wants.get(number)
        if want is None or want.lock is None:
            return None
        owner = OWNER.search(repr(want.lock))
        for other, ident in self._idents.items():
            if owner and ident == int(owner[1]):
                return Held(other, f"which CPU {other} holds (the RLock knows its owner)")
        return self._held.get(id(want.lock))

    def cycle(self, number: int) -> tuple[int, ...]:
        """The CPUs that wait for each other's locks in a circle, reached from one CPU; empty if there is no circle.

        Whoever may give up a lock is in none: then the others get on.
        """
        seen: list[int] = []
        while number not in seen:
            seen.append(number)
            want, holder = self._wants.get(number), self.holder(number)
            if want is None or want.may_give_up or holder is None:
                return ()
            number = holder.holder
        return tuple(seen[seen.index(number) :])

    def cycles(self) -> set[tuple[int, ...]]:
        """All circles, each from its lowest number."""
        found = ((number, self.cycle(number)) for number in self._frames)
        return {circle for number, circle in found if number == min(circle, default=None)}

    def describe(self, number: int) -> str:
        """What a CPU waits for, where, which CPU holds it, and what ends the wait, as far as that is known."""
        want, frames = self._wants.get(number), self._frames[number]
        if not frames:
            return "waits outside of its Python code"
        its_end = _timeout_of(frames[0])
        if want is not None and want.lock is not None:
            holder = self.holder(number)
            known = holder.since if holder else self._taken(want)
            return "; ".join(filter(None, (f"waits for the lock `{want.text}` ({want.place}), {known}", its_end)))
        return f"waits {_place(frames)}; {its_end or UNKNOWN_WAKER}"

    def _taken(self, want: Named) -> str:
        """That the holder of a lock is unknown, and who was last seen to take one of that name."""
        unknown = UNKNOWN_OF_THOSE if self._others is None else UNKNOWN_HOLDER
        return f"{unknown}{self._last_taker(want.text)}"

    def waits_for_lock(self, number: int) -> bool:
        """Whether a CPU waits for a lock itself, and not for a condition."""
        return self._wants[number] is not None

    def waiter(self, number: int) -> Any:
        """The lock whose release wakes a CPU that waits for a condition; None if it does not."""
        frame = next(iter(self._frames[number]), None)
        return frame.f_locals.get("waiter") if frame and frame.f_code is CONDITION_WAIT else None


def _wanted(frames: Sequence[FrameType]) -> Named | None:
    """The lock that is waited for, in code that is not its own; not that of a condition, or of a thread to join."""
    frame = next((one for one in frames if not _is_primitive(one)), None)
    return wanted(frame) if frame and frame.f_code.co_filename != threading.__file__ else None


def _timeout_of(frame: FrameType) -> str:
    """That a timeout ends the wait of a frame; empty if the source shows none."""
    seconds = timeout(frame)
    return "" if seconds is None or seconds > NEVER_SECONDS else f"its timeout of {seconds:,.1f} s would end that"


def _own_frames(frame: FrameType | None) -> Iterator[FrameType]:
    """The frames of a thread that are not the harness's, innermost first."""
    while frame is not None and _is_harness(frame):
        frame = frame.f_back
    while frame is not None and not _is_harness(frame):
        yield frame
        frame = frame.f_back


def _is_harness(frame: FrameType) -> bool:
    """Whether a frame belongs to kstress."""
    return Path(frame.f_code.co_filename).is_relative_to(PACKAGE)


def _held_by(frames: Iterable[FrameType]) -> Iterator[Named]:
    """The locks of the `with` blocks that a thread is inside of, but not a condition's lock while it waits for that."""
    released = None
    for frame in frames:
        if _waits_for_condition(frame):
            released = frame.f_locals["self"]._lock
        yield from (one for one in held(frame) if one.lock is not None and one.lock is not released)


def _waits_for_condition(frame: FrameType) -> bool:
    """Whether a frame waits for a condition, whose lock it has released meanwhile."""
    name, owner = frame.f_code.co_name, frame.f_locals.get("self")
    return frame.f_code in CONDITION_WAITS or (name == "wait" and is_of_anyio(owner, "Condition"))


def _is_primitive(frame: FrameType) -> bool:
    """Whether a frame belongs to a package of primitives, wherever that is installed."""
    return not set(PRIMITIVES).isdisjoint(Path(frame.f_code.co_filename).parts)


def _is_of_library(frame: FrameType) -> bool:
    """Whether a frame belongs to the standard library, or to what waits for its caller as that does."""
    path = Path(frame.f_code.co_filename)
    return _is_primitive(frame) or (path.is_relative_to(LIBRARY) and not any(part in INSTALLED for part in path.parts))


def _place(frames: Sequence[FrameType]) -> str:
    """Where one waits: the outermost of the library's functions that wait, and the line of the code that called it."""
    library = next((at for at, frame in enumerate(frames) if not _is_of_library(frame)), len(frames))
    function = f"in {frames[library - 1].f_code.co_qualname}, called " if library else ""
    if library == len(frames):
        return f"{function}by the library itself"
    own = frames[library]
    line = linecache.getline(own.f_code.co_filename, own.f_lineno).strip()
    return f"{function}in `{line}` ({own.f_code.co_filename}:{own.f_lineno})"
