"""The player of a CPU: it runs a body in bursts, and counts the outcome and the overlap of each operation."""

import contextvars
import copy
from collections.abc import Callable
from typing import Any, Self

import attrs

from stress.host import clocks
from stress.machine.loop import UNJUDGED, mark_edge
from stress.machine.seam import Cpu, Oops
from stress.machine.words import EDGES, LOG_BYTES, WRITERS
from stress.marks.bodies import EndThread, calls_bodies
from stress.marks.noise.switches import Kind
from stress.marks.operations.cpu import StressCpu
from stress.marks.operations.poison import Use
from stress.marks.operations.roles import Role
from stress.marks.operations.tally import FREED, Judging, Tally

BURST_NS = 1_000_000
"""About how long a burst of operations lasts before the CPU passes a safepoint, unless a stop waits for it."""
REST_LOOK_SECONDS = 0.0001
MOST_IN_BURST = 4096


@attrs.define(eq=False)
class Player:
    """One CPU over all slices of a cell, played by one thread, which alone writes most fields while a slice runs.

    But the test's thread counts `_leave` up to let the CPU run on, and writes `_next` and `_void`, a leave that counts
    no more. `attention` tells the CPU's thread to look at its signals; whoever sets them sets it. The CPU's thread
    copies `_leave` to `_taken` when it begins a burst, and to `_rested` when it rests. `operation` must be called in
    `context`, a copy of the context of the thread that makes the player.
    """

    cpu: StressCpu
    role: Role
    judging: Judging = attrs.field(factory=Judging)
    kind: Kind = Kind.BARE
    context: contextvars.Context = attrs.field(factory=contextvars.copy_context)
    operations: int = 0
    longest_ns: int = 0
    overlapped: int = 0
    tally: Tally = attrs.field(init=False)
    _next: tuple[Kind, Callable[..., Any]] = attrs.field(init=False)
    _leave: int = 0
    _void: int = -1
    _taken: int = -1
    _rested: int = -1
    _use: Use | None = None
    _size: int = 1
    attention: bool = False
    _same: str | None = None
    _since: int = 0

    def __attrs_post_init__(self) -> None:
        self.tally = Tally(self.judging, self.role.name, lambda: self.who)
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
    def has_done(self) -> bool:
        """Whether it has nothing to do before others end their operation, so that it may go without a core."""
        return False

    @property
    def may_go_on(self) -> bool:
        """Whether it rests, and did not end the run itself."""
        return self.rests and not self._ended_run

    @property
    def _ended_run(self) -> bool:
        """Whether it ended the run itself: then it begins no operation more, though another slice has begun."""
        return bool(self.tally.errors or (self.judging.first_only and self.tally.firsts))

    def slice(self, kind: Kind, body: Callable[..., Any]) -> None:
        """Begin another slice, with `body` from the next operation on."""
        self._next = kind, body
        self.go_on()

    def bare(self) -> None:
        """Run the body without noise from the next operation on."""
        self._next = Kind.BARE, self.role.body

    def go_on(self) -> None:
        """Let it run at least one burst more, of one operation if the slice has ended. The test's thread calls this."""
        self._leave += 1

    def begin_no_more(self) -> None:
        """Let it rest when its operation ends, whatever slices have begun meanwhile. The test's thread calls this."""
        self._void = self._leave

    def operation(self, cpu: Cpu) -> int:
        """One operation of the machine's loop: a burst of calls of the body, which are all counted here, or a rest."""
        leave = self._leave
        if self._is_to_rest(leave):
            rests = self._rest(leave)
            clocks.sleep(REST_LOOK_SECONDS)  # and not a yield, which would keep the GIL from the test's thread
            if rests:
                return UNJUDGED
        self._taken = leave
        self.cpu.machine, self._use = cpu, None
        self._overlapping_burst(cpu)
        return UNJUDGED

    def _is_to_rest(self, leave: int) -> bool:
        """Whether the slice has ended, and nobody has let this CPU run on."""
        # The next slice may clear `ending` before it sees that the run is over; who ended the run knows.
        return self._ended_run or (self.cpu.signals.ending and leave in (self._taken, self._void))

    def _rest(self, leave: int) -> bool:
        """Rest, if it may; whether it does."""
        self._rested = leave  # only now: a CPU that rests has counted all that it did
        return True

    def _overlapping_burst(self, cpu: Cpu) -> None:
        """Run a burst, and count which of its operations overlapped a writer's."""
        before, began = self._others(cpu), self.operations
        if self.role.writes:
            mark_edge(cpu)
        self._burst()
        if self.role.writes:
            mark_edge(cpu)
        self._overlap(before, self._others(cpu), self.operations - began)

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
            self.tally.count_raised(error, self.kind, self._use)
        else:
            self._judge(last)
        took = self._ended(began)
        self._size = max(self._size // 2, 1) if took > BURST_NS else min(self._size * 2, MOST_IN_BURST)

    def _ended(self, began: int) -> int:
        """End the slice if its time is over; how long a burst that began then took, in nanoseconds."""
        ended = clocks.monotonic_ns()
        if ended >= self.cpu.signals.deadline_ns:
            self.cpu.signals.end()
        self.longest_ns = max(self.longest_ns, ended - began)
        return ended - began

    @calls_bodies
    def _acceptable(self, body: Callable[..., Any]) -> Any:
        """Run the body for a burst, or until it returns a value that is not acceptable; that value, or None.

        Operations in a row with the same outcome are counted together, which takes half of the time.
        """
        cpu, accepted, first, same = self.cpu, self.tally.accepted, self.operations + 1, None
        try:
            for self.operations in range(first, first + self._size):  # noqa: B020 - the iterable is made before
                value = body(cpu)
                if self._use is not None:
                    return FREED
                if value is not same:
                    self._count_run()
                    same = None
                    if value is not None:
                        if value.__class__ is not str or value not in accepted:
                            return value
                        self._since, self._same = self.operations, value
                        same = value
                if self.attention and self._must_leave():
                    break
            self._count_run(1)  # the last one has ended too
            return None
        finally:
            self._count_run()

    def _must_leave(self) -> bool:
        """Whether a signal ends the burst."""
        # Cleared first: `Signals.press` sets `hurry` and then `attention`, so one of them is seen in any order.
        self.attention = False
        if self.cpu.signals.hurry:
            self.attention = True
        return self.attention

    def _count_run(self, more: int = 0) -> None:
        """Count the operations up to the one under way that had the same outcome, and some more."""
        if self._same is not None:
            self.tally.accepted[self._same] += self.operations - self._since + more
            self._same = None

    def _judge(self, value: object) -> None:
        """Count what the last operation of a burst returned, unless that is counted already."""
        if self._use is not None:
            self.tally.count(FREED, self.kind, use=self._use)
        else:
            self.tally.judge(value, self.kind)

    def left_behind(self) -> Self:
        """A copy that its thread, which is still in an operation, cannot change."""
        one = copy.copy(self)
        one.tally = self.tally.frozen()
        one._count_run()
        return one
