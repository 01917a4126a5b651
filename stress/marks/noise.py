"""Noise for plain Python code: threads change more often, and in the code under test at any line or instruction.

Slices take turns among the kinds: what one of them hides the next one may show, and bare threads are among them.
Where Python has `sys.monitoring` (3.12), a tool of it yields; before, a trace function within what CPUs call, which
hands on to that of a coverage measurement what is its own.
"""

import enum
import sys
from collections import Counter
from collections.abc import Callable, Iterable, Iterator
from contextlib import ExitStack, contextmanager, suppress
from functools import cache, partial
from itertools import chain
from random import Random
from types import CodeType, FrameType
from typing import Any, TypeVar

import attrs

from stress.machine.python_engine import gil_enabled, sched_yield, switching
from stress.marks.under_test import UnderTest

T = TypeVar("T")
R = TypeVar("R")
SHORT_INTERVAL = 1e-6
TOOL = "kstress"
TOOL_IDS = (3, 4, 1, 0, 5, 2)
"""Those that no kind of tool has a claim to come first."""
COVERAGE = "coverage"


class Kind(enum.Enum):
    """What happens in a slice, in the order of slices. The value is about how many events there are for each yield."""

    LINES = 4
    BARE = 0
    INSTRUCTIONS = 16
    SWITCHES = -1


@attrs.define(eq=False)
class Heard:
    """What came of the noise of a cell. Threads share it and may lose counts to each other: it is noise.

    `switches`: by the file that took them, and whether within a role's body itself. `gave_way`: to whom there was none,
    and in how many of what. `bodies`: the identities of their code objects.
    """

    bodies: frozenset[int] = frozenset()
    switches: Counter[tuple[str, bool]] = attrs.field(factory=Counter)
    gave_way: Counter[tuple[str, str]] = attrs.field(factory=Counter)


@attrs.define
class Countdown:
    """Yields at about every `period`-th event. Threads share it."""

    period: int
    random: Random
    heard: Heard
    left: int = 1

    def event(self, code: CodeType) -> None:
        """One event has come by in `code`."""
        self.left -= 1
        if self.left <= 0:
            self.left = self.random.randrange(1, 2 * self.period)
            sched_yield()
            self.heard.switches[code.co_filename, id(code) in self.heard.bodies] += 1


def _forget_what_is_disabled() -> None:
    """What an item before has disabled may be under test now."""
    if hasattr(sys, "monitoring"):
        sys.monitoring.restart_events()


def _take_tool() -> int | None:
    """The number of a tool that nobody used and that is kstress's from now on."""
    monitoring: Any = sys.monitoring  # type: ignore[attr-defined,unused-ignore]
    for number in TOOL_IDS:
        with suppress(ValueError):
            monitoring.use_tool_id(number, TOOL)
            return number
    return None


@contextmanager
def _monitored(kind: Kind, has: Callable[[str], bool], countdown: Countdown) -> Iterator[None]:
    """Count events of every thread down by `sys.monitoring`, where a tool of it is free; elsewhere nothing comes."""
    monitoring: Any = sys.monitoring  # type: ignore[attr-defined,unused-ignore]
    tool = _take_tool()
    if tool is None:
        names = ", ".join(filter(None, map(monitoring.get_tool, sorted(TOOL_IDS))))
        countdown.heard.gave_way[f"{names}, which have all tools of sys.monitoring", "slices"] += 1
        yield
        return
    event = monitoring.events.LINE if kind is Kind.LINES else monitoring.events.INSTRUCTION

    def seen(code: CodeType, place: int) -> object:
        if not has(code.co_filename):
            return monitoring.DISABLE
        countdown.event(code)
        return None

    try:
        monitoring.register_callback(tool, event, seen)
        monitoring.set_events(tool, event)
        yield
    finally:
        monitoring.set_events(tool, 0)
        monitoring.register_callback(tool, event, None)
        monitoring.free_tool_id(tool)


def tracer(kind: Kind, has: Callable[[str], bool], countdown: Countdown, measures: Any = None) -> Callable[..., Any]:
    """A trace function for one thread that counts the same events down.

    `measures`, the trace function of a coverage measurement, is called for all that it would be called for.
    """
    opcodes = kind is Kind.INSTRUCTIONS
    wanted = "opcode" if opcodes else "line"

    def local(frame: FrameType, event: str, arg: object) -> Any:
        if measures and event != "opcode":
            measures(frame, event, arg)
        if event == wanted:
            countdown.event(frame.f_code)
        return local

    def called(frame: FrameType, event: str, arg: object) -> Any:
        if measures:
            measured = measures(frame, event, arg)
            sys.settrace(called)  # coverage's, written in C, puts itself there whenever something is called
        if not has(frame.f_code.co_filename):
            return measured if measures else None
        frame.f_trace_opcodes, frame.f_trace_lines = opcodes, bool(measures) or not opcodes
        return local

    return called


def module_of(trace: object) -> str:
    """The outermost package of a trace function, or of its class."""
    module = getattr(trace, "__module__", None) or type(trace).__module__
    return str(module).partition(".")[0]


class SliceNoise:
    """The noise of one slice: `everywhere` while its CPUs run, and `around` what they call.

    A machine boots before it, so that harness and boot take none, however many CPUs there are.
    """

    def __init__(self, kind: Kind, has: Callable[[str], bool], random: Random, heard: Heard) -> None:
        """Noise of a kind, for files of which `has` is true."""
        self._kind, self._has, self._heard = kind, has, heard
        self._countdown = Countdown(max(kind.value, 1), random, heard)
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
        """Call with the thread traced, for coverage too if it was. A debugger keeps the thread, or takes it."""
        before = sys.gettrace()
        if before is not None and module_of(before) != COVERAGE:
            self._heard.gave_way[f"{module_of(before)}, which traces the threads", "operations"] += 1
            return body(argument)
        trace = tracer(self._kind, self._has, self._countdown, before)
        sys.settrace(trace)
        try:
            return body(argument)
        finally:
            if sys.gettrace() is trace:
                sys.settrace(before)
            else:
                self._heard.gave_way["a trace function that was set meanwhile", "operations"] += 1


class Noise:
    """The noise of one cell, and what came of it."""

    def __init__(self, under_test: UnderTest, seed: int, bodies: Iterable[object] = ()) -> None:
        """Draw from `seed`."""
        self.under_test, self.heard = under_test, Heard(frozenset(map(id, chain.from_iterable(map(codes_of, bodies)))))
        self._has = cache(under_test.has)
        self._random = Random(seed)
        _forget_what_is_disabled()

    def slice(self, kind: Kind) -> SliceNoise:
        """The noise of one slice."""
        return SliceNoise(kind, self._has, self._random, self.heard)


def codes_of(body: Any) -> Iterator[CodeType]:
    """The code of a body, and of what it wraps."""
    while body is not None:
        code = getattr(body, "__code__", None)
        if isinstance(code, CodeType):
            yield code
        body = getattr(body, "__wrapped__", None) or getattr(body, "func", None)


KINDS = tuple(Kind) if gil_enabled() else (Kind.LINES, Kind.BARE, Kind.INSTRUCTIONS)
"""The kinds in turn; a switch interval says nothing without a GIL."""
