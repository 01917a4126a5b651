"""A soak on many machines: each worker plays turns, with seeds of its own, and all counts become one verdict.

Its time is that of the clock on the wall, so that many workers count many times as much in it.
"""

import time
from collections import Counter
from itertools import count
from random import Random

import attrs

from stress.campaign.folder import now
from stress.campaign.journal import JournalError
from stress.campaign.records import Session
from stress.campaign.soak.base import Soak
from stress.campaign.soak.records import Finding, Plan
from stress.campaign.soak.remote import TurnResult, TurnTask, result_from
from stress.campaign.workers.envelope import LostError, pack
from stress.campaign.workers.pool import NoWorkersError, Pool, Returned, work_through
from stress.safe_text import on_one_line

SHORTEST_TURN_SECONDS = 0.2
MOST_LOSSES = 10
"""Turns that may be lost one after the other, with no turn that came back between them."""


@attrs.define(eq=False)
class DistributedSoak(Soak):
    """A soak whose turns are played by workers."""

    pool: Pool = attrs.field(kw_only=True)
    _before: float = attrs.field(init=False)
    _began: float = attrs.field(init=False, factory=time.monotonic)
    _numbers: "count[int]" = attrs.field(init=False, factory=count)
    _given: Counter[str] = attrs.field(init=False, factory=Counter)
    _under_way: dict[int, str] = attrs.field(init=False, factory=dict)
    _sessions: dict[str | None, int] = attrs.field(init=False, factory=dict)
    _losses: int = attrs.field(init=False, default=0)

    def __attrs_post_init__(self) -> None:
        self._before = max(standing.elapsed_s for standing in self.standings.values())

    @property
    def elapsed_s(self) -> float:
        """Seconds by the clock on the wall, over all sessions."""
        return self._before + time.monotonic() - self._began

    def _work(self) -> None:
        """Have workers play turns until the time is up, then wait for those under way."""
        self.watcher.note(f"run directory: {on_one_line(str(self._open().folder))}")
        try:
            self.deserted = work_through(self.pool, self)
        except JournalError as error:
            self._stop(error)

    def goes_on(self) -> bool:
        """Whether there is time left, or turns are under way that are waited for."""
        return self._goes_on() or (len(self._under_way) > 0 and not self.interrupted())

    def give(self) -> None:
        """Give a turn to everybody who has none: of the scenario that has had the fewest."""
        while self.pool.has_room and self._goes_on():
            left = self.plan.duration_s - self.elapsed_s
            if left < SHORTEST_TURN_SECONDS:
                return
            waiting = [name for name, standing in self.standings.items() if not standing.done]
            scenario, number = min(waiting, key=self._given.__getitem__), next(self._numbers)
            self._given[scenario] += 1
            self._under_way[number] = scenario
            task = TurnTask(self._plan_of(scenario, number), min(self.plan.interval_s, left))
            self.pool.begin(number, pack(task))

    def _plan_of(self, scenario: str, number: int) -> Plan:
        """The plan of one turn: of one scenario, with a seed that no other turn of any session has."""
        parts = tuple(part for part in self.plan.scenarios if part.name == scenario)
        session = len(self._open().manifest.sessions) - len(self._sessions)
        seed = Random(f"{self.plan.seed}/{session}/{number}").randrange(2**31)
        return attrs.evolve(self.plan, scenarios=parts, seed=seed)

    def take(self, returned: Returned) -> None:
        """A turn has come back, or was lost with its worker; then nothing of it is counted."""
        scenario = self._under_way.pop(returned.tag)
        try:
            played = result_from(returned, scenario)
        except LostError as error:
            why = f"{returned.worker} did not return it: {error}"
            self._lose(scenario, why, self._sessions.get(returned.worker, 0))
            self._losses += 1
            if self._losses >= MOST_LOSSES:
                raise NoWorkersError(f"{MOST_LOSSES} turns in a row did not come back, the last one: {error}") from None
            return
        self._losses = 0
        self._record(scenario, played, returned.worker)

    def _record(self, scenario: str, played: TurnResult, worker: str | None) -> None:
        """Write down what a turn has learnt, and how it failed if it did."""
        turn, new = played.turn, list[Finding]()
        if turn:
            new = self._learn(self.standings[scenario].joined(turn.standing, self.elapsed_s), turn.reports)
        session = self._session_of(worker, played)
        if turn:
            steal = played.conditions.steal_percent
            self._append(self.standings[scenario], new, session, played.memory_bytes, steal)
        if played.failure:
            self._fail_scenario(scenario, played.failure, session)

    def _session_of(self, worker: str | None, played: TurnResult) -> int:
        """The session of a worker, which begins with the first turn that it brings back."""
        if worker not in self._sessions:
            self._sessions[worker] = self._open().join(Session(now(), played.conditions, worker))
        return self._sessions[worker]
