"""Noise for plain Python code: threads change more often, and in the code under test at any line or instruction.

Slices take turns among the kinds: what one of them hides the next one may show, and bare threads are among them.
Where Python has `sys.monitoring` (3.12), a tool of it yields; before, a trace function within what CPUs call.
"""

import enum
import sys
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from functools import cache, partial
from pathlib import Path
from random import Random
from types import CodeType, FrameType
from typing import Any, TypeVar

import attrs

from stress.machine.python_engine import gil_enabled, sched_yield, switching

T = TypeVar("T")
R = TypeVar("R")
SHORT_INTERVAL = 1e-6
TOOL = "kstress"
TOOL_IDS = (3, 4, 1, 0, 5, 2)
"""Those that no kind of tool has a claim to come first."""
PACKAGE = Path(__file__).resolve().parents[1]
INSTALLED = ("site-packages", "dist-packages")


class Kind(enum.Enum):
    """What happens in a slice, in the order of slices. The value is about how many events there are for each yield."""

    LINES = 4
    BARE = 0
    INSTRUCTIONS = 16
    SWITCHES = -1


@attrs.frozen
class UnderTest:
    """Which code takes noise: the files under `rootdir` that are not installed there, and those under `more`."""

    rootdir: Path
    more: tuple[Path, ...] = ()

    def has(self, file: str) -> bool:
        """Whether a file is under test."""
        path = Path(file)
        if any(path.is_relative_to(one) for one in self.more):
            return True
        inside = path.is_relative_to(self.rootdir) and not any(part in INSTALLED for part in path.parts)
        return inside and not path.is_relative_to(PACKAGE)


@attrs.define
class Countdown:
    """Yields at about every `period`-th event. Threads share it and may lose counts to each other: it is noise."""

    period: int
    random: Random
    left: int = 1

    def event(self) -> None:
        """One event has come by."""
        self.left -= 1
        if self.left <= 0:
            self.left = self.random.randrange(1, 2 * self.period)
            sched_yield()


def _free_tool() -> int | None:
    """The number of a tool that nobody uses."""
    return next((number for number in TOOL_IDS if sys.monitoring.get_tool(number) is None), None)  # type: ignore[attr-defined,unused-ignore]


@contextmanager
def _monitored(kind: Kind, has: Callable[[str], bool], countdown: Countdown) -> Iterator[None]:
    """Count events of every thread down by `sys.monitoring`, where a tool of it is free; elsewhere nothing comes."""
    monitoring: Any = sys.monitoring  # type: ignore[attr-defined,unused-ignore]
    tool = _free_tool()
    if tool is None:
        yield
        return
    event = monitoring.events.LINE if kind is Kind.LINES else monitoring.events.INSTRUCTION

    def seen(code: CodeType, place: int) -> object:
        if not has(code.co_filename):
            return monitoring.DISABLE
        countdown.event()
        return None

    monitoring.use_tool_id(tool, TOOL)
    try:
        monitoring.register_callback(tool, event, seen)
        monitoring.set_events(tool, event)
        yield
    finally:
        monitoring.set_events(tool, 0)
        monitoring.register_callback(tool, event, None)
        monitoring.free_tool_id(tool)


def tracer(kind: Kind, has: Callable[[str], bool], countdown: Countdown) -> Callable[..., Any]:
    """A trace function for one thread that counts the same events down."""
    opcodes = kind is Kind.INSTRUCTIONS
    wanted = "opcode" if opcodes else "line"

    def local(frame: FrameType, event: str, arg: object) -> Any:
        if event == wanted:
            countdown.event()
        return local

    def called(frame: FrameType, event: str, arg: object) -> Any:
        if not has(frame.f_code.co_filename):
            return None
        frame.f_trace_opcodes, frame.f_trace_lines = opcodes, not opcodes
        return local

    return called


class SliceNoise:
    """The noise of one slice: `everywhere` while its CPUs run, and `around` what they call.

    A machine boots before it, so that harness and boot take none, however many CPUs there are.
    """

    def __init__(self, kind: Kind, has: Callable[[str], bool], random: Random) -> None:
        """Noise of a kind, for files of which `has` is true."""
        self._kind, self._has = kind, has
        self._countdown = Countdown(max(kind.value, 1), random)
        self._counts = kind in (Kind.INSTRUCTIONS, Kind.LINES)
        self._monitors = self._counts and hasattr(sys, "monitoring")

    @contextmanager
    def everywhere(self) -> Iterator[None]:
        """What is the same for all threads: the switch interval, and events where `sys.monitoring` counts them."""
        with ExitStack() as stack:
            if self._kind is not Kind.BARE:
                stack.enter_context(switching(SHORT_INTERVAL))
            if self._monitors:
                stack.enter_context(_monitored(self._kind, self._has, self._countdown))
            yield

    def around(self, body: Callable[[T], R]) -> Callable[[T], R]:
        """A function that does what `body` does, with the noise of its thread, if there is any."""
        return partial(self._traced, body) if self._counts and not self._monitors else body

    def _traced(self, body: Callable[[T], R], argument: T) -> R:
        """Call with the thread traced, unless it is traced already, by a debugger or for coverage."""
        if sys.gettrace() is not None:
            return body(argument)
        sys.settrace(tracer(self._kind, self._has, self._countdown))
        try:
            return body(argument)
        finally:
            sys.settrace(None)


class Noise:
    """The noise of one cell."""

    def __init__(self, under_test: UnderTest, seed: int) -> None:
        """Draw from `seed`."""
        self._has = cache(under_test.has)
        self._random = Random(seed)

    def slice(self, kind: Kind) -> SliceNoise:
        """The noise of one slice."""
        return SliceNoise(kind, self._has, self._random)


KINDS = tuple(Kind) if gil_enabled() else (Kind.LINES, Kind.BARE, Kind.INSTRUCTIONS)
"""The kinds in turn; a switch interval says nothing without a GIL."""
