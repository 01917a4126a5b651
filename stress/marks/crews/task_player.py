"""CPUs that are tasks of one event loop: what a body gets, and the players, one for loops and one for rounds."""

import asyncio
from collections.abc import Callable
from typing import Any

import attrs

from stress.errors import UserError
from stress.host import clocks
from stress.marks.bodies import EndThread, calls_bodies
from stress.marks.noise.turns import Turns
from stress.marks.operations.cpu import StressCpu, T
from stress.marks.operations.overlaps import Overlaps
from stress.marks.operations.player import REST_LOOK_SECONDS, Player
from stress.marks.operations.round_player import QUICK_LOOKS, SLEEP_SECONDS, RoundPlayer
from stress.marks.operations.rounds import Round

NOT_FOR_TASKS = "is for threads: no other task runs until this one awaits something, as `await asyncio.sleep(0)` does"


class TaskCpu(StressCpu):
    """The argument of a body that is a task of one event loop: it has no thread that could be held."""

    def stop_machine(self, function: Callable[[], T]) -> T:
        """Not for tasks: between two awaits no other task runs."""
        raise UserError(f"cpu.stop_machine {NOT_FOR_TASKS}")

    def cond_resched(self) -> None:
        """Not for tasks."""
        raise UserError(f"cpu.cond_resched {NOT_FOR_TASKS}")

    def yield_core(self) -> None:
        """Not for tasks."""
        raise UserError(f"cpu.yield_core {NOT_FOR_TASKS}")


@attrs.define(eq=False, slots=False)
class TaskPlayer(Player):
    """One CPU over all slices of a cell, played by one task. All tasks of a run share `overlaps`.

    `is_inside`: it is in an operation. `is_cancelled`: the run is over, so that a cancellation is no outcome.
    """

    overlaps: Overlaps = attrs.field(factory=Overlaps)
    turns: Turns = attrs.field(factory=Turns)
    is_inside: bool = False
    is_cancelled: bool = False

    async def play(self) -> None:
        """Run operations, or rest, until the task is cancelled."""
        while True:
            leave = self._leave
            if self._is_to_rest(leave) and self._rest(leave):
                await asyncio.sleep(REST_LOOK_SECONDS)
            else:
                self._taken = leave
                await self._turn()

    async def _turn(self) -> None:
        """One operation, then a step of all others, unless the task runs ahead of them."""
        self.kind, body = self._next
        self.operations += 1
        seen = self.overlaps.enter(self.role.writes)
        try:
            await self._attempt(body, self.cpu)
        finally:
            self.overlapped += self.overlaps.leave(self.role.writes, seen)
        if not self.turns.goes_on(self.kind):
            await asyncio.sleep(0)

    @calls_bodies
    async def _attempt(self, body: Callable[..., Any], *given: Any) -> tuple[Any, bool]:
        """Call a body and count what comes of it; what it returned, and whether it did not raise."""
        self.is_inside, self._use, began = True, None, clocks.monotonic_ns()
        try:
            value = await body(*given)
        except BaseException as error:
            if self.is_cancelled or isinstance(error, EndThread):
                raise
            self.tally.count_raised(error, self.kind, self._use)
            return None, False
        else:
            self._judge(value if self.is_judged else None)
            return value, True
        finally:
            self.is_inside = False
            self._ended(began)

    @property
    def is_judged(self) -> bool:
        """Whether what the body returns is an outcome."""
        return True


@attrs.define(eq=False, slots=False)
class TaskRoundPlayer(TaskPlayer, RoundPlayer):
    """One CPU in all rounds of a cell, played by one task."""

    @property
    def is_judged(self) -> bool:
        """Whether what the body returns is an outcome; else the rounds are judged."""
        return self.rounds.final is None

    async def _turn(self) -> None:
        """One operation in the next round, if it opens before the slice ends."""
        one = await self._opened()
        if one is None:
            return
        self.kind, body = self._next
        for _ in range(self.stagger(one)):
            await asyncio.sleep(0)
        seen, is_whole = self.enter(one), False
        try:
            one.returned[self.cpu.number], is_whole = await self._attempt(body, self.cpu, one.subject)
        finally:
            self.leave(one, seen, spoiled=not is_whole)

    async def _opened(self) -> Round | None:
        """Wait for the next round, and open it if nobody else does; None if this CPU must rest first."""
        looks = 0
        while (one := self.awaited()) is None and not self.cpu.signals.hurry:
            looks += 1
            await asyncio.sleep(0 if looks < QUICK_LOOKS else SLEEP_SECONDS)
        return one
