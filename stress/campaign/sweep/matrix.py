"""What a person asks a sweep for, from flags or from a TOML plan: all of it is read, all errors reported at once."""

import difflib
import secrets
import tomllib
from collections.abc import Callable, Iterable, Mapping
from pathlib import Path
from typing import Any

import attrs

from stress.campaign.sweep.axes import value_on
from stress.campaign.sweep.find import KNOWN, Sought, read_find, read_percent
from stress.campaign.sweep.records import ALIKE
from stress.config import keeping
from stress.errors import UserError
from stress.host import disk
from stress.kinds import read_text, read_whole
from stress.safe_text import shown
from stress.settings import AXES, SETTINGS, Setting

MOST_REPEATS = 10_000
DEFAULT_REPEAT = 3
DEFAULT_SHARE = DEFAULT_CONFIDENCE = 0.95
DEFAULT_MOST = 500
"""How often each cell of a search is run at most."""
DEFAULT_SECONDS = 2.0
LARGEST_PLAN = 16 << 20


@attrs.frozen(kw_only=True, field_transformer=keeping(ALIKE))
class Matrix:
    """Scenarios (names or paths), the values on each axis by its config's field, and what all cells have alike.

    `find` makes a search of it: the field of "cpus", "noise", "gap_s" or "duration_s" on whose axis the knee is sought,
    among the values on that axis: the least at which `share` of all runs show the race, with this `confidence`; then
    `repeat` is how often a cell is run at most. `plan` is the file that all of this comes from, for errors; empty if it
    comes from flags.
    """

    scenarios: tuple[str, ...]
    axes: Mapping[str, tuple[Any, ...]] = attrs.field(factory=dict)
    find: str | None = None
    share: float = DEFAULT_SHARE
    confidence: float = DEFAULT_CONFIDENCE
    repeat: int = attrs.field()
    seed: int = attrs.field(factory=lambda: secrets.randbelow(2**31))
    duration_s: float = DEFAULT_SECONDS
    kasan: bool = True
    stall_after_s: float | None = None
    stop_on_violation: bool = False
    plan: str = attrs.field(default="", eq=False)

    @repeat.default
    def _usual_repeat(self) -> int:
        return DEFAULT_MOST if self.find else DEFAULT_REPEAT

    def where(self, key: str) -> str:
        """Where the value of an axis or another key of a plan comes from: the plan and its key, or the flag."""
        key = "find" if self.find and key in KNOWN and KNOWN[key].field == self.find else key
        if self.plan:
            return f"{self.plan}: {key if key in (*KEYS, 'axes') else f'axes.{key}'}"
        return "SCENARIO" if key == "scenarios" else f"--{key}"


class Errors:
    """What is wrong, in the order in which it was found; nothing starts until all has been looked at."""

    def __init__(self) -> None:
        """None so far."""
        self._texts: list[str] = []

    def collect(self, read: Callable[..., Any], *given: object) -> Any:
        """What `read` returns for what is given; None if it raises a UserError, which is kept."""
        try:
            return read(*given)
        except UserError as error:
            for text in error.args:
                self.add(str(text))
            return None

    def add(self, text: str) -> None:
        """One more, unless it is there: what is wrong with a value is wrong in each of its cells."""
        if text not in self._texts:
            self._texts.append(text)

    def check(self) -> None:
        """Raise all as one UserError, a line for each, if there are any."""
        if self._texts:
            raise UserError(*self._texts)


def values_on(axis: Setting, given: Iterable[object], origin: str, errors: Errors) -> tuple[Any, ...]:
    """The values on one axis; a value that is there twice is an error, since its cells would count twice."""
    values, words = list[Any](), list[object]()
    for one in given:
        value = errors.collect(value_on, axis, one, origin)
        if value is not None and value in values:
            errors.add(f"{origin}: {_twice(one, words[values.index(value)])}; name each value once")
        values.append(value)
        words.append(one)
    if not values:
        errors.add(f"{origin}: no value; give at least one, or leave it out")
    return tuple(values)


def _twice(one: object, before: object) -> str:
    """That a value is given twice, and the words of the other one, if they differ: `auto` stands for an engine."""
    same = "" if one == before else f": it is the same as {shown(repr(before))} here"
    return f"{shown(repr(one))} is given twice{same}"


def _repeat(value: object, origin: str) -> int:
    """How often to run each cell."""
    repeat = read_whole(value, origin)
    if not 1 <= repeat <= MOST_REPEATS:
        raise UserError(f"{origin}: {repeat} is not from 1 to {MOST_REPEATS:,}")
    return repeat


def _scenarios(value: object, origin: str) -> tuple[str, ...]:
    """Names or paths of scenarios."""
    if not isinstance(value, list) or not value:
        raise UserError(f'{origin}: {shown(repr(value))} is not a list of scenarios; give one like ["stop_machine"]')
    return tuple(read_text(one, origin) for one in value)


KEYS: dict[str, tuple[str, Callable[[object, str], Any]]] = {
    "scenarios": ("scenarios", _scenarios),
    "repeat": ("repeat", _repeat),
    **{setting.name: (setting.field, setting.read) for setting in SETTINGS if not setting.axis},
    "find": ("find", read_find),
    "share": ("share", read_percent),
    "confidence": ("confidence", read_percent),
}
"""What a plan may contain other than `axes`, the matrix's field that it sets, and how it is read."""


def read_settings(given: Mapping[str, object], origin: Callable[[str], str], errors: Errors) -> dict[str, Any]:
    """What all cells have alike, by the matrix's fields; the scenarios too."""
    read = {}
    for key, value in given.items():
        field, reader = KEYS[key]
        read[field] = errors.collect(reader, value, origin(key))
    return read


def _parse(path: Path) -> dict[str, Any]:
    """A TOML document."""
    with disk.telling(f"cannot read {shown(path)}", "give a plan, or names of scenarios"):
        raw = disk.read_whole(path, LARGEST_PLAN)
    try:
        return tomllib.loads(raw.decode())
    except (ValueError, RecursionError) as error:  # not UTF-8, not TOML, or a number of thousands of digits
        raise UserError(f"{shown(path)} is not TOML: {shown(str(error))}") from None


def _unknown(keys: Iterable[str], known: Iterable[str], where: str, errors: Errors) -> None:
    """Add an error for each key that nobody knows."""
    names = list(known)
    for key in keys:
        if key not in names:
            near = difflib.get_close_matches(key, names, 1)
            meant = f"did you mean {near[0]!r}" if near else f"give some of {', '.join(names)}"
            errors.add(f"{where}: {shown(repr(key))} is not a key of a plan; {meant}")


def read_plan(path: Path) -> Matrix:
    """The matrix of a plan.

    Raises:
        UserError: with a line for each error; each names the file, the key and the value.
    """
    document, errors = _parse(path), Errors()
    where = shown(path)
    axes = document.pop("axes", {})
    if not isinstance(axes, dict):
        errors.add(f"{where}: axes: {shown(repr(axes))} is not a table; write its keys below [axes]")
        axes = {}
    names = {axis.name: axis for axis in AXES}
    _unknown(document, [*KEYS, "axes"], where, errors)
    _unknown(axes, names, f"{where}: axes", errors)
    if "scenarios" not in document:
        errors.add(f"{where}: scenarios: there are none; name at least one")
    known = {key: value for key, value in document.items() if key in KEYS}
    settings = read_settings(known, lambda key: f"{where}: {key}", errors)
    read = {
        names[key].field: values_on(names[key], _listed(given), f"{where}: axes.{key}", errors)
        for key, given in axes.items()
        if key in names
    }
    return _matrix(read, settings, errors, where)


def _listed(given: object) -> list[object]:
    """Values; a lone one is a list of one."""
    return given if isinstance(given, list) else [given]


def matrix_of(scenarios: Iterable[str], flags: Mapping[str, object]) -> Matrix:
    """The matrix that the command line asks for: a plan and nothing beside it, or scenarios and flags.

    `flags` has the text of each flag by its name, with underscores.

    Raises:
        UserError: with a line for each error.
    """
    names, given = tuple(scenarios), {name.replace("_", "-"): value for name, value in flags.items()}
    plans = [name for name in names if name.endswith(".toml")]
    if not plans:
        return _from_flags(names, given)
    beside = [*(name for name in names if name != plans[0]), *(f"--{name}" for name in given)]
    if beside:
        raise UserError(f"{shown(plans[0])}: the plan says all that is run; leave {shown(', '.join(beside))} out")
    return read_plan(Path(plans[0]))


def _from_flags(scenarios: tuple[str, ...], given: Mapping[str, Any]) -> Matrix:
    """The matrix that scenarios and flags ask for."""
    errors, axes = Errors(), [axis for axis in AXES if axis.name in given]
    values = {axis.field: values_on(axis, given[axis.name].split(","), axis.flag, errors) for axis in axes}
    alike = {name: value for name, value in given.items() if name not in {axis.name for axis in axes}}
    settings = read_settings(alike, lambda key: f"--{key}", errors)
    return _matrix(values, {"scenarios": scenarios, **settings}, errors)


def _matrix(axes: dict[str, tuple[Any, ...]], settings: dict[str, Any], errors: Errors, plan: str = "") -> Matrix:
    """The matrix that was read; what is sought is an axis too."""
    _check_sought(axes, settings, errors, plan)
    errors.check()
    sought: Sought | None = settings.get("find")
    if sought is None:
        return Matrix(axes=axes, plan=plan, **settings)
    return Matrix(axes={**axes, sought.field: sought.candidates}, plan=plan, **{**settings, "find": sought.field})


def _check_sought(axes: Mapping[str, object], settings: Mapping[str, Any], errors: Errors, plan: str) -> None:
    """Add an error for values beside what is sought, and for what only a search has."""
    place = f"{plan}: " if plan else "--"
    sought: Sought | None = settings.get("find")
    if sought and sought.field in (*axes, *settings):
        [name] = (name for name, axis in KNOWN.items() if axis.field == sought.field)
        key = f"axes.{name}" if plan and sought.field in axes else name
        errors.add(f"{place}{key}: the knee is sought on {name}, among what find names; leave this out")
    for key in ("share", "confidence"):
        if "find" not in settings and settings.get(key) is not None:
            errors.add(f"{place}{key}: only a search has one; say what to find, or leave it out")
