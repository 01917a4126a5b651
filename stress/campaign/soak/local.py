"""A soak on this host: one process has the machine all the time, and takes turns among the scenarios by itself.

The loop here only listens, writes the journal and tells whoever watches; it takes signals at once and outlives whatever
becomes of the machine.
"""

from collections.abc import Sequence

import attrs

from stress.campaign.child import Child, start
from stress.campaign.folder import JournalError, encode
from stress.campaign.pipes import Failed, read_message
from stress.campaign.soak.base import Soak, failed, memory_of
from stress.campaign.soak.messages import KINDS, Began, Glance, Job, Message, Ready, Turn
from stress.conditions import StealMeter
from stress.errors import HarnessError, UserError
from stress.machine.engines import compile_notes

CHILD = "stress.campaign.soak.child"
POLL_SECONDS = 0.1


@attrs.define(eq=False)
class LocalSoak(Soak):
    """A soak whose turns are played in a process of this host."""

    _steal: StealMeter = attrs.field(init=False, factory=StealMeter)
    _running: str | None = attrs.field(init=False, default=None)

    def _work(self) -> None:
        """Start the machine's process and listen until it has ended."""
        left = self.plan.duration_s - self.elapsed_s
        self.watcher.note(f"{self.plan.engine} engine: compiling, or loading what was compiled before")
        for line in compile_notes(self.plan.engine):
            self.watcher.note(line)
        job = Job(self.plan, tuple(self.standings.values()), left, self.watcher.wants_glances)
        child = Child(start(CHILD), encode(job))
        try:
            self._listen(child)
            if death := child.death():
                self._fail(death, child.last_words)
            elif self._running is not None and self._goes_on():
                self._fail("the machine's process ended before its time", child.last_words)
        except JournalError as error:
            self.trouble = str(error)
        finally:
            child.close()

    def _listen(self, child: Child) -> None:
        """Act on what the process says until it has ended, as it is asked to when a signal comes."""
        while not child.ended:
            for line in child.poll(POLL_SECONDS):
                self._take(read_message(line, KINDS), child)
            if self.interrupted():
                child.stop()

    def _take(self, message: Message, child: Child) -> None:
        """Act on one message."""
        match message:
            case Ready():
                self.watcher.note(f"run directory: {self._open().folder}")
            case Began():
                self._running = message.scenario
            case Glance():
                self._show_glance(message)
            case Turn():
                self._record(message, child)
            case Failed(user=True):
                raise UserError(message.text)
            case Failed():
                self._fail("the harness failed, so this soak says nothing", message.text.splitlines())

    def _record(self, turn: Turn, child: Child) -> None:
        """A turn has ended: keep its violations, then its counts, so that no count is without its report."""
        standing = attrs.evolve(turn.standing, elapsed_s=self.elapsed_s + turn.seconds)
        for outcome, told in turn.reports.items():
            self._keep(standing.scenario, outcome, told)
        steal, self._steal = self._steal.percent(), StealMeter()
        self._append(standing, self._session, memory_of(child.pid), steal)

    @property
    def _session(self) -> int:
        """The number of this session."""
        return len(self._open().manifest.sessions) - 1

    def _show_glance(self, glance: Glance) -> None:
        """Tell what the CPUs do."""
        sample = self._view.sample if self._view else None
        self._view = self._look(self.standings[glance.scenario], glance, sample)
        self.watcher.glance(self._view)

    def _fail(self, reason: str, words: Sequence[str]) -> None:
        """The machine's process is gone: the scenario that ran has ended.

        Raises:
            HarnessError: when no scenario had begun, so that there is nothing to keep.
        """
        if self._running is None:
            raise HarnessError("\n".join([f"{reason} before anything ran", *words]))
        self._fail_scenario(self._running, failed(reason, tuple(words)), self._session)
        self._running = None
