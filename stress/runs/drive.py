"""Drives: what lets a machine run on once it has booted, and says when its slice is over.

A drive knows neither what the machine started from (`stress.runs.image`) nor how it is judged (`stress.runs.harvest`).
"""

import time
from collections.abc import Callable
from typing import Protocol

import attrs

from stress.host.cores import make_progress
from stress.machine.loop import resting
from stress.machine.machine import Machine
from stress.machine.ram import Ram
from stress.machine.seam import Cpu
from stress.machine.waits import Stall
from stress.machine.watchdog import Watchdog
from stress.machine.words import LAST_OPERATION, OPERATIONS

POLL_SECONDS = 0.02

Watch = Callable[[Machine, Watchdog], None]
Safepoint = Callable[[Cpu], None]
Over = Callable[[Ram, float], bool]
"""Asked often, with the machine's RAM and how many seconds it has run: whether its slice ends early."""


class Drive(Protocol):
    """How the CPUs of one machine run.

    It waits on the main thread, which runs no CPU, so that signals are taken at once.
    """

    def safepoint(self, safepoint: Safepoint) -> Safepoint:
        """The safepoint that programs are compiled with, made of the protocol's `safepoint`; the same one each time."""

    def prepare(self, ram: Ram) -> None:
        """Write what the CPUs must know before they start."""

    def wait(self, machine: Machine, watchdog: Watchdog, watch: Watch) -> Stall | None:
        """Return when the slice is over, a CPU has died, or the machine has stalled: then how.

        `watch` is called after each look at the CPUs. The caller powers the machine off.
        """


def look(machine: Machine, watchdog: Watchdog, watch: Watch, seconds: float = POLL_SECONDS) -> Stall | None:
    """Sleep for `seconds`, then look at the CPUs once; the stall, if there is one."""
    time.sleep(seconds)
    make_progress()
    stall = watchdog.sample()
    watch(machine, watchdog)
    return stall


def seconds_run(machine: Machine) -> float:
    """How long the machine has run."""
    return time.monotonic() - machine.started_ns / 1e9


@attrs.frozen
class ForSeconds:
    """Let all CPUs run for `seconds` of the wall clock, unless `over` says so before."""

    seconds: float
    over: Over

    def safepoint(self, safepoint: Safepoint) -> Safepoint:
        """The protocol's own."""
        return safepoint

    def prepare(self, ram: Ram) -> None:
        """Nothing: CPUs run until power-off."""

    def wait(self, machine: Machine, watchdog: Watchdog, watch: Watch) -> Stall | None:
        """Wait for the time to pass.

        A slice in which a CPU has spun half the time goes on until it moves or has stalled: no slice is too short to
        find a stall.
        """
        stall = None
        while not machine.errors and not stall:
            passed = seconds_run(machine)
            left = self.seconds - passed
            if left <= 0 and not watchdog.suspects(self.seconds / 2):
                return None
            if self.over(machine.ram, passed):
                return None
            stall = look(machine, watchdog, watch, min(max(left, 0.0), POLL_SECONDS) or POLL_SECONDS)
        return stall


@attrs.frozen
class ForOperations:
    """Let each CPU run exactly `operations` operations (ValueError below 1), unless `over` says so before.

    A CPU that has run its own passes safepoints until all have. So the counts of two such slices compare, whatever the
    host is busy with.
    """

    operations: int = attrs.field(validator=attrs.validators.ge(1))
    over: Over

    def safepoint(self, safepoint: Safepoint) -> Safepoint:
        """One at which CPUs rest that have run all their operations."""
        return resting(safepoint)

    def prepare(self, ram: Ram) -> None:
        """Set the limit."""
        ram.poke(LAST_OPERATION, self.operations)

    def wait(self, machine: Machine, watchdog: Watchdog, watch: Watch) -> Stall | None:
        """Wait for the slowest CPU."""
        stall = None
        while not machine.errors and not stall:
            if all(done >= self.operations for [done] in machine.ram.log_words(OPERATIONS)):
                return None
            if self.over(machine.ram, seconds_run(machine)):
                return None
            stall = look(machine, watchdog, watch)
        return stall
