"""A run as JSON has it, checked: what `kstress run` wrote, now or long ago, here or elsewhere.

Keys that this version does not know are left alone; one that is missing, or is not what it should be, is refused.
"""

from collections.abc import Mapping
from fractions import Fraction
from typing import Any

import attrs
from attrs.validators import deep_mapping, ge, in_, instance_of, le, max_len, optional

from stress.campaign.converter import from_json
from stress.campaign.sweep.records import Values, applies
from stress.conditions import Conditions
from stress.config import Config
from stress.errors import UserError
from stress.judge.trials import Trials, windows_as_trials
from stress.scenario import VERDICTS

SHORTEST_S = 1e-6
SHORTEST_DURATION_S = 0.01
LONGEST_S = 1e10
LONGEST_NAME = 1000

_NAME: Any = max_len(LONGEST_NAME)
_COUNT = ge(0)
_TIME = [ge(0.0), le(LONGEST_S)]


@attrs.frozen
class Stops:
    """How often the machine was stopped, and for how many microseconds; None without any."""

    count: int = attrs.field(validator=_COUNT)
    p50_us: float | None = attrs.field(validator=optional(_TIME))
    p99_us: float | None = attrs.field(validator=optional(_TIME))
    max_us: float | None = attrs.field(validator=optional(_TIME))


@attrs.frozen
class TwinCounts:
    """What was counted of the twin, which ran in the same call."""

    scenario: str = attrs.field(validator=_NAME)
    race_windows: int = attrs.field(validator=_COUNT)
    violations: int = attrs.field(validator=_COUNT)
    trials: int | None = attrs.field(default=None, validator=optional(_COUNT))
    catches: int | None = attrs.field(default=None, validator=optional(_COUNT))
    catch_rate_upper_95: float | None = None


@attrs.frozen(kw_only=True)
class Run:
    """One run of one scenario; `results/README.md` says what each key is."""

    scenario: str = attrs.field(validator=_NAME)
    engine: str = attrs.field(validator=_NAME)
    cpus: int = attrs.field(validator=ge(1))
    seed: int
    duration_s: float = attrs.field(validator=_TIME)
    expect: str = attrs.field(validator=in_(VERDICTS))
    verdict: str = attrs.field(validator=in_(VERDICTS))
    reason: str
    as_expected: bool
    interrupted: bool
    lookups: int = attrs.field(validator=_COUNT)
    loads: int = attrs.field(validator=_COUNT)
    unloads: int = attrs.field(validator=_COUNT)
    race_windows: int = attrs.field(validator=_COUNT)
    violations: int = attrs.field(validator=_COUNT)
    first_violation_s: float | None = attrs.field(validator=optional(_TIME))
    rate_upper_95: float | None
    outcomes: dict[str, int] = attrs.field(validator=deep_mapping(_NAME, _COUNT, instance_of(dict)))
    stop_machine: Stops
    stall: dict[str, Any] | None
    reports: list[dict[str, Any]]
    twin: TwinCounts | None
    conditions: Conditions
    trials: int | None = attrs.field(default=None, validator=optional(_COUNT))
    catches: int | None = attrs.field(default=None, validator=optional(_COUNT))
    catch_rate_upper_95: float | None = None
    applicable: bool = attrs.field()

    @applicable.default
    def _applicable(self) -> bool:
        return applies({"reason": self.reason})

    def __attrs_post_init__(self) -> None:
        """Raise ValueError for what contradicts itself."""
        if self.as_expected and self.verdict != self.expect:
            raise ValueError(f"{self.verdict} is not the {self.expect} that was expected")
        if (self.verdict == "violated") != (self.violations > 0):
            raise ValueError(f"{self.verdict} does not go with {self.violations} violations")

    @property
    def rate(self) -> float | None:
        """Violations per race window, at most 1; None without windows."""
        return min(self.violations / self.race_windows, 1.0) if self.race_windows else None

    @property
    def caught(self) -> Trials:
        """What its rate and bound are made of; an earlier version counted windows only."""
        if self.trials is None or self.catches is None:
            return windows_as_trials(self.race_windows, self.violations)
        return Trials(self.trials, self.catches)

    def per_second(self, count: int) -> float | None:
        """How many a second; None for a run that had no time."""
        return count / self.duration_s if self.duration_s >= SHORTEST_S else None

    def config(self) -> Config:
        """The config that runs it again, as far as JSON has it; UserError for a value out of range."""
        conditions = self.conditions
        return Config(
            cpus=self.cpus,
            duration_s=max(round(self.duration_s, 2), SHORTEST_DURATION_S),
            engine=self.engine,
            seed=self.seed,
            kasan=conditions.kasan,
            noise=share(conditions.noise),
            pace_s=conditions.pace_s,
            stall_after_s=conditions.stall_after_s,
            readers_per_writer=conditions.readers_per_writer,
            gap_s=conditions.gap_s,
            fate=conditions.fate,
        )

    def values(self) -> Values:
        """Where it is on each axis that a sweep has."""
        conditions = self.conditions
        return Values(
            scenario=self.scenario,
            engine=self.engine,
            cpus=self.cpus,
            readers_per_writer=conditions.readers_per_writer,
            noise=share(conditions.noise),
            switch_interval_s=conditions.switch_interval_s,
            gap_s=conditions.gap_s,
            pace_s=conditions.pace_s,
            fate=conditions.fate,
        )


def share(noise: float) -> Fraction:
    """A share of accesses as it was given on the command line."""
    return Fraction(noise).limit_denominator(1_000_000)


def run_of(value: Mapping[str, Any], where: str) -> Run:
    """A checked run out of JSON that came from `where`.

    Raises:
        UserError: for anything else.
    """
    known = {field.name: value[field.name] for field in attrs.fields(Run) if field.name in value}
    run = from_json(known, Run, where)
    try:
        run.config()
        run.values()
    except (UserError, ValueError) as error:
        raise UserError(f"{where} is no run: {error}") from None
    return run
