"""Values from JSON that may be damaged or foreign: each is taken only for what it is, never for what it could be made.

Nothing is converted: no text for a number, no number for a bool, no text for an array. The converters of reports and
of campaigns share these rules.
"""

import math
from collections.abc import Callable, Mapping, Sequence
from types import GenericAlias, NoneType, UnionType
from typing import Any, get_args, get_origin

from cattrs import Converter, transform_error
from cattrs.errors import BaseValidationError
from cattrs.v import format_exception

from stress.safe_text import shown

LARGEST = 2**63 - 1
UNREADABLE = (BaseValidationError, ArithmeticError, AttributeError, LookupError, TypeError, ValueError)
"""What a converter raises for JSON that is not what it should be."""


def _bool(value: Any, _: Any) -> bool:
    """Truth from JSON."""
    if type(value) is not bool:
        raise TypeError(f"{value!r:.60} is not a bool")
    return value


def _int(value: Any, _: Any) -> int:
    """A whole number from JSON."""
    if type(value) is not int:
        raise TypeError(f"{value!r:.60} is not an int")
    if not -LARGEST <= value <= LARGEST:
        raise ValueError("a number is too large")
    return value


def _float(value: Any, _: Any) -> float:
    """A finite number from JSON."""
    if type(value) not in (int, float) or not math.isfinite(value):
        raise TypeError(f"{value!r:.60} is not a float")
    return float(value)


def text_of(value: Any, _: Any = str) -> str:
    """Text from JSON, with no lone surrogate, which nobody could print."""
    if type(value) is not str:
        raise TypeError(f"{value!r:.60} is not a str")
    try:
        value.encode()
    except UnicodeEncodeError:
        raise ValueError(f"{value!r:.60} has bytes that are not UTF-8") from None
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
            raise TypeError(f"{value!r:.60} is not an array")
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


def be_strict(made: Converter) -> None:
    """Let a converter take numbers, text, bools and arrays only for what they are."""
    takers: Mapping[Any, Callable[[Any, Any], Any]] = {bool: _bool, int: _int, float: _float, str: text_of}
    for kind, take in takers.items():
        made.register_structure_hook(kind, take)
    made.register_structure_hook_factory(_is_listed, lambda kind: _listed(made, kind))
    made.register_structure_hook_factory(_is_optional, lambda kind: _optional(made, kind))


def _reason(error: BaseException, kind: type | None) -> str:
    """What is wrong with a value: what its validator says, if it was one."""
    said = isinstance(error, ValueError) and not isinstance(error, BaseValidationError)
    return str(error) if said and str(error) else format_exception(error, kind)


def what_is_wrong(error: BaseException) -> str:
    """The first thing that is wrong with JSON, in one line, and how many more there are; one of UNREADABLE says so."""
    first, *more = transform_error(error, format_exception=_reason)
    return shown(first) + (f" (and {len(more)} more)" if more else "")
