"""Rounds: a fresh object, one operation of every CPU on it, then the judge, if there is one.

All CPUs wait for a round to open, and are let go at once. The CPU that leaves a round last judges it; whichever CPU
comes first after that makes the object of the next one, and opens it. No thread is started or woken for a round.
"""

import threading
from collections.abc import Callable, Iterator, Sequence
from typing import Any

import attrs

from stress.host import threads
from stress.marks.bodies import calls_bodies, shown
from stress.marks.noise.last_switches import LastSwitches, Switch
from stress.marks.operations.overlaps import Overlaps
from stress.marks.operations.roles import name_of
from stress.marks.operations.tally import Judging, Tally

Guarded = Callable[[Callable[[], object]], object]
MOST_SWITCHES = 12


@attrs.define(eq=False)
class Round:
    """One round of all CPUs with `subject`, the fresh object. `aligned`: no CPU starts later on purpose.

    Each CPU writes its own value of `returned`; the CPU that leaves last writes `over`; the others are changed under
    the lock of the rounds. `spoiled`: an operation raised, so that there is nothing to judge.
    """

    number: int
    subject: Any
    aligned: bool
    returned: list[Any]
    ended: int = 0
    overlaps: Overlaps = attrs.field(factory=Overlaps)
    spoiled: bool = False
    over: bool = False


@attrs.define(eq=False)
class Rounds:
    """The rounds of one run on `cpus` CPUs.

    `fresh` makes the object of a round. `final`, if there is one, is called with it and the list of what the CPUs
    returned; it returns an outcome or raises, which `tally` counts. `switches`: the last ones of the open round.
    `begun`: the number of the last round for which `fresh` was called; it may have raised, so that none was opened.
    """

    cpus: int
    fresh: Callable[[], Any]
    final: Callable[[Any, Sequence[Any]], Any] | None
    judging: Judging
    switches: LastSwitches
    tally: Tally = attrs.field(init=False)
    current: Round = attrs.field(init=False)
    begun: int = attrs.field(init=False, default=0)
    _lock: threading.Lock = attrs.field(init=False, factory=threads.new_lock)
    _makes: threading.Lock = attrs.field(init=False, factory=threads.new_lock)
    _made: list[Any] = attrs.field(init=False, factory=list)

    def __attrs_post_init__(self) -> None:
        self.current = Round(0, None, True, [], over=True)
        judge = f"final {name_of(self.final)}" if self.final else f"fresh {name_of(self.fresh)}"
        self.tally = Tally(self.judging, judge, lambda: self.who)

    @property
    def who(self) -> str:
        """The round, and the function that is called between its operations and those of the next one."""
        current = self.current
        if current.over or self.final is None:
            return f"round {current.number + 1:,} (fresh {name_of(self.fresh)})"
        return f"round {current.number:,} (final {name_of(self.final)})"

    def open_next(self, current: Round, is_ending: Callable[[], bool], guarded: Guarded = lambda make: make()) -> bool:
        """Open the round after `current`, unless another CPU does, or the slice ends; whether it is open now.

        `guarded` calls a function and counts what it raises, which ends the run. It does so before the lock is free
        again: no other CPU calls `fresh` after it has raised.
        """
        if not self._makes.acquire(blocking=False):
            return False
        try:
            if self.current is current and not (self._made or is_ending()):
                self.begun = current.number + 1
                guarded(self._make)
            return self._let_go(current, is_ending)
        finally:
            self._makes.release()

    @calls_bodies
    def _make(self) -> None:
        """Make the object of the next round."""
        self._made.append(self.fresh())

    @calls_bodies
    def judge(self, one: Round) -> Any:
        """What `final` says of a round; None if there is no such function."""
        return self.final and self.final(one.subject, one.returned)

    def _let_go(self, current: Round, is_ending: Callable[[], bool]) -> bool:
        """Let all CPUs go, unless the slice ends; the object is kept for the next slice then."""
        # A CPU rests under this lock, and only once the slice ends: so none rests that has work in the open round.
        with self._lock:
            if self.current is current and self._made and not is_ending():
                self.switches.clear()
                number = current.number + 1
                # One store lets all go, and who reads it finds the round complete.
                self.current = Round(number, self._made.pop(), bool(number % 2), [None] * self.cpus)
        return self.current is not current

    def rest(self, done: int, rest: Callable[[], object]) -> bool:
        """Call `rest` if a CPU that has done round `done` has nothing to do in the open one; whether it was called."""
        with self._lock:
            if self.current.number != done:
                return False
            rest()
            return True

    def enter(self, one: Round, writes: bool) -> int:
        """Begin an operation; what `leave` needs to know of it."""
        with self._lock:
            return one.overlaps.enter(writes)

    def leave(self, one: Round, writes: bool, seen: int, spoiled: bool) -> tuple[bool, bool]:
        """End an operation, given what `enter` returned; whether it overlapped a writer's, and is the last."""
        with self._lock:
            one.ended += 1
            one.spoiled |= spoiled
            return one.overlaps.leave(writes, seen), one.ended == self.cpus

    def explain(self, one: Round, describe: Callable[[Switch], str]) -> Iterator[str]:
        """What each CPU returned in a round, and where CPUs stood at the last switches, as lines."""
        for number, value in enumerate(one.returned):
            yield f"CPU {number} returned {shown(value)}"
        yield from self.last_switches(describe)

    def last_switches(self, describe: Callable[[Switch], str]) -> Iterator[str]:
        """Where CPUs stood at the last switches of the open round, as lines."""
        last = self.switches.copy()[-MOST_SWITCHES:]
        yield "the last switches in this round, oldest first:" if last else "noise switched no CPU in this round"
        yield from (f"  {describe(switch)}" for switch in last)
