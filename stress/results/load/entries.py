"""What was read, in one shape: an entry for each run of a scenario, alone, in a soak or in a cell of a sweep."""

from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING, Any

import attrs

from stress.campaign.life import COMPLETE
from stress.campaign.records import ScenarioRecord
from stress.campaign.runs import Run
from stress.campaign.soak.ending import Ending
from stress.campaign.sweep.records import DONE, NOT_APPLICABLE, Values
from stress.runs.report import Report
from stress.runs.reread import reread_stall, reread_violation
from stress.units import counted

if TYPE_CHECKING:
    from stress.results.load.stored_explorations import StoredExploration

RUNS, EXPLORATIONS, SOAK, SWEEP = "runs", "explorations", "soak", "sweep"
EXPECTED, INCONCLUSIVE, UNEXPECTED, BROKEN = "as expected", "inconclusive", "unexpected", "broken"
STANDINGS = (BROKEN, UNEXPECTED, INCONCLUSIVE, EXPECTED, NOT_APPLICABLE)
"""How an entry stands, the worst first."""


@attrs.frozen(kw_only=True)
class Entry:
    """One run of one scenario, and where on each axis it is.

    `end` says how it ended, as of a sweep's cell; `trouble` why it broke, if it did; `run` is None if nothing came of
    it. `json` is the run as it was read. `worker` is who ran it, None for the process that wrote it. `findings` are
    violations that were reported when they were seen, `stalled` a stall; what only JSON has becomes text on demand.
    `where` is its cell in a file, for errors, and `rerun` makes the command that runs it again, of its seed.
    `sought` says that it is of a search, which asks whether a run shows the race, so that none expects it to.
    `standing` is one of STANDINGS.
    """

    values: Values
    repeat: int
    seed: int
    where: str
    rerun: Callable[[int], str]
    end: str = DONE
    run: Run | None = None
    json: Mapping[str, Any] | None = None
    trouble: Report | None = None
    worker: str | None = None
    findings: tuple[Report, ...] = ()
    stalled: Report | None = None
    soak: Ending | None = None
    sought: bool = False
    standing: str = attrs.field(init=False)

    @standing.default
    def _standing(self) -> str:
        if self.end != DONE or self.run is None:
            return BROKEN
        if not self.run.applicable:
            return NOT_APPLICABLE
        if self.run.as_expected or (self.sought and self.run.verdict == INCONCLUSIVE):
            return EXPECTED
        return INCONCLUSIVE if self.run.verdict == INCONCLUSIVE else UNEXPECTED

    @property
    def verdict(self) -> str:
        """The verdict or, of what broke, how it ended."""
        if self.run is None or self.end != DONE:
            return self.end
        return self.run.verdict if self.run.applicable else NOT_APPLICABLE

    @property
    def again(self) -> str:
        """The command that runs it again."""
        return self.rerun(self.seed)

    @property
    def reports(self) -> Sequence[str]:
        """The outcome of each violation that is reported."""
        if self.findings:
            return [str(finding.json.get("outcome")) for finding in self.findings]
        return self.run.reports if self.run else ()

    def report(self, number: int) -> Report:
        """One of its reports in words; UserError for a damaged one."""
        if self.findings:
            return self.findings[number]
        assert self.json is not None
        return reread_violation(self.json["reports"][number], f"{self.where}, repeat {self.repeat}")

    @property
    def stall(self) -> Report | None:
        """Its stall in words, None if there was none."""
        if self.stalled is not None or self.run is None or self.run.stall is None:
            return self.stalled
        return reread_stall(self.run.stall, f"{self.where}, repeat {self.repeat}")

    @property
    def lost_turns(self) -> str | None:
        """How many turns of a soak were lost, and why the last one was; None if none were."""
        standing = self.soak.standings[self.values.scenario] if self.soak else None
        if standing is None or not standing.lost_turns:
            return None
        turns = "turn was" if standing.lost_turns == 1 else "turns were"
        return f"{standing.lost_turns:,} {turns} lost and not counted, the last one: {standing.last_loss}"


@attrs.frozen(kw_only=True)
class Source:
    """What one argument of `kstress report` holds; all runs in files are one source, and so are all explorations.

    `status` is the state of a campaign; if it is not complete, `unfinished` says how far it is and `resume` is the
    command that continues it. `planned` is how many entries, or explorations, it has when complete. `answers` are
    results of searches; of those nobody knows how many entries they are to have before they are over. `parts` are the
    scenarios of a campaign as they were written down when it began. Explorations are no entries: they have schedules
    and no windows.
    """

    name: str
    kind: str
    entries: tuple[Entry, ...]
    status: str = COMPLETE
    planned: int
    unfinished: str | None = None
    resume: str | None = None
    answers: tuple[str, ...] = ()
    parts: tuple[ScenarioRecord, ...] = ()
    explorations: "tuple[StoredExploration, ...]" = ()

    @property
    def ended(self) -> int:
        """How many of those that are planned there are."""
        return len(self.explorations if self.kind == EXPLORATIONS else self.entries)

    @property
    def progress(self) -> str:
        """How many of its entries have ended."""
        if self.kind == EXPLORATIONS:
            return counted(self.ended, "exploration")
        ended = f"{self.ended:,}"
        return f"{ended} runs of a search" if self.answers else f"{ended} of {self.planned:,} ended"

    @property
    def summary(self) -> str:
        """What became of it, and how far it came."""
        ended = "" if self.kind == SOAK else f", {self.progress}"
        return self.unfinished or f"{self.status}{ended}"

    @property
    def title(self) -> str:
        """What it is, for a heading."""
        if self.kind == EXPLORATIONS:
            return f"explorations of {self.name}"
        return self.name if self.kind == RUNS else f"{self.kind} {self.name}"

    def scenarios(self) -> tuple[str, ...]:
        """The names of its scenarios, in the order in which they come."""
        return tuple(dict.fromkeys(entry.values.scenario for entry in self.entries))
