"""What a soak writes down, as types, and the one converter between them and JSON. Used by journal and processes.

Whatever is read back may be damaged or foreign, so nothing is taken for what it is not: no text for a number, no
unknown outcome, no count below zero.
"""

import math
from collections import Counter
from collections.abc import Callable, Mapping
from fractions import Fraction
from pathlib import Path
from typing import Any, TypeVar

import attrs
from attrs.validators import ge, gt
from cattrs import Converter, transform_error
from cattrs.errors import BaseValidationError

from stress.conditions import Conditions
from stress.config import Config
from stress.errors import UserError
from stress.judge.outcomes import Outcome
from stress.judge.tally import Tally
from stress.machine.latency import BUCKETS
from stress.report.told import Told
from stress.scenario import Scenario

SCHEMA = 1
STATUSES = ("running", "complete", "interrupted", "failed")

T = TypeVar("T")


@attrs.frozen
class Part:
    """One scenario of a soak: what it takes to judge and show it without its file, and a digest of that file."""

    name: str
    origin: str
    claim: str
    source: str
    expect: str
    twin: str | None
    outcomes: dict[str, Outcome]
    digest: str

    def scenario(self) -> Scenario:
        """The scenario without its programs: for verdicts and tables, not to be run."""
        return Scenario(
            self.name, self.claim, self.source, (), self.expect, self.twin, outcomes=self.outcomes, origin=self.origin
        )


@attrs.frozen
class Plan:
    """What a soak is of: all that its counts depend on, and its times in seconds.

    `corpus` is the path that was given, None for the bundled one. The digests are of the bytes of the corpus and of
    all sources that programs are made of.
    """

    scenarios: tuple[Part, ...]
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

    def config(self) -> Config:
        """The config that runs it; UserError for a value out of range."""
        return Config(
            cpus=self.cpus,
            duration_s=self.duration_s,
            engine=self.engine,
            seed=self.seed,
            kasan=self.kasan,
            noise=self.noise,
            pace_s=self.pace_s,
            stall_after_s=self.stall_after_s,
            stop_on_violation=self.stop_on_violation,
            corpus=Path(self.corpus) if self.corpus else None,
        )


@attrs.frozen
class Session:
    """One process that worked on a soak: when it began (UTC), and under which conditions."""

    began: str
    conditions: Conditions


@attrs.frozen
class Manifest:
    """The head of a run directory. `status` is "running" until the soak has ended, whatever became of the process."""

    schema: int
    made_by: str
    status: str = attrs.field(validator=attrs.validators.in_(STATUSES))
    plan: Plan
    sessions: tuple[Session, ...]


@attrs.frozen(kw_only=True)
class Standing:
    """How one scenario stands: all its counts since the soak began, not only those of the last interval.

    `elapsed_s` is the time of the whole soak, `slices` how many machines were booted for the scenario. `stall`,
    `twin_stall` (in a line) and `failure` say what ended it or its twin, `done` that it takes no more turns.
    """

    scenario: str
    elapsed_s: float = attrs.field(default=0.0, validator=ge(0.0))
    slices: int = attrs.field(default=0, validator=ge(0))
    tally: Tally = attrs.field(factory=Tally)
    twin: Tally | None = None
    stall: Told | None = None
    twin_stall: str | None = None
    failure: Told | None = None
    done: bool = False


@attrs.frozen(kw_only=True)
class Sample:
    """One line of `samples.jsonl`: a standing, when it was written (UTC), in which session, at what cost.

    `memory_bytes` is the resident memory of the machine's process, `steal_percent` what other guests of the host took.
    """

    at: str
    session: int
    memory_bytes: int | None
    steal_percent: float | None
    standing: Standing


@attrs.frozen
class Finding:
    """One line of `violations.jsonl`: the first violation of an outcome in a scenario, told in full."""

    scenario: str
    outcome: str
    at: str
    told: Told


def _strict(kind: type, *allowed: type) -> Callable[[Any, Any], Any]:
    """A hook that takes a value of the `allowed` types only, finite and with no lone surrogate."""

    def take(value: Any, _: Any) -> Any:
        if type(value) not in allowed or (kind is float and not math.isfinite(value)):
            raise TypeError(f"{value!r:.60} is no {kind.__name__}")
        if kind is str:
            value.encode()
        return kind(value)

    return take


def _tally_json(tally: Tally) -> dict[str, Any]:
    """A tally; of its latencies only the buckets that are not empty."""
    latencies = {str(bucket): count for bucket, count in enumerate(tally.latencies) if count}
    return {**attrs.asdict(tally), "outcomes": dict(tally.outcomes), "latencies": latencies}


def _count(value: Any) -> int:
    """A count from JSON."""
    if type(value) is not int or value < 0:
        raise TypeError(f"{value!r:.60} is no count")
    return value


def _seconds(value: Any) -> float:
    """A time from JSON."""
    if type(value) not in (int, float) or not 0 <= value < math.inf:
        raise TypeError(f"{value!r:.60} is no time in seconds")
    return float(value)


def _tally(value: Any, _: Any) -> Tally:
    """A tally from JSON."""
    rest = dict(value)
    latencies, outcomes = dict(rest.pop("latencies")), dict(rest.pop("outcomes"))
    seconds, first = _seconds(rest.pop("seconds")), rest.pop("first_violation_s")
    dense = [0] * BUCKETS
    for bucket, count in latencies.items():
        dense[int(bucket)] = _count(count)
    return Tally(
        seconds=seconds,
        first_violation_s=None if first is None else _seconds(first),
        outcomes=Counter({str(name): _count(count) for name, count in outcomes.items()}),
        latencies=dense,
        **{name: _count(count) for name, count in rest.items()},
    )


def _converter() -> Converter:
    """The converter with all hooks."""
    made = Converter(forbid_extra_keys=True)
    for kind, allowed in {bool: (bool,), int: (int,), float: (int, float), str: (str,)}.items():
        made.register_structure_hook(kind, _strict(kind, *allowed))
    made.register_structure_hook(Fraction, lambda value, _: Fraction(_strict(str, str)(value, str)))
    made.register_unstructure_hook(Fraction, str)
    made.register_structure_hook(Tally, _tally)
    made.register_unstructure_hook(Tally, _tally_json)
    return made


CONVERTER = _converter()


def to_json(record: Any) -> Any:
    """A record as JSON has it."""
    return CONVERTER.unstructure(record)


def from_json(value: Any, kind: type[T], where: str) -> T:
    """A record of this kind out of JSON that came from `where`.

    Raises:
        UserError: for anything else; names the first thing that is wrong, and how many more there are.
    """
    try:
        return CONVERTER.structure(value, kind)
    except (BaseValidationError, ArithmeticError, AttributeError, LookupError, TypeError, ValueError) as error:
        first, *more = transform_error(error)
        others = f" (and {len(more)} more)" if more else ""
        text = first.encode("ascii", "backslashreplace").decode()
        raise UserError(f"{where} is no {kind.__name__.lower()} of a soak: {text}{others}") from None


def parts_by_name(plan: Plan) -> Mapping[str, Part]:
    """The scenarios of a plan, by their names."""
    return {part.name: part for part in plan.scenarios}
