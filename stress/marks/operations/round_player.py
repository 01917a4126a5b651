"""The player of a CPU in rounds: it waits for each round, does one operation in it, and judges it if it leaves last."""

from collections.abc import Callable
from functools import partial
from random import Random
from typing import Any

import attrs

from stress.host import clocks
from stress.machine.seam import Cpu, Oops
from stress.machine.words import BOUND
from stress.marks.bodies import EndThread, add_note, calls_bodies
from stress.marks.noise.core_yield import CoreYield
from stress.marks.noise.last_switches import Switch
from stress.marks.operations.player import Player
from stress.marks.operations.rounds import Round, Rounds
from stress.marks.operations.tally import FREED

QUICK_LOOKS = 400
"""How often a CPU that waits for a round yields its core before it sleeps between two looks."""
SLEEP_SECONDS = 0.0002
STAGGER_BITS = 3
"""The random bits of the number of yields before an operation, in a round whose starts are staggered."""


@attrs.define(eq=False)
class RoundPlayer(Player):
    """One CPU in all rounds of a cell. `random` draws when it starts; `_done` is the last round that it has done.

    `core`: how it yields while it waits.
    """

    rounds: Rounds = attrs.field(kw_only=True)
    random: Random = attrs.field(kw_only=True)
    describe: Callable[[Switch], str] = attrs.field(kw_only=True)
    core: CoreYield = attrs.field(kw_only=True, factory=CoreYield)
    _done: int = 0
    _is_between: bool = False

    @property
    def who(self) -> str:
        """The CPU and its operation, or the function of the rounds that it calls between two of them."""
        return f"CPU {self.cpu.number} in {self.rounds.who}" if self._is_between else super().who

    @property
    def has_done(self) -> bool:
        """Whether it has done the open round, and calls no function of the rounds."""
        return self._done == self.rounds.current.number and not self._is_between

    def _rest(self, leave: int) -> bool:
        """Rest, unless the open round waits for this CPU."""
        return self.rounds.rest(self._done, partial(super()._rest, leave))

    def _overlapping_burst(self, cpu: Cpu) -> None:
        """Run a burst; the rounds say what overlapped."""
        self._burst()

    def _acceptable(self, body: Callable[..., Any]) -> Any:
        """Do one operation in each of some rounds, up to a value that is not acceptable; that value, or None."""
        accepted, is_judged = self.tally.accepted, self.rounds.final is not None
        for _ in range(self._size):
            one = self._next_round()
            if one is None:
                return None
            value = self._once(body, one)
            if self._use is not None:
                return FREED
            if value is not None and not is_judged:
                if value.__class__ is not str or value not in accepted:
                    return value
                accepted[value] += 1
            if self.cpu.signals.hurry:
                return None
        return None

    def _next_round(self) -> Round | None:
        """Wait for the next round, and open it if nobody else does; None if this CPU must pass a safepoint first."""
        signals, looks = self.cpu.signals, 0
        while (one := self.awaited()) is None and not signals.hurry:
            looks += 1
            if looks < QUICK_LOOKS:
                self.core.give()
            else:
                clocks.sleep(SLEEP_SECONDS)
        return one

    def awaited(self) -> Round | None:
        """The open round that this CPU has not done, opened now if nobody else does that; None if there is none."""
        rounds = self.rounds
        current = rounds.current
        if current.number == self._done and current.over and not self.cpu.signals.hurry:
            rounds.open_next(current, self._is_ending, self._guarded)
            current = rounds.current
        return None if current.number == self._done else current

    def _is_ending(self) -> bool:
        """Whether the slice ends. The next one may clear `ending` for a moment before it sees that the run is over."""
        return self.cpu.signals.ending or self.cpu.signals.over.is_set()

    def stagger(self, one: Round) -> int:
        """For how many yields this CPU starts later in a round."""
        return 0 if one.aligned else self.random.getrandbits(STAGGER_BITS)

    @calls_bodies
    def _once(self, body: Callable[..., Any], one: Round) -> Any:
        """Do the operation of a round."""
        for _ in range(self.stagger(one)):
            self.core.give()
        spoiled, seen = True, self.enter(one)
        try:
            value = one.returned[self.cpu.number] = body(self.cpu, one.subject)
            spoiled = False
            return value
        finally:
            self.leave(one, seen, spoiled)

    def enter(self, one: Round) -> int:
        """Begin the operation of a round; what `leave` needs to know of it."""
        self.operations = one.number
        return self.rounds.enter(one, self.role.writes)

    def leave(self, one: Round, seen: int, spoiled: bool) -> None:
        """End the operation of a round, and the round if this is the last CPU."""
        self._done = one.number
        overlapped, is_last = self.rounds.leave(one, self.role.writes, seen, spoiled)
        self.overlapped += overlapped
        if is_last:
            self._end_round(one)

    def _end_round(self, one: Round) -> None:
        """Judge a round that all CPUs have left, unless the run is over and a CPU that was left behind is late."""
        use = self._use
        if self.rounds.final is not None and not one.spoiled and self._has_power():
            self._use = None
            self.rounds.tally.judge(self._guarded(partial(self.rounds.judge, one)), self.kind)
            self._use = use
        one.over = True

    def _has_power(self) -> bool:
        """Whether the machine still runs."""
        return self.cpu.machine is not None and bool(self.cpu.machine.peek(BOUND))

    def _guarded(self, function: Callable[[], Any]) -> Any:
        """Call the code of a round that is no operation: what it raises or uses is counted of the round."""
        tally, self._is_between = self.rounds.tally, True
        try:
            value = function()
        except (Oops, EndThread):  # power-off, and the end of this thread
            raise
        except BaseException as error:
            one = self.rounds.current
            for line in () if one.over else self.rounds.explain(one, self.describe):
                add_note(error, line)
            tally.count_raised(error, self.kind, self._use)
            return None
        finally:
            self._is_between = False
        if self._use is not None:
            tally.count(FREED, self.kind, use=self._use)
            return None
        return value
