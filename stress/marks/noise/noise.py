"""Noise for plain Python code: threads switch more often, and in the code under test at any line or instruction.

Slices use the kinds of noise in turn: one kind may show what another one hides, and one kind is no noise at all. From
Python 3.12 on, a tool of `sys.monitoring` yields. Before, a trace function does, in what the CPUs call; it calls the
trace function of a coverage measurement too.
"""

import sys
from collections.abc import Callable, Iterable, Iterator
from contextlib import ExitStack, contextmanager, suppress
from functools import cache, partial
from itertools import chain, repeat
from random import Random
from threading import get_ident
from types import CodeType, FrameType
from typing import Any, ParamSpec, TypeVar

from stress.marks.bodies import EndThread, calls_bodies, is_async
from stress.marks.noise.code_under_test import CodeUnderTest
from stress.marks.noise.core_yield import CoreYield
from stress.marks.noise.other_threads import MONITORS, OtherThreads
from stress.marks.noise.switch_interval import SwitchInterval
from stress.marks.noise.switches import YIELDS, Countdown, Kind, NoiseCounts
from stress.marks.noise.takers import taking_lines

P = ParamSpec("P")
R = TypeVar("R")
TOOL = "kstress"
TOOL_IDS = (3, 4, 1, 0, 5, 2)
"""The tool numbers that Python reserves for no kind of tool come first."""
COVERAGE = "coverage"
LONG_INTERVAL = (Kind.BARE, Kind.DELAYS)
"""The kinds whose slices leave the switch interval as it is."""


def _forget_what_is_disabled() -> None:
    """Enable all code again: what an earlier item has disabled may be under test now."""
    if hasattr(sys, "monitoring"):
        sys.monitoring.restart_events()


def _free_tools() -> None:
    """Free each tool number that kstress has: an exception in the middle of a slice may have left it taken."""
    if MONITORS:
        monitoring: Any = sys.monitoring  # type: ignore[attr-defined,unused-ignore]
        for number in TOOL_IDS:
            if monitoring.get_tool(number) == TOOL:
                monitoring.set_events(number, 0)
                monitoring.free_tool_id(number)


def _take_tool() -> int | None:
    """Take a free tool number of `sys.monitoring` for kstress; None if all are in use."""
    monitoring: Any = sys.monitoring  # type: ignore[attr-defined,unused-ignore]
    for number in TOOL_IDS:
        with suppress(ValueError):
            monitoring.use_tool_id(number, TOOL)
            return number
    return None


@contextmanager
def _monitored(has: Callable[[str], bool], countdown: Countdown) -> Iterator[None]:
    """Count down the events of every thread with `sys.monitoring`; without a free tool number there is no noise."""
    monitoring: Any = sys.monitoring  # type: ignore[attr-defined,unused-ignore]
    tool = _take_tool()
    if tool is None:
        names = ", ".join(filter(None, map(monitoring.get_tool, sorted(TOOL_IDS))))
        countdown.counts.gave_way[f"{names}, which have all tools of sys.monitoring", "slices"] += 1
        yield
        return
    at_lines, plain = countdown.yields.is_at_lines, countdown.plain
    event = monitoring.events.LINE if at_lines else monitoring.events.INSTRUCTION

    def seen(code: CodeType, place: int) -> object:
        if not has(code.co_filename):
            if get_ident() in countdown.counts.cpus:  # other threads of the process have events too
                countdown.counts.passed.add(code.co_filename)
            return monitoring.DISABLE
        if at_lines and taking_lines(code):
            countdown.counts.takers.event(code, place)
        if not plain.get(get_ident()):
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


def tracer(has: Callable[[str], bool], countdown: Countdown, measures: Any = None) -> Callable[..., Any]:
    """A trace function for one thread that counts down the same events, and takes itself away once their slice is over.

    `measures`, the trace function of a coverage measurement, gets every call that it would get without noise.
    """
    at_lines = countdown.yields.is_at_lines
    wanted = "line" if at_lines else "opcode"

    def end() -> None:
        sys.settrace(measures)

    def local(frame: FrameType, event: str, arg: object) -> Any:
        if measures and event != "opcode":
            measures(frame, event, arg)
        if countdown.is_over:  # an operation may go on for long: each event would still cost it much
            frame.f_trace_opcodes = False
            end()
        elif event == wanted:
            countdown.event(frame.f_code, frame.f_lineno if at_lines else frame.f_lasti)
        return local

    def local_taking(frame: FrameType, event: str, arg: object) -> Any:
        if event == "line":
            countdown.counts.takers.event(frame.f_code, frame.f_lineno)
        local(frame, event, arg)
        return local_taking

    def called(frame: FrameType, event: str, arg: object) -> Any:
        if measures:
            measured = measures(frame, event, arg)
            sys.settrace(called)  # coverage's, written in C, puts itself there whenever something is called
        if countdown.is_over:
            end()
            return measured if measures else None
        if not has(frame.f_code.co_filename):
            countdown.counts.passed.add(frame.f_code.co_filename)
            return measured if measures else None
        takes = bool(taking_lines(frame.f_code))
        frame.f_trace_opcodes, frame.f_trace_lines = not at_lines, bool(measures) or at_lines or takes
        return local_taking if takes else local

    return called


def module_of(trace: object) -> str:
    """The name of the outermost package of a trace function, or of its class."""
    module = getattr(trace, "__module__", None) or type(trace).__module__
    return str(module).partition(".")[0]


class SliceNoise:
    """The noise of one slice: `everywhere` while its CPUs run, and `around` what each CPU calls.

    The machine boots before it, so that neither the harness nor the boot takes noise, however many CPUs there are.
    """

    def __init__(self, noise: "Noise", kind: Kind, countdown: Countdown | None, others: OtherThreads) -> None:
        """Noise of a kind for the code under test of a cell, without `countdown` at no events."""
        self._noise, self._kind, self._countdown, self._others = noise, kind, countdown, others

    @contextmanager
    def everywhere(self) -> Iterator[None]:
        """The noise of all threads: a short switch interval, and events if `sys.monitoring` counts them."""
        with ExitStack() as stack:
            if self._kind not in LONG_INTERVAL and not stack.enter_context(self._noise.interval.short()):
                self._noise.counts.gave_way["a switch interval that was set meanwhile", "slices"] += 1
            if self._countdown and MONITORS and self._others.have_noise(self._kind):
                stack.enter_context(_monitored(self._noise.has, self._countdown))
            stack.enter_context(self._others.noise(self._countdown))
            if self._countdown:
                stack.callback(self._countdown.end)
            yield

    def around(self, body: Callable[P, R], every: bool = True) -> Callable[P, R]:
        """`body`, or a function for one thread that calls it with the thread traced, if this kind needs that.

        Without `every` it leaves some calls plain. A coroutine function is left as it is: what it makes runs later, and
        takes noise at its awaits.
        """
        countdown = self._countdown
        if countdown is None or is_async(body) or (MONITORS and (every or not countdown.yields.plain)):
            return body
        plain = repeat(False) if every else countdown.yields.plain_calls(countdown.random)
        return partial(self._some_plain if MONITORS else self._traced, countdown, plain, body)

    @calls_bodies
    def _some_plain(
        self,
        countdown: Countdown,
        plain: Iterator[bool],
        body: Callable[P, R],
        *arguments: P.args,
        **options: P.kwargs,
    ) -> R:
        """Call `body`; what runs in this thread has no noise until the next call, if this one is plain."""
        countdown.plain[get_ident()] = next(plain)
        return body(*arguments, **options)

    @calls_bodies
    def _traced(
        self,
        countdown: Countdown,
        plain: Iterator[bool],
        body: Callable[P, R],
        *arguments: P.args,
        **options: P.kwargs,
    ) -> R:
        """Call `body` with the thread traced, for coverage too if it was. A debugger keeps its trace function."""
        if countdown.is_over or next(plain):
            return body(*arguments, **options)
        before = sys.gettrace()
        if before is not None and module_of(before) != COVERAGE:
            countdown.counts.gave_way[f"{module_of(before)}, which traces the threads", "operations"] += 1
            return body(*arguments, **options)
        trace = tracer(self._noise.has, countdown, before)
        sys.settrace(trace)
        try:
            return body(*arguments, **options)
        finally:
            # Python takes a trace function away from which an exception comes, as one that ends the thread may.
            now = sys.gettrace()
            if now is trace or isinstance(sys.exception(), EndThread):
                sys.settrace(before)
            elif now is not before or not countdown.is_over:
                countdown.counts.gave_way["a trace function that was set meanwhile", "operations"] += 1


class Noise:
    """The noise of one cell, and what it did (`counts`). `has`: whether the code of a file takes noise.

    `core`: how it yields, and how CPUs do that wait for a round. `interval`: the switch interval.
    """

    def __init__(
        self, under_test: CodeUnderTest, seed: int, bodies: Iterable[object] = (), others: OtherThreads | None = None
    ) -> None:
        """Noise for the code under test, drawn from `seed`; `bodies` are those of the roles."""
        codes = chain.from_iterable(map(codes_of, bodies))
        self.under_test, self.counts = under_test, NoiseCounts(frozenset(map(id, codes)))
        self.has = cache(under_test.has)
        self.core, self.interval = CoreYield(), SwitchInterval()
        self._others = others or OtherThreads(self.has)
        self._random = Random(seed)
        _forget_what_is_disabled()

    @staticmethod
    def is_calm(kind: Kind) -> bool:
        """Whether a slice of a kind leaves operations alone that began before it: a trace function comes too late."""
        return kind is Kind.BARE or (kind in LONG_INTERVAL and not MONITORS)

    def slice(self, kind: Kind) -> SliceNoise:
        """The noise of one slice."""
        yields = YIELDS.get(kind)
        countdown = Countdown(yields, self._random, self.counts, self.core) if yields else None
        return SliceNoise(self, kind, countdown, self._others)

    def close(self) -> None:
        """After the last slice, leave the interpreter as it was, however that slice ended."""
        self.interval.restore()
        _free_tools()


def codes_of(body: Any) -> Iterator[CodeType]:
    """The code objects of a body and of the functions that it wraps."""
    while body is not None:
        code = getattr(body, "__code__", None)
        if isinstance(code, CodeType):
            yield code
        body = getattr(body, "__wrapped__", None) or getattr(body, "func", None)
