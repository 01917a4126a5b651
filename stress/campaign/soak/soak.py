"""Soaks: scenarios run for hours or days on a machine in a process of its own, and what is learnt is never lost.

`soak` starts one, `resume` goes on with one; both return an `Ending`. The loop here only listens, writes the journal
and tells whoever watches; it takes signals at once and outlives whatever becomes of the machine.
"""

import os
from collections import defaultdict, deque
from collections.abc import Callable, Iterable, Sequence
from pathlib import Path

import attrs
import psutil

from stress.campaign.child import Child, start
from stress.campaign.folder import JournalError, check_place, encode, lock_folder, now
from stress.campaign.pipes import Failed, read_message
from stress.campaign.soak import journal as journals
from stress.campaign.soak.ending import Ending, ending_of
from stress.campaign.soak.journal import Journal
from stress.campaign.soak.messages import KINDS, Began, Glance, Job, Message, Ready, Turn
from stress.campaign.soak.plan import new_plan, resumed_plan, session
from stress.campaign.soak.records import Finding, Plan, Sample, Standing
from stress.campaign.soak.rundir import read_run
from stress.campaign.soak.view import Span, View, Watcher, span
from stress.conditions import StealMeter
from stress.config import Config
from stress.errors import HarnessError, UserError
from stress.judge.violation import MOST_REPORTS
from stress.report.told import Told

CHILD = "stress.campaign.soak.child"
POLL_SECONDS = 0.1
SHORTEST_SOAK = 0.01
MOST_SPANS = 60


class Unwatched:
    """The watcher of a soak that nobody watches."""

    wants_glances = False

    def note(self, text: str) -> None:
        """Nobody looks."""

    def glance(self, view: View) -> None:
        """Nobody looks."""

    def sample(self, view: View) -> None:
        """Nobody looks."""

    def close(self) -> None:
        """Nobody looked."""


@attrs.define(eq=False)
class Soak:
    """A soak under way. `open_journal` makes its run directory, or opens it again, once everything is compiled."""

    plan: Plan
    open_journal: Callable[[], Journal]
    watcher: Watcher
    interrupted: Callable[[], bool]
    standings: dict[str, Standing]
    findings: list[Finding] = attrs.field(factory=list)
    trouble: str | None = None
    journal: Journal | None = None
    _view: View | None = None
    _steal: StealMeter = attrs.field(factory=StealMeter)
    _spans: dict[str, deque[Span]] = attrs.field(factory=lambda: defaultdict(lambda: deque(maxlen=MOST_SPANS)))
    _running: str | None = None

    def run(self) -> Ending:
        """Work until the time is up, everything has ended, a signal came, or the disk is full."""
        try:
            while self._goes_on():
                self._work()
            return self._end()
        finally:
            self.watcher.close()
            if self.journal:
                self.journal.close()

    @property
    def elapsed_s(self) -> float:
        """Seconds that the machine has run, over all scenarios and sessions."""
        return max(standing.elapsed_s for standing in self.standings.values())

    def _goes_on(self) -> bool:
        """Whether there is something left to do, and nothing against it."""
        waiting = any(not standing.done for standing in self.standings.values())
        left = self.plan.duration_s - self.elapsed_s
        return waiting and left > SHORTEST_SOAK and self.trouble is None and not self.interrupted()

    def _work(self) -> None:
        """Start the machine's process and listen until it has ended."""
        left = self.plan.duration_s - self.elapsed_s
        self.watcher.note(f"{self.plan.engine} engine: compiling, or loading what was compiled before")
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
                self.journal = self.journal or self.open_journal()
                self.watcher.note(f"run directory: {self.journal.folder}")
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
        self._append(standing, child.pid)

    def _keep(self, scenario: str, outcome: str, told: Told) -> None:
        """Keep the first violation of each outcome."""
        assert self.journal
        known = [finding.outcome for finding in self.findings if finding.scenario == scenario]
        if outcome not in known and len(known) < MOST_REPORTS:
            self.findings.append(Finding(scenario, outcome, now(), told))
            self.journal.keep(self.findings[-1])

    def _append(self, standing: Standing, pid: int | None) -> None:
        """Write a standing down, and tell it."""
        assert self.journal
        self._spans[standing.scenario].append(span(self.standings[standing.scenario], standing))
        self.standings[standing.scenario] = standing
        steal, self._steal = self._steal.percent(), StealMeter()
        number = len(self.journal.manifest.sessions) - 1
        sample = Sample(at=now(), session=number, memory_bytes=_memory(pid), steal_percent=steal, standing=standing)
        self.journal.append(sample)
        self._view = self._look(standing, None, sample)
        self.watcher.sample(self._view)

    def _show_glance(self, glance: Glance) -> None:
        """Tell what the CPUs do."""
        sample = self._view.sample if self._view else None
        self._view = self._look(self.standings[glance.scenario], glance, sample)
        self.watcher.glance(self._view)

    def _look(self, current: Standing, glance: Glance | None, sample: Sample | None) -> View:
        """A snapshot of the whole."""
        assert self.journal
        return View(
            plan=self.plan,
            folder=self.journal.folder,
            elapsed_s=self.elapsed_s,
            standings=tuple(self.standings.values()),
            current=current,
            glance=glance,
            sample=sample,
            spans=tuple(self._spans[current.scenario]),
        )

    def _fail(self, reason: str, words: Sequence[str]) -> None:
        """The machine's process is gone: the scenario that ran has ended, its counts stay; the others may go on.

        Raises:
            HarnessError: when no scenario had begun, so that there is nothing to keep.
        """
        if self._running is None:
            raise HarnessError("\n".join([f"{reason} before anything ran", *words]))
        standing = self.standings[self._running]
        if standing.failure is None:
            told = Told((f"FAILED: {reason}", *words), {"reason": reason, "last_words": list(words)})
            self._append(attrs.evolve(standing, elapsed_s=self.elapsed_s, failure=told, done=True), None)
        self._running = None

    def _status(self) -> str:
        """How it has ended, for the manifest."""
        if self.trouble or any(standing.failure for standing in self.standings.values()):
            return "failed"
        return "interrupted" if self.interrupted() else "complete"

    def _end(self) -> Ending:
        """Write the end down; what was learnt, read back from the disk if that could take it."""
        self.journal = self.journal or self.open_journal()  # a signal came before anything ran: that can be resumed too
        manifest = attrs.evolve(self.journal.manifest, status=self._status())
        try:
            if self.trouble is None:
                self.journal.end(manifest.status)
                return ending_of(read_run(self.journal.folder))
        except JournalError as error:
            self.trouble = str(error)
        return Ending(self.journal.folder, manifest, dict(self.standings), tuple(self.findings), self.trouble)


def _memory(pid: int | None) -> int | None:
    """The resident memory of a process in bytes; None if it is gone."""
    try:
        return None if pid is None else psutil.Process(pid).memory_info().rss
    except psutil.Error:
        return None


def soak(
    scenarios: Iterable[str],
    config: Config,
    interval_s: float = 10.0,
    results: Path = Path("results"),
    watcher: Watcher | None = None,
    interrupted: Callable[[], bool] = lambda: False,
) -> Ending:
    """Run scenarios, given by name or path, for `config.duration_s` in all, in turns of `interval_s`.

    Everything is kept in a new run directory under `results`. Ends early when `interrupted` says so.

    Raises:
        UserError: for input that cannot be used.
        HarnessError: when the harness failed before anything was learnt; later failures are in the ending.
    """
    plan = new_plan(scenarios, config, interval_s)
    check_place(results)

    def open_journal() -> Journal:
        return journals.create(results, plan, session(plan))

    standings = {part.name: Standing(scenario=part.name) for part in plan.scenarios}
    return Soak(plan, open_journal, watcher or Unwatched(), interrupted, standings).run()


def resume(
    folder: Path,
    scenarios: Iterable[str] = (),
    watcher: Watcher | None = None,
    interrupted: Callable[[], bool] = lambda: False,
    **given: object,
) -> Ending:
    """Go on with the soak in a run directory, adding to the same counts, until its duration is reached.

    `scenarios` and `given`, names of `Config`'s fields or `interval_s`, need not be said again; `duration_s` and
    `interval_s` may change, all else must be as it was.

    Raises:
        UserError: when something differs, which it names, or for a directory that cannot be used.
        HarnessError: when the harness failed before anything was learnt; later failures are in the ending.
    """
    lock = lock_folder(folder)
    try:
        run = read_run(folder)
        plan = resumed_plan(run, scenarios, given)
        journal = journals.reopen(run, lock, plan, session(plan))
    except UserError:
        os.close(lock)
        raise
    findings = list(run.findings)
    standings = run.standings()
    return Soak(plan, lambda: journal, watcher or Unwatched(), interrupted, standings, findings, journal=journal).run()
