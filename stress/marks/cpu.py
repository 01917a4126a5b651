"""A CPU that runs the body of a role, again and again: what each operation came to, and what it overlapped."""

import time
from collections import Counter
from collections.abc import Callable
from random import Random
from typing import Any, TypeVar

import attrs

from stress.kernel.stop_machine import cond_resched, restart_machine, stop_machine
from stress.machine.loop import UNJUDGED, mark_edge
from stress.machine.seam import Cpu, Oops
from stress.machine.words import EDGES, LOG_BYTES, WRITERS
from stress.marks.noise import Kind
from stress.marks.poison import Use, UsedAfterFreeError

T = TypeVar("T")
FREED = "freed"
MOST_FIRSTS = 8


class StressCpu:
    """What the body of a role is given: the CPU that it runs on.

    number: from 0, writers first. role: the function's name. random: draws that the seed fixes, this CPU's own.
    """

    def __init__(self, number: int, role: str, random: Random) -> None:
        """Before it runs."""
        self.number, self.role, self.random = number, role, random
        self.machine: Cpu | None = None

    def stop_machine(self, function: Callable[[], T]) -> T:
        """Call `function` while every other CPU is held between two of its operations, or in its `cond_resched`."""
        assert self.machine
        stop_machine(self.machine)
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
    """One CPU over all slices of a cell. Its own thread is the only one that writes here while a slice runs."""

    cpu: StressCpu
    role: Role
    acceptable: frozenset[str]
    began_ns: int
    stop: Callable[[], None]
    is_ending: Callable[[], bool]
    first_only: bool
    kind: Kind = Kind.BARE
    call: Callable[[Callable[[StressCpu], Any], StressCpu], Any] = lambda body, cpu: body(cpu)
    rests: bool = False
    operations: int = 0
    overlapped: int = 0
    outcomes: Counter[str] = attrs.field(factory=Counter)
    firsts: dict[str, Seen] = attrs.field(factory=dict)
    errors: list[BaseException] = attrs.field(factory=list)
    _use: Use | None = None

    @property
    def who(self) -> str:
        """The CPU, its role and the operation under way, or the last one."""
        return f"CPU {self.cpu.number} ({self.role.name}, operation {self.operations:,})"

    def used(self, use: Use) -> None:
        """Something freed is used by the operation under way."""
        self._use = self._use or use

    def operation(self, cpu: Cpu) -> int:
        """One operation, for the machine's loop; all that it comes to is counted here."""
        if self.is_ending():
            self.rests = True
            cpu.yield_core()
            return UNJUDGED
        self.cpu.machine, self._use = cpu, None
        self.operations += 1
        before = self._others(cpu)
        if self.role.writes:
            mark_edge(cpu)
        outcome = self._outcome()
        if self.role.writes:
            mark_edge(cpu)
        self.overlapped += self._others(cpu) != before or any(edges % 2 for edges in before)
        if outcome is not None:
            self._count(outcome)
        return UNJUDGED

    def _others(self, cpu: Cpu) -> list[int]:
        """How many edges each other writer has passed; odd within an operation of it."""
        logs, writers = cpu.log - cpu.number * LOG_BYTES, range(cpu.peek(WRITERS))
        return [cpu.peek(logs + one * LOG_BYTES + EDGES) for one in writers if one != cpu.number]

    def _outcome(self) -> str | None:
        """Run the body once: its outcome; None if it has none or raised something, which is kept."""
        try:
            value = self.call(self.role.body, self.cpu)
        except Oops:  # power-off, within a stop
            raise
        except BaseException as error:
            if not self._explains(error):
                self._keep(error)
                return None
            return FREED
        if self._use:
            return FREED
        if value is not None and not isinstance(value, str):
            told = f"{self.role.name} returned {value!r}; return an outcome as text, or None for none"
            self._keep(TypeError(told))
            return None
        return value

    def _explains(self, error: BaseException | None) -> bool:
        """Whether an exception comes from a use of something freed, which is counted as that."""
        while error is not None and not isinstance(error, UsedAfterFreeError):
            error = error.__cause__ or error.__context__
        return error is not None and self._use is not None

    def _keep(self, error: BaseException) -> None:
        """Keep what a body raised, and end the run: whatever it is, it is told."""
        seconds = (time.monotonic_ns() - self.began_ns) / 1e9
        error.add_note(f"on {self.who}, {seconds:.3f} s after the start, {self.kind.name.lower()} slice")
        self.errors.append(error)
        self.stop()

    def _count(self, outcome: str) -> None:
        """Count an outcome, and note the first of each forbidden one."""
        self.outcomes[outcome] += 1
        if outcome in self.acceptable:
            return
        if outcome not in self.firsts and len(self.firsts) < MOST_FIRSTS:
            seconds = (time.monotonic_ns() - self.began_ns) / 1e9
            self.firsts[outcome] = Seen(outcome, self.who, self.kind, seconds, self._use)
        if self.first_only:
            self.stop()
