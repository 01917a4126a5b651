"""A CPU that runs the body of a role, again and again: what each operation came to, and what it overlapped."""

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
from stress.marks.bodies import printable, told_of
from stress.marks.noise import Kind
from stress.marks.poison import Use, UsedAfterFreeError

T = TypeVar("T")
FREED = "freed"
MOST_FIRSTS = 8
BURST_NS = 1_000_000
"""About how long operations follow each other before a CPU passes a safepoint, unless somebody waits for it there."""
MOST_IN_BURST = 1024


@attrs.define(eq=False)
class Signals:
    """What CPUs look at between operations. `ending`: rest. `hurry`: go to the safepoint at once. `over`: the last end.

    `ending` is set by whoever ends the slice. `hurry` is set besides by a CPU that stops the machine, and cleared by it
    afterwards: writers may undo each other's, which makes a stop late by a burst and nothing worse.
    """

    ending: bool = False
    hurry: bool = False
    over: threading.Event = attrs.field(factory=threading.Event)

    def begin(self) -> None:
        """Begin a slice, unless the run is over: whoever says so meanwhile has the last word."""
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


class LetGo(SystemExit):
    """Raised within an operation that the run does not wait for any more: nobody counts what comes of it."""


class StressCpu:
    """What the body of a role is given: the CPU that it runs on.

    number: from 0, writers first. role: the function's name. random: draws that the seed fixes, this CPU's own.
    """

    def __init__(self, number: int, role: str, random: Random) -> None:
        """Before it runs."""
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
    """A body and who runs it: `count` CPUs, None for all that are left. Readers overlap what writers do."""

    body: Callable[[StressCpu], Any]
    writes: bool
    count: int | None

    @property
    def name(self) -> str:
        """What it is called in reports."""
        return f"{'writer' if self.writes else 'reader'} {getattr(self.body, '__name__', repr(self.body))}"


@attrs.frozen
class Seen:
    """A forbidden outcome, the first of its kind on its CPU: who, in which slice, how many seconds after the start."""

    outcome: str
    who: str
    kind: Kind
    seconds: float
    use: Use | None


@attrs.define(eq=False)
class Player:
    """One CPU over all slices of a cell. Its own thread is the only one that writes here while a slice runs.

    `context` is a copy of the context of the thread that makes it, for whoever calls `operation`.
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
    firsts: dict[str, Seen] = attrs.field(factory=dict)
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
        """Something freed is used by the operation under way."""
        self._use = self._use or use

    @property
    def rests(self) -> bool:
        """Whether it has come to rest since it was last let go on."""
        return self._rested == self._leave

    @property
    def may_go_on(self) -> bool:
        """Whether it rests, and is not the one whose operation ended the run."""
        return self.rests and not self.errors and not (self.first_only and self.firsts)

    def slice(self, kind: Kind, body: Callable[[StressCpu], Any], signals: Signals) -> None:
        """Another slice begins, with noise around the body; an operation under way keeps what it has."""
        self._next, self.cpu.signals = (kind, body), signals
        self.go_on()

    def bare(self) -> None:
        """From its next operation on there is no noise around the body."""
        self._next = Kind.BARE, self.role.body

    def go_on(self) -> None:
        """Let it go on for one burst at least, of one operation if the slice has ended. Called by the test's thread."""
        self._leave += 1

    def operation(self, cpu: Cpu) -> int:
        """For the machine's loop, some operations in a row, at least one; all that they come to is counted here."""
        leave = self._leave
        if self.cpu.signals.ending and leave == self._taken:
            self._rested = leave  # only now: who rests has counted all that it did
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
        """Count how many operations in a row overlapped a writer's for certain: all, if one did not move within its."""
        if any(early == late and early % 2 for early, late in zip(before, after, strict=True)):
            self.overlapped += operations
        elif before != after:
            self.overlapped += 1

    def _others(self, cpu: Cpu) -> list[int]:
        """How many edges each other writer has passed; odd within an operation of it."""
        logs, writers = cpu.log - cpu.number * LOG_BYTES, range(cpu.peek(WRITERS))
        return [cpu.peek(logs + one * LOG_BYTES + EDGES) for one in writers if one != cpu.number]

    def _burst(self) -> None:
        """Operations with as little around them as can be, up to the first that is not acceptable."""
        began = clocks.monotonic_ns()
        self.kind, body = self._next
        try:
            last = self._acceptable(body)
        except Oops:  # power-off, within a stop
            raise
        except LetGo:
            return
        except BaseException as error:
            self._raised(error)
        else:
            self._ended(last)
        took = clocks.monotonic_ns() - began
        self.longest_ns = max(self.longest_ns, took)
        self._size = max(self._size // 2, 1) if took > BURST_NS else min(self._size * 2, MOST_IN_BURST)

    def _acceptable(self, body: Callable[[StressCpu], Any]) -> Any:
        """Run the body until it returns something that is not acceptable, which is returned; None if it never does."""
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
        """Count what the last operation returned, if that is not acceptable."""
        if isinstance(value, str):
            self._count(value)
        elif value is not None:
            self._keep(TypeError(f"{self.role.name} {told_of(value)}"))

    def _raised(self, error: BaseException) -> None:
        """Count, or keep, what the last operation raised."""
        if self._explains(error):
            self._count(FREED)
        else:
            self._keep(error)

    def _explains(self, error: BaseException | None) -> bool:
        """Whether an exception comes from a use of something freed, which is counted as that."""
        seen: set[int] = set()  # exceptions may be each other's context
        while error is not None and id(error) not in seen and not isinstance(error, UsedAfterFreeError):
            seen.add(id(error))
            error = error.__context__ if error.__cause__ is None else error.__cause__
        return isinstance(error, UsedAfterFreeError) and self._use is not None

    def left_behind(self) -> "Player":
        """A copy that its thread, which is in an operation still, does not change any more."""
        one = copy.copy(self)
        one.outcomes, one.firsts, one.errors = Counter(self.outcomes), dict(self.firsts), list(self.errors)
        return one

    def _keep(self, error: BaseException) -> None:
        """Keep what a body raised, and end the run: whatever it is, it is told."""
        seconds = (clocks.monotonic_ns() - self.began_ns) / 1e9
        error = printable(error)
        BaseException.add_note(error, f"on {self.who}, {seconds:.3f} s after the start, {self.kind.name.lower()} slice")
        self.errors.append(error)
        self.stop()

    def _count(self, outcome: str) -> None:
        """Count an outcome, and note the first of each forbidden one."""
        self.outcomes[outcome] += 1
        if outcome in self.acceptable:
            return
        if outcome not in self.firsts and len(self.firsts) < MOST_FIRSTS:
            seconds = (clocks.monotonic_ns() - self.began_ns) / 1e9
            self.firsts[outcome] = Seen(outcome, self.who, self.kind, seconds, self._use)
        if self.first_only:
            self.stop()
