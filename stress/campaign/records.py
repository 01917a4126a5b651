"""What a soak writes down, as types, and the one converter between them and JSON. Used by journal and processes.

Whatever is read back may be damaged or foreign, so nothing is taken for what it is not: no text for a number, no
unknown outcome, no count below zero, nothing for what is missing.
"""

import math
import re
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from fractions import Fraction
from pathlib import Path
from types import GenericAlias
from typing import Any, TypeVar, get_args, get_origin

import attrs
from attrs.validators import ge, gt, in_, min_len, optional
from cattrs import Converter, transform_error
from cattrs.errors import BaseValidationError
from cattrs.gen import make_dict_structure_fn

from stress.conditions import Conditions
from stress.config import Config
from stress.corpus.untrusted import shown
from stress.errors import UserError
from stress.judge.outcomes import ACCEPTABLE, FORBIDDEN, Outcome
from stress.judge.tally import Tally
from stress.machine.latency import BUCKETS
from stress.report.told import Told
from stress.scenario import VERDICTS, Scenario

SCHEMA = 1
STATUSES = ("running", "complete", "interrupted", "failed")
LARGEST = 2**63 - 1
DEEPEST = 40
_FRACTION = re.compile(r"[0-9]{1,40}(?:/[0-9]{1,40})?")

T = TypeVar("T")


def _check_outcomes(instance: object, attribute: object, outcomes: Mapping[str, Outcome]) -> None:
    """Raise ValueError for outcomes that cannot be counted by their names or shown in a table."""
    for name, outcome in outcomes.items():
        if name != outcome.name or outcome.grade not in (FORBIDDEN, ACCEPTABLE) or "[" in name:
            raise ValueError(f"{name!r:.60} is no outcome")


def _check_names(instance: object, attribute: object, parts: "Sequence[Part]") -> None:
    """Raise ValueError unless every scenario is there once."""
    if len({part.name for part in parts}) != len(parts):
        raise ValueError("a scenario is there twice")


def _check_report(instance: object, attribute: object, told: Told) -> None:
    """Raise ValueError unless a violation has what is printed of it: a rule, then a title."""
    if len(told.lines) < 2:
        raise ValueError("a violation has at least two lines")


@attrs.frozen
class Part:
    """One scenario of a soak: what it takes to judge and show it without its file, and a digest of that file."""

    name: str
    origin: str
    claim: str
    source: str
    expect: str = attrs.field(validator=in_(VERDICTS))
    twin: str | None
    outcomes: dict[str, Outcome] = attrs.field(validator=_check_outcomes)
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

    scenarios: tuple[Part, ...] = attrs.field(validator=[min_len(1), _check_names])
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
    status: str = attrs.field(validator=in_(STATUSES))
    plan: Plan
    sessions: tuple[Session, ...] = attrs.field(validator=min_len(1))


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
    memory_bytes: int | None = attrs.field(validator=optional(ge(0)))
    steal_percent: float | None
    standing: Standing


@attrs.frozen
class Finding:
    """One line of `violations.jsonl`: the first violation of an outcome in a scenario, told in full."""

    scenario: str
    outcome: str
    at: str
    told: Told = attrs.field(validator=_check_report)


def _strict(kind: type, *allowed: type) -> Callable[[Any, Any], Any]:
    """A hook that takes a value of the `allowed` types only, finite and with no lone surrogate."""

    def take(value: Any, _: Any) -> Any:
        if type(value) not in allowed or (kind is float and not math.isfinite(value)):
            raise TypeError(f"{value!r:.60} is no {kind.__name__}")
        if kind is int and abs(value) > LARGEST:
            raise ValueError("a number is too large")
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
    if type(value) is not int or not 0 <= value <= LARGEST:
        raise TypeError(f"{value!r:.60} is no count")
    return value


def _seconds(value: Any) -> float:
    """A time from JSON."""
    if type(value) not in (int, float) or not 0 <= value < math.inf:
        raise TypeError(f"{value!r:.60} is no time in seconds")
    return float(value)


def _bucket(text: str) -> int:
    """The number of a bucket, a key in JSON."""
    if not text.isdecimal() or not 0 <= int(text) < BUCKETS or str(int(text)) != text:
        raise ValueError(f"{text!r:.60} is no bucket of latencies")
    return int(text)


def _complete(value: Any, kind: type) -> dict[str, Any]:
    """An object with every key of a record whose fields have defaults: nothing that is missing is zero."""
    if type(value) is not dict:
        raise TypeError(f"{value!r:.60} is no {kind.__name__.lower()}")
    if missing := {field.name for field in attrs.fields(kind)} - set(value):
        raise KeyError(min(missing))
    return value


def _plain(value: Any, depth: int = 0) -> Any:
    """JSON that can be written again: finite, with no lone surrogate, not nested without end."""
    if depth > DEEPEST:
        raise ValueError("nested too deeply")
    if isinstance(value, float) and not math.isfinite(value):
        raise ValueError(f"{value} is no number")
    if isinstance(value, str):
        value.encode()
    inner = [*value, *value.values()] if isinstance(value, dict) else value if isinstance(value, list) else []
    for one in inner:
        _plain(one, depth + 1)
    return value


def _is_listed(kind: Any) -> bool:
    """Whether a type is a list or tuple of one type."""
    origin: Any = get_origin(kind)
    return origin in (list, tuple)


def _listed(made: Converter, kind: Any) -> Callable[[Any, Any], Any]:
    """A hook that takes a JSON array only, for a list or tuple of one type."""
    item: Any = GenericAlias(Sequence, get_args(kind)[:1])
    inner = made.get_structure_hook(item)

    def take(value: Any, _: Any) -> Any:
        if type(value) is not list:
            raise TypeError(f"{value!r:.60} is no array")
        return (get_origin(kind) or list)(inner(value, item))

    return take


def _tally(value: Any, _: Any) -> Tally:
    """A tally from JSON."""
    rest = dict(_complete(value, Tally))
    latencies, outcomes = rest.pop("latencies"), rest.pop("outcomes")
    seconds, first = _seconds(rest.pop("seconds")), rest.pop("first_violation_s")
    dense = [0] * BUCKETS
    for bucket, count in latencies.items():
        dense[_bucket(bucket)] = _count(count)
    return Tally(
        seconds=seconds,
        first_violation_s=None if first is None else _seconds(first),
        outcomes=Counter({_plain(name): _count(count) for name, count in outcomes.items()}),
        latencies=dense,
        **{name: _count(count) for name, count in rest.items()},
    )


def _told(told: Told) -> Told:
    """What was told, which is at least a line."""
    if not told.lines:
        raise ValueError("nothing is told")
    return told


def _fraction(value: Any) -> Fraction:
    """A fraction as text; one like 1e999999999 would take all memory."""
    if type(value) is not str or not _FRACTION.fullmatch(value):
        raise TypeError(f"{value!r:.60} is no fraction")
    return Fraction(value)


def _converter() -> Converter:
    """The converter with all hooks."""
    made = Converter(forbid_extra_keys=True)
    for kind, allowed in {bool: (bool,), int: (int,), float: (int, float), str: (str,)}.items():
        made.register_structure_hook(kind, _strict(kind, *allowed))
    made.register_structure_hook_func(_is_listed, lambda value, kind: _listed(made, kind)(value, kind))
    made.register_structure_hook(Fraction, lambda value, _: _fraction(value))
    made.register_unstructure_hook(Fraction, str)
    made.register_structure_hook(Tally, _tally)
    made.register_unstructure_hook(Tally, _tally_json)
    told = make_dict_structure_fn(Told, made, _cattrs_forbid_extra_keys=True)
    made.register_structure_hook(Told, lambda value, kind: _told(told(_plain(value), kind)))
    standing = make_dict_structure_fn(Standing, made, _cattrs_forbid_extra_keys=True)
    made.register_structure_hook(Standing, lambda value, kind: standing(_complete(value, Standing), kind))
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
        raise UserError(f"{where} is no {kind.__name__.lower()} of a soak: {shown(first)}{others}") from None


def parts_by_name(plan: Plan) -> Mapping[str, Part]:
    """The scenarios of a plan, by their names."""
    return {part.name: part for part in plan.scenarios}
