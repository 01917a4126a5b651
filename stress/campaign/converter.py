"""Records as JSON, and back: the one converter for journal and processes.

Whatever is read back may be damaged or foreign, so nothing is taken for what it is not: no text for a number, no
unknown key, no count below zero, nothing for what is missing.
"""

import json
import math
import re
from collections import Counter
from collections.abc import Callable, Mapping
from fractions import Fraction
from functools import cache
from typing import Any, TypeVar

import attrs
from cattrs import Converter
from cattrs.gen import make_dict_structure_fn

from stress.config import NEWER
from stress.errors import UserError
from stress.judge.tally import Tally, Updates
from stress.judge.trials import Trials, windows_as_trials
from stress.machine.latency import BUCKETS
from stress.runs.report import Report
from stress.strict_json import LARGEST, UNREADABLE, be_strict, what_is_wrong

DEEPEST = 40
_FRACTION = re.compile(r"[0-9]{1,40}(?:/[0-9]{1,40})?")

T = TypeVar("T")
Hook = Callable[[Any, Any], Any]
"""How a value from JSON is read: the value and its type."""


def _words(kind: type) -> str:
    """The name of a type of records as words, like "cell result"."""
    return re.sub("(?<=[a-z])(?=[A-Z])", " ", kind.__name__).lower()


def _tally_json(tally: Tally) -> dict[str, Any]:
    """A tally; of its latencies only the buckets that are not empty."""
    latencies = {str(bucket): count for bucket, count in enumerate(tally.latencies) if count}
    written = {**attrs.asdict(tally), "outcomes": dict(tally.outcomes), "latencies": latencies}
    # Without these it is as earlier versions wrote it.
    if not tally.updates.count:
        del written["updates"]
    if tally.trial_seconds is None:
        del written["trial_seconds"]
    return written


def count_of(value: Any) -> int:
    """A count from JSON."""
    if type(value) is not int or not 0 <= value <= LARGEST:
        raise TypeError(f"{value!r:.60} is not a count")
    return value


def _seconds(value: Any) -> float:
    """A time from JSON."""
    if type(value) not in (int, float) or not 0 <= value < math.inf:
        raise TypeError(f"{value!r:.60} is not a time in seconds")
    return float(value)


def _bucket(text: str) -> int:
    """The number of a bucket, a key in JSON."""
    if not text.isdecimal() or not 0 <= int(text) < BUCKETS or str(int(text)) != text:
        raise ValueError(f"{text!r:.60} is not a bucket of latencies")
    return int(text)


def _complete(value: Any, kind: type, *newer: str) -> dict[str, Any]:
    """An object with every key of a record whose fields have defaults: nothing that is missing is zero.

    `newer` are keys that earlier versions did not write.
    """
    if type(value) is not dict:
        raise TypeError(f"{value!r:.60} is not a {_words(kind)}")
    if missing := _names_of(kind).difference(value, newer):
        raise KeyError(min(missing))
    return value


@cache
def _names_of(kind: type) -> frozenset[str]:
    """The names of a record's fields, but for those that older ones lack."""
    return frozenset(field.name for field in attrs.fields(kind) if not field.metadata.get(NEWER))


def _plain(value: Any) -> Any:
    """JSON that can be written again: finite, with no lone surrogate, not nested without end."""
    _check_depth(value, DEEPEST)
    json.dumps(value, ensure_ascii=False, allow_nan=False).encode()
    return value


def _check_depth(value: Any, left: int) -> None:
    """Raise ValueError for JSON that is nested more than `left` times."""
    if isinstance(value, dict | list):
        if not left:
            raise ValueError("nested too deeply")
        for inner in value.values() if isinstance(value, dict) else value:
            if type(inner) in (dict, list):
                _check_depth(inner, left - 1)


def _tally(value: Any, _: Any) -> Tally:
    """A tally from JSON."""
    rest = dict(_complete(value, Tally, "caught", "updates", "trial_seconds"))
    latencies, outcomes, caught = rest.pop("latencies"), rest.pop("outcomes"), rest.pop("caught", None)
    seconds, first, cost = _seconds(rest.pop("seconds")), rest.pop("first_violation_s"), rest.pop("updates", {})
    in_trial = rest.pop("trial_seconds", None)
    dense = [0] * BUCKETS
    for bucket, count in latencies.items():
        dense[_bucket(bucket)] = count_of(count)
    counts = {name: count_of(count) for name, count in rest.items()}
    return Tally(
        seconds=seconds,
        first_violation_s=None if first is None else _seconds(first),
        outcomes=Counter({_plain(name): count_of(count) for name, count in outcomes.items()}),
        latencies=dense,
        caught=_trials(caught) if caught else windows_as_trials(counts["race_windows"], counts["violations"]),
        updates=Updates(**{name: count_of(count) for name, count in cost.items()}),
        trial_seconds=None if in_trial is None else _seconds(in_trial),
        **counts,
    )


def _trials(value: Any) -> Trials:
    """Trials from JSON."""
    rest = dict(_complete(value, Trials))
    independent = rest.pop("independent")
    if type(independent) is not bool:
        raise TypeError(f"{independent!r:.60} is not a bool")
    return Trials(**{name: count_of(count) for name, count in rest.items()}, independent=independent)


def _with_lines(report: Report) -> Report:
    """A report; ValueError if it has no line."""
    if not report.lines:
        raise ValueError("the report has no line")
    return report


def _fraction(value: Any) -> Fraction:
    """A fraction as text; one like 1e999999999 would take all memory."""
    if type(value) is not str or not _FRACTION.fullmatch(value):
        raise TypeError(f"{value!r:.60} is not a fraction")
    return Fraction(value)


class Unread(Mapping[str, Any]):
    """A JSON object that is not read yet."""

    __slots__ = ()


def _object(value: Any, _: Any) -> dict[str, Any]:
    """Any object from JSON."""
    if type(value) is not dict:
        raise TypeError(f"{value!r:.60} is not an object")
    return dict(_plain(value))


def _mapping(value: Any, kind: Any) -> Mapping[str, Any]:
    """Any object from JSON, or what stands for one that is checked when it is read."""
    return value if isinstance(value, Unread) else _object(value, kind)


def _report(made: Converter) -> Hook:
    """How a report is read."""
    read = make_dict_structure_fn(Report, made, _cattrs_forbid_extra_keys=True)
    return lambda value, kind: _with_lines(read(_plain(value), kind))


def read_by(converter: Converter, kind: type, make: Callable[[Converter], Hook]) -> None:
    """Let a converter read a kind of record by a hook that is made for the first one; most commands read none."""
    converter.register_structure_hook_factory(lambda one: one is kind, lambda _: make(converter))


def _converter() -> Converter:
    """The converter with all hooks."""
    made = Converter(forbid_extra_keys=True)
    made.register_structure_hook_func(lambda kind: kind == dict[str, Any], _object)
    made.register_structure_hook_func(lambda kind: kind == Mapping[str, Any], _mapping)
    be_strict(made)
    made.register_structure_hook(Fraction, lambda value, _: _fraction(value))
    made.register_unstructure_hook(Fraction, str)
    made.register_structure_hook(Tally, _tally)
    made.register_unstructure_hook(Tally, _tally_json)
    read_by(made, Report, _report)
    return made


CONVERTER = _converter()


def complete(*newer: str) -> Callable[[type[T]], type[T]]:
    """A decorator of records: JSON must have every key, also of a field that has a default.

    The `newer` ones may be missing, which earlier versions did not write.
    """

    def register(kind: type[T]) -> type[T]:
        def make(made: Converter) -> Hook:
            read = make_dict_structure_fn(kind, made, _cattrs_forbid_extra_keys=True)
            return lambda value, _: read(_complete(value, kind, *newer), kind)

        read_by(CONVERTER, kind, make)
        return kind

    return register


def let_more_keys(kind: type, **overrides: Any) -> None:
    """Let JSON of this kind of record have keys that nobody knows; `overrides` of fields are as cattrs takes them."""
    read_by(
        CONVERTER, kind, lambda made: make_dict_structure_fn(kind, made, _cattrs_forbid_extra_keys=False, **overrides)
    )


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
    except UNREADABLE as error:
        raise UserError(f"{where} is not a {_words(kind)}: {what_is_wrong(error)}") from None
