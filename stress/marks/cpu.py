"""A CPU that runs the body of a role again and again: it counts the outcome and the overlap of each operation."""

import contextvars
import copy
import threading
from collections import Counter
from collections.abc import Callable
from random import Random
from typing import Any, TypeVar

import attrs

from stress.host import clocks
from stress.kernel.stop_machine import cond_resched, restart_machine, stop_machine
from stress.machine.loop import UNJUDGED, mark_edge
from stress.machine.seam import Cpu, Oops
from stress.machine.words import EDGES, LOG_BYTES, WRITERS
from stress.marks.bodies import fault_of_value, printable
from stress.marks.noise import Kind
from stress.marks.poison import Use, UsedAfterFreeError

T = TypeVar("T")
FREED = "freed"
MOST_FIRSTS = 8
BURST_NS = 1_000_000
"""About how long a burst of operations lasts before the CPU passes a safepoint, unless a stop waits for it."""
MOST_IN_BURST = 1024


@attrs.define(eq=False)
class Signals:
    """Flags that CPUs read between operations. `ending`: rest. `hurry`: pass the safepoint now. `over`: end the run.

    The end of a slice sets `ending` and `hurry`. A CPU that stops the machine sets `hurry` too, and clears it
    afterwards. Two writers may clear each other's `hurry`; that delays a stop by one burst and does no more harm.
    """

    ending: bool = False
    hurry: bool = False
    over: threading.Event = attrs.field(factory=threading.Event)

    def begin(self) -> None:
        """Begin a slice, unless the run is over."""
        # `over` is read after the flags are cleared; `stop` sets it before it sets them. So no end of the run is lost.
        self.ending = self.hurry = False
        if self.over.is_set():
            self.end()

    def end(self) -> None:
        """End the slice."""
        self.ending = self.hurry = True

    def stop(self) -> None:
        """End the run, called by any CPU."""
        self.over.set()
        self.end()


class EndThread(SystemExit):
    """Raised within an operation that the run no longer waits for; its outcome is not counted."""


class StressCpu:
    """The argument of a body: the CPU that it runs on.

    number: from 0, writers first. role: the function's name. random: this CPU's own generator, fixed by the seed.
    """

    def __init__(self, number: int, role: str, random: Random) -> None:
        """A CPU that does not run yet."""
        self.number, self.role, self.random = number, role, random
        self.machine: Cpu | None = None
        self.signals = Signals()

    def stop_machine(self, function: Callable[[], T]) -> T:
        """Call `function` while every other CPU is held between two of its operations, or in its `cond_resched`."""
        assert self.machine
        self.signals.hurry = True
        stop_machine(self.machine)
        self.signals.hurry = self.signals.ending
        try:
            return function()
        finally:
            restart_machine(self.machine)

    def cond_resched(self) -> None:
        """A safepoint within a body: a stop may hold this CPU here."""
        assert self.machine
        cond_resched(self.machine)

    def yield_core(self) -> None:
        """Let another thread run."""
        assert self.machine
        self.machine.yield_core()


@attrs.frozen
class Role:
    """A body and the number of CPUs that run it; None for all that are left. `writes`: overlaps with it are counted."""

    body: Callable[[StressCpu], Any]
    writes: bool
    count: int | None

    @property
    def name(self) -> str:
        """Its name in reports."""
        return f"{'writer' if self.writes else 'reader'} {getattr(self.body, '__name__', repr(self.body))}"


@attrs.frozen
class FirstViolation:
    """The first violation of its outcome on its CPU: who, the kind of slice, the seconds since the start."""

    outcome: str
    who: str
    kind: Kind
    seconds: float
    use: Use | None


@attrs.define(eq=False)
class Player:
    """One CPU over all slices of a cell, played by one thread, which alone writes most fields while a slice runs.

    But the test's thread writes `_next`, and counts `_leave` up to let the CPU run on. The CPU's thread copies `_leave`
    to `_taken` when it begins a burst, and to `_rested` when it rests. `operation` must be called in `context`, a copy
    of the context of the thread that makes the player.
    """

    cpu: StressCpu
    role: Role
    acceptable: frozenset[str]
    began_ns: int
    stop: Callable[[], None]
    first_only: bool
    kind: Kind = Kind.BARE
    context: contextvars.Context = attrs.field(factory=contextvars.copy_context)
    operations: int = 0
    longest_ns: int = 0
    overlapped: int = 0
    outcomes: Counter[str] = attrs.field(factory=Counter)
    firsts: dict[str, FirstViolation] = attrs.field(factory=dict)
    errors: list[BaseException] = attrs.field(factory=list)
    _next: tuple[Kind, Callable[[StressCpu], Any]] = attrs.field(init=False)
    _leave: int = 0
    _taken: int = -1
    _rested: int = -1
    _use: Use | None = None
    _size: int = 1

    def __attrs_post_init__(self) -> None:
        self._next = Kind.BARE, self.role.body

    @property
    def who(self) -> str:
        """The CPU, its role and the operation under way, or the last one."""
        return f"CPU {self.cpu.number} ({self.role.name}, operation {self.operations:,})"

    def used(self, use: Use) -> None:
        """Note that the operation under way uses something freed; the first use counts."""
        self._use = self._use or use

    @property
    def rests(self) -> bool:
        """Whether it rests, and has counted all that it did."""
        return self._rested == self._leave

    @property
    def may_go_on(self) -> bool:
        """Whether it rests, and did not end the run itself."""
        return self.rests and not self.errors and not (self.first_only and self.firsts)

    def slice(self, kind: Kind, body: Callable[[StressCpu], Any], signals: Signals) -> None:
        """Begin another slice, with `body` from the next operation on; an operation under way keeps its noise."""
        self._next, self.cpu.signals = (kind, body), signals
        self.go_on()

    def bare(self) -> None:
        """Run the body without noise from the next operation on."""
        self._next = Kind.BARE, self.role.body

    def go_on(self) -> None:
        """Let it run at least one burst more, of one operation if the slice has ended. The test's thread calls this."""
        self._leave += 1

    def operation(self, cpu: Cpu) -> int:
        """One operation of the machine's loop: a burst of calls of the body, which are all counted here, or a rest."""
        leave = self._leave
        if self.cpu.signals.ending and leave == self._taken:
            self._rested = leave  # only now: a CPU that rests has counted all that it did
            cpu.yield_core()
            return UNJUDGED
        self._taken = leave
        self.cpu.machine, self._use = cpu, None
        before, began = self._others(cpu), self.operations
        if self.role.writes:
            mark_edge(cpu)
        self._burst()
        if self.role.writes:
            mark_edge(cpu)
        self._overlap(before, self._others(cpu), self.operations - began)
        return UNJUDGED

    def _overlap(self, before: list[int], after: list[int], operations: int) -> None:
        """Count the operations of a burst that surely overlapped a writer's: all, if one lasted all the time."""
        if any(early == late and early % 2 for early, late in zip(before, after, strict=True)):
            self.overlapped += operations
        elif before != after:
            self.overlapped += 1

    def _others(self, cpu: Cpu) -> list[int]:
        """The number of edges that each other writer has passed; odd while it is in an operation."""
        logs, writers = cpu.log - cpu.number * LOG_BYTES, range(cpu.peek(WRITERS))
        return [cpu.peek(logs + one * LOG_BYTES + EDGES) for one in writers if one != cpu.number]

    def _burst(self) -> None:
        """Run operations with as little code around them as possible, up to the first that is not acceptable."""
        began = clocks.monotonic_ns()
        self.kind, body = self._next
        try:
            last = self._acceptable(body)
        except Oops:  # power-off, within a stop
            raise
        except EndThread:
            return
        except BaseException as error:
            self._raised(error)
        else:
            self._ended(last)
        took = clocks.monotonic_ns() - began
        self.longest_ns = max(self.longest_ns, took)
        self._size = max(self._size // 2, 1) if took > BURST_NS else min(self._size * 2, MOST_IN_BURST)

    def _acceptable(self, body: Callable[[StressCpu], Any]) -> Any:
        """Run the body for a burst, or until it returns a value that is not acceptable; that value, or None."""
        cpu, signals, acceptable, outcomes = self.cpu, self.cpu.signals, self.acceptable, self.outcomes
        for _ in range(self._size):
            self.operations += 1
            value = body(cpu)
            if self._use is not None:
                return FREED
            if value is not None:
                if value.__class__ is not str or value not in acceptable:
                    return value
                outcomes[value] += 1
            if signals.hurry:
                return None
        return None

    def _ended(self, value: Any) -> None:
        """Count the value of the last operation as an outcome, or keep a TypeError if it is not text."""
        if isinstance(value, str):
            self._count(value)
        elif value is not None:
            self._keep(TypeError(f"{self.role.name} {fault_of_value(value)}"))

    def _raised(self, error: BaseException) -> None:
        """Count an exception as `freed` if a use of something freed caused it, else keep it."""
        if self._explains(error):
            self._count(FREED)
        else:
            self._keep(error)

    def _explains(self, error: BaseException | None) -> bool:
        """Whether a use of something freed caused an exception."""
        seen: set[int] = set()  # exceptions may be each other's context
        while error is not None and id(error) not in seen and not isinstance(error, UsedAfterFreeError):
            seen.add(id(error))
            error = error.__context__ if error.__cause__ is None else error.__cause__
        return isinstance(error, UsedAfterFreeError) and self._use is not None

    def left_behind(self) -> "Player":
        """A copy that its thread, which is still in an operation, cannot change."""
        one = copy.copy(self)
        one.outcomes, one.firsts, one.errors = Counter(self.outcomes), dict(self.firsts), list(self.errors)
        return one

    def _keep(self, error: BaseException) -> None:
        """Keep an exception for the report, and end the run."""
        seconds = (clocks.monotonic_ns() - self.began_ns) / 1e9
        error = printable(error)
        BaseException.add_note(error, f"on {self.who}, {seconds:.3f} s after the start, {self.kind.name.lower()} slice")
        self.errors.append(error)
        self.stop()

    def _count(self, outcome: str) -> None:
        """Count an outcome, and keep the first of each that is not acceptable."""
        self.outcomes[outcome] += 1
        if outcome in self.acceptable:
            return
        if outcome not in self.firsts and len(self.firsts) < MOST_FIRSTS:
            seconds = (clocks.monotonic_ns() - self.began_ns) / 1e9
            self.firsts[outcome] = FirstViolation(outcome, self.who, self.kind, seconds, self._use)
        if self.first_only:
            self.stop()
