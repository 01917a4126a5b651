"""What every soak does, in a process or on workers: it records results, shows them, and says how it has ended."""

from abc import ABC, abstractmethod
from collections import defaultdict, deque
from collections.abc import Callable, Iterable, Mapping

import attrs
import psutil

from stress.campaign.folder import now
from stress.campaign.journal import JournalError
from stress.campaign.soak.ending import Ending, ending_of
from stress.campaign.soak.journal import SoakJournal
from stress.campaign.soak.messages import Glance
from stress.campaign.soak.records import SHORTEST_SOAK, Finding, Plan, Sample, Standing
from stress.campaign.soak.rundir import read_run
from stress.campaign.soak.view import Span, View, Watcher, span
from stress.errors import UserError
from stress.judge.harvest import MOST_REPORTS
from stress.runs.report import Report
from stress.safe_text import shown

MOST_SPANS = 60


@attrs.define(eq=False)
class Soak(ABC):
    """A soak under way. `open_journal` makes its run directory, or opens it again, once there is something to write.

    `trouble` is why the disk could not take more, `remedy` what to do about it if that is known, and `deserted` why
    nobody is left to work: either trouble ends it.
    """

    plan: Plan
    open_journal: Callable[[], SoakJournal]
    watcher: Watcher
    interrupted: Callable[[], bool]
    standings: dict[str, Standing]
    findings: list[Finding] = attrs.field(factory=list)
    journal: SoakJournal | None = None
    trouble: str | None = attrs.field(init=False, default=None)
    remedy: str = attrs.field(init=False, default="")
    deserted: str | None = attrs.field(init=False, default=None)
    _view: View | None = attrs.field(init=False, default=None)
    _spans: dict[str, deque[Span]] = attrs.field(
        init=False, factory=lambda: defaultdict(lambda: deque(maxlen=MOST_SPANS))
    )

    def run(self) -> Ending:
        """Work until the time is up, everything has ended, a signal came, or something is in the way."""
        try:
            while self._goes_on():
                self._work()
            return self._end()
        finally:
            self.watcher.close()
            if self.journal:
                self.journal.close()

    @abstractmethod
    def _work(self) -> None:
        """Have turns played for a while."""

    @property
    def elapsed_s(self) -> float:
        """Seconds of the soak's own time so far, over all scenarios and sessions."""
        return max(standing.elapsed_s for standing in self.standings.values())

    def _goes_on(self) -> bool:
        """Whether there is something left to do, and nothing against it."""
        waiting = any(not standing.done for standing in self.standings.values())
        left = self.plan.duration_s - self.elapsed_s
        hindered = self.trouble or self.deserted or self.interrupted()
        return waiting and left > SHORTEST_SOAK and not hindered

    def _open(self) -> SoakJournal:
        """The journal, which is opened the first time."""
        self.journal = self.journal or self.open_journal()
        return self.journal

    def _learn(self, standing: Standing, reports: Mapping[str, Report]) -> list[Finding]:
        """Take note of where a scenario stands, and of its first violation of each outcome; the findings that are new.

        It comes before anything is written, so that a disk that refuses the first line takes nothing from the verdict.
        """
        scenario, before = standing.scenario, len(self.findings)
        self._spans[scenario].append(span(self.standings[scenario], standing))
        self.standings[scenario] = standing
        known = {one.outcome for one in self.findings if one.scenario == scenario}
        for outcome, report in reports.items():
            if outcome not in known and len(known) < MOST_REPORTS:
                known.add(outcome)
                self.findings.append(Finding(scenario, outcome, now(), report))
        return self.findings[before:]

    def _append(
        self, standing: Standing, new: Iterable[Finding], session: int, memory_bytes: int | None, steal: float | None
    ) -> None:
        """Write down what was learnt, findings first, so that no count is without its report; then tell it."""
        for finding in new:
            self._open().keep(finding)
        sample = Sample(at=now(), session=session, memory_bytes=memory_bytes, steal_percent=steal, standing=standing)
        self._open().append(sample)
        self._view = self._look(standing, None, sample)
        self.watcher.sample(self._view)

    def _lose(self, scenario: str, why: str, session: int) -> None:
        """Print and write down that a turn of a scenario was lost; nothing else is known of it."""
        standing = self.standings[scenario].with_loss(why, self.elapsed_s)
        self.standings[scenario] = standing
        self._open().append(Sample(at=now(), session=session, memory_bytes=None, steal_percent=None, standing=standing))
        self.watcher.note(f"a turn of {shown(scenario)} was lost ({standing.lost_turns:,} so far): {shown(why)}")

    def _fail_scenario(self, scenario: str, report: Report, session: int) -> None:
        """A scenario has ended with a fault of the harness; its counts stay, the others may go on."""
        standing = self.standings[scenario]
        if standing.failure is None:
            failed = attrs.evolve(standing, elapsed_s=self.elapsed_s, failure=report, done=True)
            self._append(failed, self._learn(failed, {}), session, None, None)

    def _look(self, current: Standing, glance: Glance | None, sample: Sample | None) -> View:
        """A snapshot of the whole."""
        return View(
            plan=self.plan,
            folder=self._open().folder,
            elapsed_s=self.elapsed_s,
            standings=tuple(self.standings.values()),
            current=current,
            glance=glance,
            sample=sample,
            spans=tuple(self._spans[current.scenario]),
        )

    def _status(self) -> str:
        """How it has ended, for the manifest."""
        if self.trouble or any(standing.failure for standing in self.standings.values()):
            return "failed"
        return "interrupted" if self.interrupted() or self.deserted else "complete"

    def _end(self) -> Ending:
        """Write the end down; what was learnt, read back from the disk if that could take it."""
        journal = self._open()  # a signal came before anything ran: that can be resumed too
        try:
            if self.trouble is None:
                journal.end(self._status())
                return attrs.evolve(ending_of(read_run(journal.folder)), trouble=self.deserted)
        except JournalError as error:  # the disk takes no more
            self._stop(error)
        except UserError as error:  # it does not give back what it took
            self.trouble = str(error)
        learnt = dict(self.standings), tuple(self.findings)
        manifest = attrs.evolve(journal.manifest, status=self._status())
        return Ending(journal.folder, manifest, *learnt, self.trouble, remedy=self.remedy)

    def _stop(self, error: JournalError) -> None:
        """The disk takes no more."""
        self.trouble, self.remedy = str(error), error.remedy


def memory_of(pid: int | None) -> int | None:
    """The resident memory of a process in bytes; None if it is gone, or has ended and was not waited for."""
    try:
        return None if pid is None else psutil.Process(pid).memory_info().rss or None
    except psutil.Error:
        return None
