"""The CPU that a body gets, and the signals that CPUs read between two operations."""

from collections.abc import Callable, Sequence
from random import Random
from typing import Protocol, TypeVar

import attrs

from stress.errors import UserError
from stress.host import clocks, threads
from stress.kernel.stop_machine import cond_resched, restart_machine, stop_machine
from stress.machine.seam import Cpu
from stress.marks.bodies import calls_bodies

T = TypeVar("T")


class Hearer(Protocol):
    """Who looks at the signals if its `attention` is set: so it looks at one word after each operation."""

    attention: bool


@attrs.define(eq=False)
class Signals:
    """Flags that CPUs read between operations. `ending`: rest. `hurry`: pass the safepoint now. `over`: end the run.

    The end of a slice sets `ending` and `hurry`. A CPU that stops the machine sets `hurry` too, and clears it
    afterwards. Two writers may clear each other's `hurry`; that delays a stop by one burst and does no more harm.

    A CPU that sees that it is later than `deadline_ns` ends the slice. The test's thread would too, but with a GIL it
    may wait long for it: threads that yield to each other on one core are quicker than one on another core.
    """

    ending: bool = False
    hurry: bool = False
    over: threads.Flag = attrs.field(factory=threads.Flag)
    hearers: Sequence[Hearer] = ()
    deadline_ns: int = 0

    def begin(self, seconds: float) -> None:
        """Begin a slice, unless the run is over."""
        self.deadline_ns = clocks.monotonic_ns() + int(seconds * 1e9)
        # `over` is read after the flags are cleared; `stop` sets it before it sets them. So no end of the run is lost.
        self.ending = self.hurry = False
        if self.over.is_set():
            self.end()

    def end(self) -> None:
        """End the slice."""
        self.ending = True
        self.press()

    def press(self) -> None:
        """Let all CPUs pass the safepoint now."""
        self.hurry = True
        for hearer in self.hearers:
            hearer.attention = True

    def stop(self) -> None:
        """End the run, called by any CPU."""
        self.over.set()
        self.end()


class StressCpu:
    """The argument of a body: the CPU that it runs on.

    number: from 0, writers first. role: the function's name. random: this CPU's own generator, fixed by the seed.
    """

    def __init__(self, number: int, role: str, random: Random, signals: Signals) -> None:
        """A CPU that does not run yet."""
        self.number, self.role, self.random, self.signals = number, role, random, signals
        self.machine: Cpu | None = None
        self._stops = False

    @calls_bodies
    def stop_machine(self, function: Callable[[], T]) -> T:
        """Call `function` while every other CPU is held between two of its operations, or in its `cond_resched`."""
        assert self.machine
        if self._stops:
            raise UserError("cpu.stop_machine was called within cpu.stop_machine: all other CPUs are held already")
        self.signals.press()
        stop_machine(self.machine)
        self.signals.hurry = self.signals.ending
        self._stops = True
        try:
            return function()
        finally:
            self._stops = False
            restart_machine(self.machine)

    def cond_resched(self) -> None:
        """A safepoint within a body: a stop may hold this CPU here."""
        assert self.machine
        cond_resched(self.machine)

    def yield_core(self) -> None:
        """Let another thread run."""
        assert self.machine
        self.machine.yield_core()
