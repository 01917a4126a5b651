"""Records as JSON, and back: the one converter for journal and processes.

Whatever is read back may be damaged or foreign, so nothing is taken for what it is not: no text for a number, no
unknown key, no count below zero, nothing for what is missing.
"""

import json
import math
import re
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from fractions import Fraction
from functools import cache
from types import GenericAlias, NoneType, UnionType
from typing import Any, TypeVar, get_args, get_origin

import attrs
from cattrs import Converter, transform_error
from cattrs.errors import BaseValidationError
from cattrs.gen import make_dict_structure_fn
from cattrs.v import format_exception

from stress.errors import UserError
from stress.judge.tally import Tally
from stress.judge.trials import Trials, windows_as_trials
from stress.machine.latency import BUCKETS
from stress.report.told import Told
from stress.safe_text import shown

LARGEST = 2**63 - 1
DEEPEST = 40
_FRACTION = re.compile(r"[0-9]{1,40}(?:/[0-9]{1,40})?")

T = TypeVar("T")


def _bool(value: Any, _: Any) -> bool:
    """Truth from JSON."""
    if type(value) is not bool:
        raise TypeError(f"{value!r:.60} is no bool")
    return value


def _int(value: Any, _: Any) -> int:
    """A whole number from JSON."""
    if type(value) is not int:
        raise TypeError(f"{value!r:.60} is no int")
    if not -LARGEST <= value <= LARGEST:
        raise ValueError("a number is too large")
    return value


def _float(value: Any, _: Any) -> float:
    """A finite number from JSON."""
    if type(value) not in (int, float) or not math.isfinite(value):
        raise TypeError(f"{value!r:.60} is no float")
    return float(value)


def _str(value: Any, _: Any) -> str:
    """Text from JSON, with no lone surrogate."""
    if type(value) is not str:
        raise TypeError(f"{value!r:.60} is no str")
    value.encode()
    return value


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


def _complete(value: Any, kind: type, *newer: str) -> dict[str, Any]:
    """An object with every key of a record whose fields have defaults: nothing that is missing is zero.

    `newer` are keys that earlier versions did not write.
    """
    if type(value) is not dict:
        raise TypeError(f"{value!r:.60} is no {kind.__name__.lower()}")
    if missing := _names_of(kind).difference(value, newer):
        raise KeyError(min(missing))
    return value


@cache
def _names_of(kind: type) -> frozenset[str]:
    """The names of a record's fields."""
    return frozenset(field.name for field in attrs.fields(kind))


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


def _is_optional(kind: Any) -> bool:
    """Whether a type is one other type, or None."""
    return isinstance(kind, UnionType) and len(get_args(kind)) == 2 and NoneType in get_args(kind)


def _optional(made: Converter, kind: Any) -> Callable[[Any, Any], Any]:
    """A hook for such a type; it looks up the hook of the other one once, and not for each value."""
    [other] = [one for one in get_args(kind) if one is not NoneType]
    inner = made.get_structure_hook(other)
    return lambda value, _: None if value is None else inner(value, other)


def _tally(value: Any, _: Any) -> Tally:
    """A tally from JSON."""
    rest = dict(_complete(value, Tally, "caught"))
    latencies, outcomes, caught = rest.pop("latencies"), rest.pop("outcomes"), rest.pop("caught", None)
    seconds, first = _seconds(rest.pop("seconds")), rest.pop("first_violation_s")
    dense = [0] * BUCKETS
    for bucket, count in latencies.items():
        dense[_bucket(bucket)] = _count(count)
    counts = {name: _count(count) for name, count in rest.items()}
    return Tally(
        seconds=seconds,
        first_violation_s=None if first is None else _seconds(first),
        outcomes=Counter({_plain(name): _count(count) for name, count in outcomes.items()}),
        latencies=dense,
        caught=_trials(caught) if caught else windows_as_trials(counts["race_windows"], counts["violations"]),
        **counts,
    )


def _trials(value: Any) -> Trials:
    """Trials from JSON."""
    rest = dict(_complete(value, Trials))
    independent = rest.pop("independent")
    if type(independent) is not bool:
        raise TypeError(f"{independent!r:.60} is no bool")
    return Trials(**{name: _count(count) for name, count in rest.items()}, independent=independent)


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


class Unread(Mapping[str, Any]):
    """A JSON object that is not read yet."""

    __slots__ = ()


def _object(value: Any, _: Any) -> dict[str, Any]:
    """Any object from JSON."""
    if type(value) is not dict:
        raise TypeError(f"{value!r:.60} is no object")
    return dict(_plain(value))


def _mapping(value: Any, kind: Any) -> Mapping[str, Any]:
    """Any object from JSON, or what stands for one that is checked when it is read."""
    return value if isinstance(value, Unread) else _object(value, kind)


def _converter() -> Converter:
    """The converter with all hooks."""
    made = Converter(forbid_extra_keys=True)
    made.register_structure_hook_func(lambda kind: kind == dict[str, Any], _object)
    made.register_structure_hook_func(lambda kind: kind == Mapping[str, Any], _mapping)
    for kind, take in {bool: _bool, int: _int, float: _float, str: _str}.items():
        made.register_structure_hook(kind, take)
    made.register_structure_hook_factory(_is_listed, lambda kind: _listed(made, kind))
    made.register_structure_hook_factory(_is_optional, lambda kind: _optional(made, kind))
    made.register_structure_hook(Fraction, lambda value, _: _fraction(value))
    made.register_unstructure_hook(Fraction, str)
    made.register_structure_hook(Tally, _tally)
    made.register_unstructure_hook(Tally, _tally_json)
    told = make_dict_structure_fn(Told, made, _cattrs_forbid_extra_keys=True)
    made.register_structure_hook(Told, lambda value, kind: _told(told(_plain(value), kind)))
    return made


CONVERTER = _converter()


def complete_but(*newer: str) -> Callable[[type[T]], type[T]]:
    """A decorator of records: JSON must have every key but the `newer` ones, which earlier versions did not write."""

    def register(kind: type[T]) -> type[T]:
        structure = make_dict_structure_fn(kind, CONVERTER, _cattrs_forbid_extra_keys=True)
        CONVERTER.register_structure_hook(kind, lambda value, _: structure(_complete(value, kind, *newer), kind))
        return kind

    return register


def complete_only(kind: type[T]) -> type[T]:
    """A decorator of records: JSON must have every key, the ones with defaults too."""
    return complete_but()(kind)


def _reason(error: BaseException, kind: type | None) -> str:
    """What is wrong with a value: what its validator says, if it was one."""
    said = isinstance(error, ValueError) and not isinstance(error, BaseValidationError)
    return str(error) if said and str(error) else format_exception(error, kind)


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
        first, *more = transform_error(error, format_exception=_reason)
        others = f" (and {len(more)} more)" if more else ""
        raise UserError(f"{where} is no {kind.__name__.lower()}: {shown(first)}{others}") from None
