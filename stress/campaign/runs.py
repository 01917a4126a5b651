"""A run as JSON has it, checked: what `kstress run` wrote, now or long ago, here or elsewhere.

Keys that this version does not know are left alone; one that is missing, or is not what it should be, is refused.
"""

import marshal
from array import array
from collections.abc import Iterator, Mapping, Sequence
from fractions import Fraction
from functools import cache, lru_cache
from sys import intern
from typing import Any, NewType

import attrs
from attrs.validators import ge, in_, le, max_len, optional
from cattrs.gen import make_dict_structure_fn

from stress.campaign.converter import CONVERTER, Hook, count_of, let_more_keys
from stress.campaign.sweep.records import Values, applies
from stress.config import Config, settings_of
from stress.errors import UserError
from stress.judge.outcomes import FINDINGS
from stress.judge.trials import Trials, windows_as_trials
from stress.machine.words import MAX_CPUS
from stress.runs.conditions import Conditions
from stress.scenario import VERDICTS
from stress.settings import AXES, CONDITIONS, ENGINES, LARGEST_SEED
from stress.units import counted

SHORTEST_S = 1e-6
SHORTEST_DURATION_S = 0.01
LONGEST_S = 1e10
LONGEST_NAME = 1000
PLAIN_MARSHAL = 2
"""The newest form in which equal values are equal bytes: later ones also say which objects are shared."""
MOST_KEPT = 10_000
"""How many different texts, or conditions, are kept so that runs can share them."""

_NAME: Any = max_len(LONGEST_NAME)
_COUNT = ge(0)
_TIME = [ge(0.0), le(LONGEST_S)]


@attrs.frozen
class Counts(Mapping[str, int]):
    """How often each outcome came; many runs have the same names, and an array takes a third of a tuple's memory."""

    names: tuple[str, ...]
    counts: Sequence[int]

    def __getitem__(self, name: str) -> int:
        return dict(zip(self.names, self.counts, strict=True))[name]

    def __iter__(self) -> Iterator[str]:
        return iter(self.names)

    def __len__(self) -> int:
        return len(self.names)


Reported = NewType("Reported", tuple[str, ...])
"""The outcome of each violation that a run reports; JSON has the reports, which may be long."""


@lru_cache(MOST_KEPT)
def _shared(names: tuple[str, ...]) -> tuple[str, ...]:
    """The same object for the same names; ValueError for a name that is too long, or cannot be written."""
    if any(len(name.encode()) > LONGEST_NAME for name in names):
        raise ValueError("the name of an outcome is too long")
    return tuple(map(intern, names))


def _reported(value: Any, _: Any) -> Reported:
    """The outcomes of reports from JSON."""
    if type(value) is not list or not all(type(report) is dict for report in value):
        raise TypeError(f"{value!r:.60} is not an array of objects")
    return Reported(_shared(tuple(str(report.get("outcome")) for report in value)))


Names = NewType("Names", tuple[str, ...])
"""The names of outcomes; runs of one scenario share them."""


def _names(value: Any, _: Any) -> Names:
    """Names from JSON."""
    if type(value) is not list or not all(type(name) is str for name in value):
        raise TypeError(f"{value!r:.60} is not an array of names")
    return Names(_shared(tuple(value)))


def _counts(value: Any, _: Any) -> Counts:
    """Counts from JSON."""
    if type(value) is not dict:
        raise TypeError(f"{value!r:.60} is not an object")
    return Counts(_shared(tuple(value)), array("q", map(count_of, value.values())))


_known_conditions: dict[bytes, Conditions] = {}


@cache
def _read_conditions() -> Hook:
    """How conditions that are complete are read."""
    return make_dict_structure_fn(Conditions, CONVERTER, _cattrs_forbid_extra_keys=True)


def _conditions(value: Any, _: Any) -> Conditions:
    """Conditions from JSON, with which a run can be run again; runs of one host mostly have the same."""
    key = marshal.dumps(value, PLAIN_MARSHAL)
    known = _known_conditions.get(key)
    if known is None:
        known = _read_conditions()(value, Conditions)
        _check_settings(known)
        if len(_known_conditions) < MOST_KEPT:
            _known_conditions[key] = known
    return known


def _check_settings(conditions: Conditions) -> None:
    """Raise ValueError for conditions under which no run can be."""
    try:
        _config_of(conditions)
    except UserError as error:
        raise ValueError(str(error)) from None
    _values_of(conditions)


CONVERTER.register_structure_hook(Conditions, _conditions)
CONVERTER.register_structure_hook(Reported, _reported)
CONVERTER.register_structure_hook(Names, _names)
CONVERTER.register_structure_hook(Counts, _counts)


@attrs.frozen
class Stops:
    """How often the machine was stopped, and for how many microseconds; None without any."""

    count: int = attrs.field(validator=_COUNT)
    p50_us: float | None = attrs.field(validator=optional(_TIME))
    p99_us: float | None = attrs.field(validator=optional(_TIME))
    max_us: float | None = attrs.field(validator=optional(_TIME))


@attrs.frozen
class UpdateCosts:
    """What updates of a structure cost: microseconds, and blocks that waited for their free at the ends of updates."""

    count: int = attrs.field(validator=_COUNT)
    mean_us: float = attrs.field(validator=_TIME)
    max_us: float = attrs.field(validator=_TIME)
    waiting_mean: float = attrs.field(validator=_TIME)
    waiting_max: int = attrs.field(validator=_COUNT)
    memory_short: int = attrs.field(default=0, validator=_COUNT)


def check_expected(as_expected: bool, verdict: str, expect: str) -> None:
    """Raise ValueError where a verdict is not as expected and the same, or as expected and another."""
    if as_expected and verdict != expect:
        raise ValueError(f"{verdict} is not the {expect} that was expected")
    if not as_expected and verdict == expect:
        raise ValueError(f"{verdict} is what was expected")


def check_caught(catches: int | None, trials: int | None) -> None:
    """Raise ValueError for more catches than trials; None where an earlier version counted neither."""
    if catches is not None and trials is not None and catches > trials:
        raise ValueError(f"{catches} catches do not go with {counted(trials, 'trial')}")


@attrs.frozen
class TwinCounts:
    """What was counted of the twin, which ran in the same call."""

    scenario: str = attrs.field(validator=_NAME, converter=intern)
    race_windows: int = attrs.field(validator=_COUNT)
    violations: int = attrs.field(validator=_COUNT)
    trials: int | None = attrs.field(default=None, validator=optional(_COUNT))
    catches: int | None = attrs.field(default=None, validator=optional(_COUNT))
    catch_rate_upper_95: float | None = None

    def __attrs_post_init__(self) -> None:
        """Raise ValueError for what contradicts itself."""
        check_caught(self.catches, self.trials)


@attrs.frozen(kw_only=True)
class Run:
    """One run of one scenario; `results/README.md` says what each key is."""

    scenario: str = attrs.field(validator=_NAME, converter=intern)
    engine: str = attrs.field(validator=in_(ENGINES), converter=intern)
    cpus: int = attrs.field(validator=[ge(1), le(MAX_CPUS)])
    seed: int = attrs.field(validator=[ge(0), le(LARGEST_SEED)])
    duration_s: float = attrs.field(validator=_TIME)
    expect: str = attrs.field(validator=in_(VERDICTS), converter=intern)
    verdict: str = attrs.field(validator=in_(VERDICTS), converter=intern)
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
    outcomes: Counts
    stop_machine: Stops
    stall: dict[str, Any] | None
    reports: Reported
    twin: TwinCounts | None
    conditions: Conditions
    trials: int | None = attrs.field(default=None, validator=optional(_COUNT))
    catches: int | None = attrs.field(default=None, validator=optional(_COUNT))
    catch_rate_upper_95: float | None = None
    updates: UpdateCosts | None = None
    forbidden: Names | None = None
    """Which of its outcomes are forbidden; None where an earlier version did not write it down."""
    again: str | None = None
    """The command that runs it again, where that is none of kstress's own: of a test."""
    noise: str | None = None
    """What took noise in a test's own bodies, in words; None if nothing did."""
    soak: dict[str, Any] | None = None
    """What a soak says of itself: one whose harness failed is not as expected, whatever its verdict."""
    applicable: bool = attrs.field()

    @applicable.default
    def _applicable(self) -> bool:
        return applies({"reason": self.reason})

    def __attrs_post_init__(self) -> None:
        """Raise ValueError for what contradicts itself."""
        if not (self.soak and self.soak.get("failure")):
            check_expected(self.as_expected, self.verdict, self.expect)
        check_caught(self.catches, self.trials)
        if (self.verdict == "violated") != (self.violations > 0):
            raise ValueError(f"{self.verdict} does not go with {self.violations} violations")
        if not self.violations and (seen := self._found()):
            raise ValueError(f"{', '.join(seen)} does not go with 0 violations")

    def _found(self) -> list[str]:
        """What kstress itself found, which every scenario forbids: a test may call an outcome of its own so."""
        seen = zip(self.outcomes.names, self.outcomes.counts, strict=True)
        return [] if self.of_a_test else [name for name, count in seen if count and name in FINDINGS]

    @property
    def of_a_test(self) -> bool:
        """Whether it is a run of a test's own bodies, and of no scenario."""
        return self.again is not None

    @property
    def rate(self) -> float | None:
        """Violations per race window, at most 1; None without windows."""
        return min(self.violations / self.race_windows, 1.0) if self.race_windows else None

    @property
    def caught(self) -> Trials:
        """What its rate and bound are made of: without trials race windows, and nothing of a test's own bodies."""
        if self.trials is None and self.of_a_test:
            return Trials()
        if self.trials is None or self.catches is None:
            return windows_as_trials(self.race_windows, self.violations)
        return Trials(self.trials, self.catches)

    def per_second(self, count: int) -> float | None:
        """How many a second; None for a run that had no time."""
        return count / self.duration_s if self.duration_s >= SHORTEST_S else None

    def config(self) -> Config:
        """The config that runs it again, as far as JSON has it."""
        duration = max(round(self.duration_s, 2), SHORTEST_DURATION_S)
        return _config_of(self.conditions, cpus=self.cpus, duration_s=duration, engine=self.engine, seed=self.seed)

    def values(self) -> Values:
        """Where it is on each axis that a sweep has."""
        return _values_of(self.conditions, self.scenario, self.engine, self.cpus)


def _set(conditions: Conditions) -> dict[str, Any]:
    """The settings that conditions have."""
    return {**settings_of(conditions, CONDITIONS), "noise": share(conditions.noise)}


def _config_of(conditions: Conditions, **more: Any) -> Config:
    """A config with these conditions; UserError for a value out of range."""
    return Config(**_set(conditions), **more)


def _values_of(conditions: Conditions, scenario: str = "", engine: str = "auto", cpus: int = 1) -> Values:
    """A place on all axes with these conditions; ValueError for a value out of range."""
    known = {"switch_interval_s": conditions.switch_interval_s, **_set(conditions)}
    more = {axis.field: known[axis.field] for axis in AXES if axis.field in known}
    return Values(scenario=scenario, engine=engine, cpus=cpus, **more)


let_more_keys(Run)


@lru_cache(MOST_KEPT)
def share(noise: float) -> Fraction:
    """A share of accesses as it was given on the command line."""
    return Fraction(noise).limit_denominator(1_000_000)
