"""What a soak writes down, as types: in its run directory, and in what its two processes say to each other.

`stress.campaign.converter` turns them into JSON and back.
"""

from collections.abc import Mapping
from fractions import Fraction
from functools import reduce

import attrs
from attrs.validators import ge, gt, min_len, optional

from stress.campaign import records
from stress.campaign.converter import complete
from stress.campaign.records import ScenarioRecord, check_names
from stress.config import Config, keeping, settings_of
from stress.judge.tally import Tally
from stress.runs.report import Report
from stress.settings import SETTINGS
from stress.units import write_duration

SOAK = "soak"
SCHEMA = 1
HARNESS_FAILED = "the harness failed, so this soak says nothing"
"""The reason of a failure that is the harness's own; every other is of the machine's process."""
USUAL_INTERVAL = 10.0
"""Seconds of a turn where the command says nothing else."""
SHORTEST_SOAK = 0.01
"""Seconds: with less than that left, a soak is complete."""


def _check_report(instance: object, attribute: object, report: Report) -> None:
    """Raise ValueError unless a violation has what is printed of it: a rule, then a title."""
    if len(report.lines) < 2:
        raise ValueError("a violation has at least two lines")


@attrs.frozen(field_transformer=keeping(SETTINGS))
class Plan:
    """What a soak is of: all that its counts depend on, and its times in seconds.

    `corpus` is the path that was given, None for the bundled one. The digests are of the bytes of the corpus and of
    all sources that programs are made of.
    """

    scenarios: tuple[ScenarioRecord, ...] = attrs.field(validator=[min_len(1), check_names])
    engine: str
    cpus: int
    seed: int
    kasan: bool
    noise: Fraction
    pace_s: float = attrs.field(validator=ge(0.0))
    stall_after_s: float = attrs.field(validator=gt(0.0))
    stop_on_violation: bool
    corpus: str | None
    corpus_digest: str
    sources_digest: str
    duration_s: float = attrs.field(validator=gt(0.0))
    interval_s: float = attrs.field(validator=gt(0.0))
    switch_interval_s: float | None = None
    readers_per_writer: int | None = None
    gap_s: float | None = None
    fate: str | None = None

    def config(self) -> Config:
        """The config that runs it; UserError for a value out of range."""
        return Config(**settings_of(self))

    @property
    def options(self) -> tuple[str, ...]:
        """The words of its command that are no settings of a run."""
        return () if self.interval_s == USUAL_INTERVAL else ("--interval", write_duration(self.interval_s))


Manifest = records.Manifest[Plan]


@complete("lost_turns", "last_loss")
@attrs.frozen(kw_only=True)
class Standing:
    """How one scenario stands: all its counts since the soak began, not only those of the last interval.

    `elapsed_s` is the time of the whole soak, `slices` how many machines were booted for the scenario. `stall`,
    `twin_stall` (in a line) and `failure` say what ended it or its twin, `done` that it takes no more turns.
    `lost_turns` ended without a word of what was counted in them, the last of them for the reason `last_loss`.
    """

    scenario: str
    elapsed_s: float = attrs.field(default=0.0, validator=ge(0.0))
    slices: int = attrs.field(default=0, validator=ge(0))
    tally: Tally = attrs.field(factory=Tally)
    twin: Tally | None = None
    stall: Report | None = None
    twin_stall: str | None = None
    failure: Report | None = None
    done: bool = False
    lost_turns: int = attrs.field(default=0, validator=ge(0))
    last_loss: str | None = None

    @property
    def had_turn(self) -> bool:
        """Whether a turn of it was begun."""
        return attrs.evolve(self, elapsed_s=0.0) != Standing(scenario=self.scenario)

    def with_loss(self, why: str, elapsed_s: float) -> "Standing":
        """This one with one more turn that was lost."""
        return attrs.evolve(self, elapsed_s=elapsed_s, lost_turns=self.lost_turns + 1, last_loss=why)

    def revived(self) -> "Standing":
        """This one in a soak that is resumed: the turn in which its machine failed is lost, and others may come.

        What the harness found wrong with itself stays: it is no matter of the host, and would be found again.
        """
        reason = str(self.failure.json.get("reason")) if self.failure else HARNESS_FAILED
        if reason == HARNESS_FAILED:
            return self
        done = self.stall is not None
        return attrs.evolve(self.with_loss(reason, self.elapsed_s), failure=None, done=done)

    def joined(self, turn: "Standing", elapsed_s: float) -> "Standing":
        """This one with a turn that was played elsewhere, from nothing; what has ended either has ended both."""
        twins = [twin for twin in (self.twin, turn.twin) if twin]
        return attrs.evolve(
            self,
            elapsed_s=elapsed_s,
            slices=self.slices + turn.slices,
            tally=self.tally.joined(turn.tally),
            twin=reduce(Tally.joined, twins) if twins else None,
            stall=self.stall or turn.stall,
            twin_stall=self.twin_stall or turn.twin_stall,
            done=self.done or turn.done,
        )


@attrs.frozen(kw_only=True)
class Sample:
    """One line of `samples.jsonl`: a standing, when it was written (UTC), in which session, at what cost.

    `memory_bytes` is the resident memory of the machine's process, `steal_percent` what other guests of the host took.
    """

    at: str
    session: int
    memory_bytes: int | None = attrs.field(validator=optional(ge(0)))
    steal_percent: float | None
    standing: Standing


@attrs.frozen
class Finding:
    """One line of `violations.jsonl`: the first violation of an outcome in a scenario, as a full report."""

    scenario: str
    outcome: str
    at: str
    told: Report = attrs.field(validator=_check_report)


def too_short_for_turns(plan: Plan) -> str | None:
    """What to do if one process has not the time for a turn of each scenario; None if it has."""
    least = len(plan.scenarios) * plan.interval_s
    if plan.duration_s >= least:
        return None
    return f"give --duration of at least {write_duration(least)}, or a shorter --interval"


def scenarios_by_name(plan: Plan) -> Mapping[str, ScenarioRecord]:
    """The scenarios of a plan, by their names."""
    return {part.name: part for part in plan.scenarios}
