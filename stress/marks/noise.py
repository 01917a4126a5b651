"""Noise for plain Python code: threads switch more often, and in the code under test at any line or instruction.

Slices use the kinds of noise in turn: one kind may show what another one hides, and one kind is no noise at all. From
Python 3.12 on, a tool of `sys.monitoring` yields. Before, a trace function does, in what the CPUs call; it calls the
trace function of a coverage measurement too.
"""

import enum
import sys
from collections import Counter, deque
from collections.abc import Callable, Iterable, Iterator
from contextlib import ExitStack, contextmanager, suppress
from functools import cache, partial
from itertools import chain
from random import Random
from threading import get_ident
from types import CodeType, FrameType
from typing import Any, ParamSpec, TypeVar

import attrs

from stress.machine.python_engine import gil_enabled, sched_yield, switching
from stress.machine.stacks import line_of
from stress.marks.code_under_test import CodeUnderTest

P = ParamSpec("P")
R = TypeVar("R")
SHORT_INTERVAL = 1e-6
TOOL = "kstress"
TOOL_IDS = (3, 4, 1, 0, 5, 2)
"""The tool numbers that Python reserves for no kind of tool come first."""
COVERAGE = "coverage"
LONGEST_ROW = 256
"""The most yields in a row. A row is at least n yields long with a chance of 1 in n."""
MOST_LAST = 64


class Kind(enum.Enum):
    """The kind of noise in a slice, in the order of slices. The value is the mean number of events for each yield."""

    LINES = 4
    BARE = 0
    INSTRUCTIONS = 16
    SWITCHES = -1


@attrs.frozen
class Switch:
    """A yield of the core by noise: the thread's ident, the code, the line or the offset of the instruction in bytes."""

    thread: int
    code: CodeType
    at: int
    is_line: bool

    @property
    def place(self) -> str:
        """The function and the line, for a report."""
        line = self.at if self.is_line else line_of(self.code, self.at)
        return f"{self.code.co_qualname} ({self.code.co_filename}:{line})"


@attrs.define(eq=False)
class NoiseCounts:
    """What the noise of a cell did. Threads share it without a lock and may lose counts, which does not matter here.

    `switches`: yields, by the file of the code and whether the code is a role's body itself. `gave_way`: the number of
    slices or operations without noise, by the tool that noise gave way to. `bodies`: ids of the bodies' code objects.
    `last`: the latest switches.
    """

    bodies: frozenset[int] = frozenset()
    switches: Counter[tuple[str, bool]] = attrs.field(factory=Counter)
    gave_way: Counter[tuple[str, str]] = attrs.field(factory=Counter)
    last: deque[Switch] = attrs.field(factory=partial(deque, maxlen=MOST_LAST))


@attrs.define
class Countdown:
    """Yields at every `period`-th event on average. Threads share it without a lock; a lost count is noise too.

    Many yields are single ones, and few are long rows of them, so that a window opens that takes whole operations of
    others. `is_line`: events say their line, and not an offset.
    """

    period: int
    random: Random
    counts: NoiseCounts
    is_line: bool = True
    left: int = 1

    def event(self, code: CodeType, at: int) -> None:
        """Count one event in `code`, and yield if it is the one."""
        self.left -= 1
        if self.left <= 0:
            self.left = self.random.randrange(1, 2 * self.period)
            self.counts.last.append(Switch(get_ident(), code, at, self.is_line))
            for _ in range(min(int(1 / (1 - self.random.random())), LONGEST_ROW)):
                sched_yield()
            self.counts.switches[code.co_filename, id(code) in self.counts.bodies] += 1


def _forget_what_is_disabled() -> None:
    """Enable all code again: what an earlier item has disabled may be under test now."""
    if hasattr(sys, "monitoring"):
        sys.monitoring.restart_events()


def _take_tool() -> int | None:
    """Take a free tool number of `sys.monitoring` for kstress; None if all are in use."""
    monitoring: Any = sys.monitoring  # type: ignore[attr-defined,unused-ignore]
    for number in TOOL_IDS:
        with suppress(ValueError):
            monitoring.use_tool_id(number, TOOL)
            return number
    return None


@contextmanager
def _monitored(kind: Kind, has: Callable[[str], bool], countdown: Countdown) -> Iterator[None]:
    """Count down the events of every thread with `sys.monitoring`; without a free tool number there is no noise."""
    monitoring: Any = sys.monitoring  # type: ignore[attr-defined,unused-ignore]
    tool = _take_tool()
    if tool is None:
        names = ", ".join(filter(None, map(monitoring.get_tool, sorted(TOOL_IDS))))
        countdown.counts.gave_way[f"{names}, which have all tools of sys.monitoring", "slices"] += 1
        yield
        return
    event = monitoring.events.LINE if kind is Kind.LINES else monitoring.events.INSTRUCTION

    def seen(code: CodeType, place: int) -> object:
        if not has(code.co_filename):
            return monitoring.DISABLE
        countdown.event(code, place)
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
    """A trace function for one thread that counts down the same events.

    `measures`, the trace function of a coverage measurement, gets every call that it would get without noise.
    """
    opcodes = kind is Kind.INSTRUCTIONS
    wanted = "opcode" if opcodes else "line"

    def local(frame: FrameType, event: str, arg: object) -> Any:
        if measures and event != "opcode":
            measures(frame, event, arg)
        if event == wanted:
            countdown.event(frame.f_code, frame.f_lineno)
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
    """The name of the outermost package of a trace function, or of its class."""
    module = getattr(trace, "__module__", None) or type(trace).__module__
    return str(module).partition(".")[0]


class SliceNoise:
    """The noise of one slice: `everywhere` while its CPUs run, and `around` what each CPU calls.

    The machine boots before it, so that neither the harness nor the boot takes noise, however many CPUs there are.
    """

    def __init__(self, kind: Kind, has: Callable[[str], bool], random: Random, counts: NoiseCounts) -> None:
        """Noise of a kind for code of the files for which `has` is true; `counts` is changed."""
        self._kind, self._has, self._noise_counts = kind, has, counts
        self._counts = kind in (Kind.INSTRUCTIONS, Kind.LINES)
        self._monitors = self._counts and hasattr(sys, "monitoring")
        is_line = not (self._monitors and kind is Kind.INSTRUCTIONS)
        self._countdown = Countdown(max(kind.value, 1), random, counts, is_line)

    @contextmanager
    def everywhere(self) -> Iterator[None]:
        """The noise of all threads: a short switch interval, and events if `sys.monitoring` counts them."""
        with ExitStack() as stack:
            if self._kind is not Kind.BARE:
                stack.enter_context(switching(SHORT_INTERVAL))
            if self._monitors:
                stack.enter_context(_monitored(self._kind, self._has, self._countdown))
            yield

    def around(self, body: Callable[P, R]) -> Callable[P, R]:
        """`body`, or a function that calls it with the thread traced, if this kind needs that."""
        return partial(self._traced, body) if self._counts and not self._monitors else body

    def _traced(self, body: Callable[P, R], *arguments: P.args, **options: P.kwargs) -> R:
        """Call `body` with the thread traced, for coverage too if it was. A debugger keeps its trace function."""
        before = sys.gettrace()
        if before is not None and module_of(before) != COVERAGE:
            self._noise_counts.gave_way[f"{module_of(before)}, which traces the threads", "operations"] += 1
            return body(*arguments, **options)
        trace = tracer(self._kind, self._has, self._countdown, before)
        sys.settrace(trace)
        try:
            return body(*arguments, **options)
        finally:
            if sys.gettrace() is trace:
                sys.settrace(before)
            else:
                self._noise_counts.gave_way["a trace function that was set meanwhile", "operations"] += 1


class Noise:
    """The noise of one cell, and what it did (`counts`)."""

    def __init__(self, under_test: CodeUnderTest, seed: int, bodies: Iterable[object] = ()) -> None:
        """Noise for the code under test, drawn from `seed`; `bodies` are those of the roles."""
        codes = chain.from_iterable(map(codes_of, bodies))
        self.under_test, self.counts = under_test, NoiseCounts(frozenset(map(id, codes)))
        self._has = cache(under_test.has)
        self._random = Random(seed)
        _forget_what_is_disabled()

    def slice(self, kind: Kind) -> SliceNoise:
        """The noise of one slice."""
        return SliceNoise(kind, self._has, self._random, self.counts)


def codes_of(body: Any) -> Iterator[CodeType]:
    """The code objects of a body and of the functions that it wraps."""
    while body is not None:
        code = getattr(body, "__code__", None)
        if isinstance(code, CodeType):
            yield code
        body = getattr(body, "__wrapped__", None) or getattr(body, "func", None)


KINDS = tuple(Kind) if gil_enabled() else (Kind.LINES, Kind.BARE, Kind.INSTRUCTIONS)
"""The kinds, in turn; without a GIL there is no switch interval to shorten."""
