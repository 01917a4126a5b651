"""The result of a soak: the same whether it has just ended or is read back from its run directory."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import attrs

from stress.campaign.life import COMPLETE, FAILED, INCOMPLETE, RUNNING, Life
from stress.campaign.records import ScenarioRecord
from stress.campaign.soak.records import (
    SHORTEST_SOAK,
    SOAK,
    Finding,
    Manifest,
    Sample,
    Standing,
    too_short_for_turns,
)
from stress.campaign.soak.rundir import KIND, SAMPLES, StoredSoak
from stress.judge.verdict import INCONCLUSIVE, TwinSide, Verdict, judge
from stress.runs.report import Report
from stress.runs.result import Result
from stress.safe_text import escaped, shown
from stress.units import show_duration


@attrs.frozen
class Ending:
    """A soak's counts and what goes with them. `trouble` is why the disk could not take more, or None.

    `remedy` is what to do about the trouble, if that is known.
    `state` is the manifest's status or, for a soak that recorded no end, its state (`stress.campaign.life`).
    """

    folder: Path
    manifest: Manifest
    standings: Mapping[str, Standing]
    findings: Sequence[Finding]
    trouble: str | None = None
    samples: Sequence[Sample] = ()
    remedy: str = ""
    state: str = attrs.field()

    @state.default
    def _state(self) -> str:
        return self.manifest.status

    @property
    def elapsed_s(self) -> float:
        """Seconds of the soak's own time, over all scenarios and sessions."""
        return max(one.elapsed_s for one in self.standings.values())

    @property
    def progress(self) -> str:
        """How far it has come."""
        return f"{show_duration(self.elapsed_s)} of {show_duration(self.manifest.plan.duration_s)}"

    @property
    def life(self) -> Life:
        """What became of it."""
        progress = self._lack if self.state == INCOMPLETE else self.progress
        is_there = self.trouble is None or KIND.is_in(self.folder)
        return Life(SOAK, self.folder, self.state, progress, self._is_whole, is_there)

    @property
    def _lack(self) -> str:
        """Which of its samples are missing."""
        there = f"goes to {self.progress}" if self.samples else "has none"
        return f"{shown(self.folder / SAMPLES)} lacks samples: it {there}"

    @property
    def _is_whole(self) -> bool:
        """Whether nothing of it is left: of one that failed in a scenario, neither time nor another scenario."""
        return self.state == COMPLETE or (self.state == FAILED and self.trouble is None and self._is_over)

    @property
    def _is_over(self) -> bool:
        """Whether its samples go to its end: its time is up, or no scenario would take a turn if it were resumed."""
        left = self.manifest.plan.duration_s - self.elapsed_s
        return left <= SHORTEST_SOAK or all(one.revived().done for one in self.standings.values())

    @property
    def lacks_samples(self) -> bool:
        """Whether it wrote down that it was complete, and its samples do not go to its end.

        Where workers played, the last turn may have come back long before the end: then all must be missing.
        """
        over = len(self.samples) > 0 if self.workers else self._is_over
        return self.manifest.status == COMPLETE and not over

    @property
    def results(self) -> list[Result]:
        """The result of each scenario, in the order of the plan."""
        return [self._result(part) for part in self.manifest.plan.scenarios]

    @property
    def failed(self) -> bool:
        """Whether the harness failed in any scenario."""
        return any(standing.failure for standing in self.standings.values())

    @property
    def workers(self) -> list[str]:
        """The workers that have played turns, if there were any."""
        return sorted({one.worker for one in self.manifest.sessions if one.worker is not None})

    def _result(self, part: ScenarioRecord) -> Result:
        """One scenario's result: the verdict over the whole soak."""
        plan, standing = self.manifest.plan, self.standings[part.name]
        verdict = self._verdict(part, standing)
        conditions = self.manifest.sessions[-1].conditions
        steal = [sample.steal_percent for sample in self.samples if sample.steal_percent is not None]
        if steal:
            conditions = attrs.evolve(conditions, steal_percent=round(sum(steal) / len(steal), 2))
        return Result(
            part.scenario(),
            plan.engine,
            plan.config(),
            standing.tally,
            verdict,
            conditions,
            standing.twin,
            early=None if self.state in (COMPLETE, FAILED) else self.state,
            verb="soak",
            options=plan.options,
        )

    def _verdict(self, part: ScenarioRecord, standing: Standing) -> Verdict:
        """What a scenario's counts say; of one that has none, why it has none."""
        if not standing.had_turn:
            return Verdict(INCONCLUSIVE, self._not_run)
        stall = standing.stall.lines[0] if standing.stall else None
        return judge(standing.tally, _side(part, standing), stall, part.has_writer)

    @property
    def _not_run(self) -> str:
        """Why a scenario has had no turn, and what to do."""
        if self.state == RUNNING:
            return "not run yet: its turn has not come"
        if self.state == INCOMPLETE:
            return "nothing is known of it: its samples are missing"
        advice = too_short_for_turns(self.manifest.plan)
        return "not run: the soak was over before its turn" + (f"; {advice}" if advice else "")

    def reports(self, scenario: str) -> list[Report]:
        """The violations of a scenario that were reported in full."""
        return [finding.told for finding in self.findings if finding.scenario == scenario]

    def as_json(self) -> list[dict[str, Any]]:
        """The objects of this soak in a JSON of runs."""
        return [self._run_json(result) for result in self.results]

    def _run_json(self, result: Result) -> dict[str, Any]:
        """One scenario's object: what `kstress run` has, and `soak`."""
        standing = self.standings[result.scenario.name]
        return {
            **result.as_json(),
            "as_expected": result.as_expected and standing.failure is None,
            "stall": standing.stall.json if standing.stall else None,
            "reports": [report.json for report in self.reports(result.scenario.name)],
            "soak": {
                "directory": escaped(str(self.folder)),
                "status": self.manifest.status,
                "state": self.state,
                "elapsed_s": round(self.elapsed_s, 3),
                "planned_s": self.manifest.plan.duration_s,
                "sessions": len(self.manifest.sessions),
                "workers": self.workers,
                "failure": standing.failure.json if standing.failure else None,
                "lost_turns": standing.lost_turns,
                "last_loss": standing.last_loss,
            },
        }


def _side(part: ScenarioRecord, standing: Standing) -> TwinSide | None:
    """The twin's side of a scenario; None if it has none, or none that ran."""
    if standing.twin is None:
        return None
    expect = part.expected_of_twin if standing.twin_stall else part.twin_expect
    return TwinSide(standing.twin, expect, standing.twin_stall)


def ending_of(run: StoredSoak) -> Ending:
    """The result of a run directory's soak, up to now if it has not ended."""
    ending = Ending(run.folder, run.manifest, run.standings(), run.findings, samples=run.samples, state=run.state)
    return attrs.evolve(ending, state=INCOMPLETE) if ending.lacks_samples else ending
