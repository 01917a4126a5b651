"""A soak on this host: one process has the machine all the time, and takes turns among the scenarios by itself.

The loop here only listens, writes the journal and informs the watchers; it takes signals at once and outlives whatever
becomes of the machine. A machine that cannot be ended, or has no memory, costs one turn; the next process goes on.
"""

import time
from collections import Counter
from collections.abc import Sequence

import attrs

from stress.campaign.child import POLL_SECONDS, Child, failure, start
from stress.campaign.folder import encode
from stress.campaign.journal import JournalError
from stress.campaign.pipes import Failed, Lost, read_message
from stress.campaign.soak.base import Soak, memory_of
from stress.campaign.soak.messages import KINDS, Began, Glance, Job, Message, Ready, Turn
from stress.campaign.soak.records import HARNESS_FAILED, Standing
from stress.campaign.workers.pool import NoWorkersError
from stress.errors import HarnessError, HostError, UserError
from stress.machine.engines import compile_notes
from stress.runs.conditions import StealMeter
from stress.safe_text import on_one_line

CHILD = "stress.campaign.soak.child"
MOST_LOSSES = 10
"""How many turns of a scenario may be lost one after the other, with no complete turn between them."""
REST_SECONDS = 1.0
"""Before the process starts that follows a want of memory; it grows with each that follows at once."""


@attrs.define(eq=False)
class LocalSoak(Soak):
    """A soak whose turns are played in a process of this host."""

    _steal: StealMeter = attrs.field(init=False, factory=StealMeter)
    _running: str | None = attrs.field(init=False, default=None)
    _lost: Lost | None = attrs.field(init=False, default=None)
    _losses: Counter[str] = attrs.field(init=False, factory=Counter)

    def _work(self) -> None:
        """Start the machine's process and listen until it has ended."""
        left = self.plan.duration_s - self.elapsed_s
        self.watcher.note(f"{self.plan.engine} engine: compiling, or loading what was compiled before")
        for line in compile_notes(self.plan.engine):
            self.watcher.note(line)
        job = Job(self.plan, self._in_turn(), left, self.watcher.wants_glances)
        try:
            child = Child(start(CHILD), encode(job))
        except NoWorkersError as error:
            self._lose_turn(Lost(str(error), memory=True))
            return
        try:
            child.listen(lambda line: self._take(read_message(line, KINDS), child), self.interrupted)
            self._ended(child)
        except JournalError as error:
            self._stop(error)
        finally:
            child.close()

    def _in_turn(self) -> tuple[Standing, ...]:
        """Where each scenario stands; those that have lost turns lately come last, so that the others have theirs."""
        return tuple(sorted(self.standings.values(), key=lambda one: self._losses[one.scenario]))

    def _ended(self, child: Child) -> None:
        """Act on how the process has ended."""
        death = child.death()
        if death and self._lost is None and child.died_for_memory:
            self._lost = Lost(f"out of memory: {death}", memory=True)
        if self._lost:
            self._lose_turn(self._lost)
        elif death:
            self._fail(death, child.last_words)
        elif self._running is not None and self._goes_on():
            self._fail("the machine's process ended before its time", child.last_words)

    def _take(self, message: Message, child: Child) -> None:
        """Act on one message."""
        match message:
            case Ready():
                self.watcher.note(f"run directory: {on_one_line(str(self._open().folder))}")
            case Began():
                self._running = message.scenario
            case Glance():
                self._show_glance(message)
            case Turn():
                self._record(message, child)
            case Lost():
                self._lost = message
            case Failed(user=True):
                raise UserError(message.text)
            case Failed():
                self._fail(HARNESS_FAILED, message.text.splitlines())

    def _record(self, turn: Turn, child: Child) -> None:
        """A turn has ended: write down what it has learnt."""
        standing = attrs.evolve(turn.standing, elapsed_s=self.elapsed_s + turn.seconds)
        self._losses[standing.scenario] = 0
        new = self._learn(standing, turn.reports)
        steal, self._steal = self._steal.percent(), StealMeter()
        self._append(standing, new, self._session, memory_of(child.pid), steal)

    @property
    def _session(self) -> int:
        """The number of this session."""
        return len(self._open().manifest.sessions) - 1

    def _show_glance(self, glance: Glance) -> None:
        """Show what the CPUs do."""
        sample = self._view.sample if self._view else None
        self._view = self._look(self.standings[glance.scenario], glance, sample)
        self.watcher.glance(self._view)

    def _lose_turn(self, lost: Lost) -> None:
        """The turn under way is lost; the soak continues in a new process, unless too many turns were lost.

        Raises:
            HostError: when nothing has run so far, so that there is nothing to keep.
        """
        self._lost = None
        if self.journal is None:
            raise HostError(lost.text)
        waiting = [standing.scenario for standing in self._in_turn() if not standing.done]
        scenario, self._running = self._running or waiting[0], None
        self._lose(scenario, lost.text, self._session)
        self._losses[scenario] += 1
        if self._losses[scenario] < MOST_LOSSES:
            self._rest(REST_SECONDS * self._losses[scenario] if lost.memory else 0.0)
        elif lost.memory:
            self.deserted = f"{MOST_LOSSES} turns in a row were lost, the last one: {lost.text}"
        else:
            why = failure(f"{MOST_LOSSES} turns in a row were lost", [lost.text])
            self._fail_scenario(scenario, why, self._session)

    def _rest(self, seconds: float) -> None:
        """Wait for memory, unless a signal comes."""
        until = time.monotonic() + seconds
        while time.monotonic() < until and not self.interrupted():
            time.sleep(POLL_SECONDS)

    def _fail(self, reason: str, words: Sequence[str]) -> None:
        """The machine's process is gone: the scenario that ran has ended.

        Raises:
            HarnessError: when no scenario had begun, so that there is nothing to keep.
        """
        if self._running is None:
            raise HarnessError("\n".join([f"{reason} before anything ran", *words]))
        self._fail_scenario(self._running, failure(reason, words), self._session)
        self._running = None
