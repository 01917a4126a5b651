"""What differs between two campaigns apart from the code, and may be the cause of a difference of figures."""

from collections.abc import Callable, Iterator, Sequence
from operator import attrgetter
from statistics import median
from typing import Any

import attrs

from stress.campaign.life import COMPLETE
from stress.campaign.runs import share
from stress.results.compare.facts import expected
from stress.results.compare.pairing import Pair
from stress.results.load.axes import axis_name
from stress.results.load.entries import Entry, Source
from stress.runs.conditions import Conditions
from stress.safe_text import shown
from stress.settings import FIELDS
from stress.units import write_duration

DURATION_RATIO, STEAL_POINTS = 1.1, 1.0
"""Durations and shares of stolen time are measured: only larger differences are shown."""
MEASURED = "steal_percent"
NONE = {"switch_interval_s": "none", "numba": "none"}
"""What there is none of where it is not written down: without a GIL, and since kstress has a compiler of its own."""


@attrs.frozen
class Condition:
    """A condition that is not the same on both sides."""

    name: str
    a: str
    b: str

    @property
    def text(self) -> str:
        """It in words."""
        return f"{self.name}: {self.a} in A, {self.b} in B"


def differing(sources: tuple[Source, Source], pairs: Sequence[Pair]) -> tuple[Condition, ...]:
    """Every condition of the cells that both sides have, and whether a side is complete."""
    paired = [pair for pair in pairs if pair.a and pair.b]
    sides = [entry for pair in paired for entry in pair.a], [entry for pair in paired for entry in pair.b]
    found = [*_status(sources), *_stated(paired), *_settings(sides), *_measured(sides)]
    return tuple(condition for condition in found if condition.a != condition.b)


def _status(sources: tuple[Source, Source]) -> Iterator[Condition]:
    """How far each side has come."""
    a, b = (_come(source) for source in sources)
    yield Condition("ended", a, b)


def _come(source: Source) -> str:
    """How far a side has come."""
    whole = source.status == COMPLETE and len(source.entries) == source.planned
    return "whole" if whole else f"{source.status}, {len(source.entries)} of {source.planned}"


def _stated(paired: Sequence[Pair]) -> Iterator[Condition]:
    """What each scenario states: the verdict that it expects, and its twin, on which HELD rests."""
    of: dict[str, list[Pair]] = {}
    for pair in paired:
        of.setdefault(pair.scenario, []).append(pair)
    for name, pairs in of.items():
        a, b = [entry for pair in pairs for entry in pair.a], [entry for pair in pairs for entry in pair.b]
        for what, stated in (("expected", _verdicts), ("twin", _twins)):
            if (in_a := stated(a)) and (in_b := stated(b)):
                yield Condition(f"{what} of {name}", " or ".join(in_a), " or ".join(in_b))


def _verdicts(entries: Sequence[Entry]) -> tuple[str, ...]:
    """The verdicts that some runs were to have."""
    return tuple(map(str.upper, expected(entries)))


def _twins(entries: Sequence[Entry]) -> tuple[str, ...]:
    """The names of the twins that some runs had."""
    twins = [entry.run.twin for entry in entries if entry.run is not None]
    return tuple(sorted({shown(twin.scenario) if twin else "none" for twin in twins}))


def _settings(sides: tuple[Sequence[Entry], Sequence[Entry]]) -> Iterator[Condition]:
    """What was set, or was there."""
    for name in (field.name for field in attrs.fields(Conditions) if field.name != MEASURED):
        a, b = (_values(side, name, attrgetter(f"run.conditions.{name}")) for side in sides)
        yield Condition(axis_name(name), a, b)
    a, b = (_values(side, "corpus", attrgetter("values.corpus")) for side in sides)
    yield Condition("corpus", a, b)


def _values(side: Sequence[Entry], name: str, of: Callable[[Any], Any]) -> str:
    """All values of a condition on one side."""
    known = dict.fromkeys(_shown(name, of(entry)) for entry in side if entry.run is not None)
    return " or ".join(sorted(known)) or "unknown"


def _shown(name: str, value: Any) -> str:
    """A value of a condition as people write it; a setting that is not written down is the default."""
    if value is None:
        return NONE.get(name, "default" if name in FIELDS else "not known")
    if isinstance(value, bool):
        return "on" if value else "off"
    if name.endswith("_s"):
        return write_duration(value)
    return str(share(value)) if name == "noise" else shown(str(value))


def _measured(sides: tuple[Sequence[Entry], Sequence[Entry]]) -> Iterator[Condition]:
    """How long runs were, and what other guests of the host took."""
    a, b = (_middle(entry.run.duration_s for entry in side if entry.run) for side in sides)
    if a and b and not 1 / DURATION_RATIO <= b / a <= DURATION_RATIO:
        yield Condition("duration", f"{a:.3g} s", f"{b:.3g} s")
    a, b = (_middle(entry.run.conditions.steal_percent for entry in side if entry.run) for side in sides)
    if a is not None and b is not None and abs(a - b) > STEAL_POINTS:
        yield Condition("stolen by other guests of the host", f"{a:.1f} %", f"{b:.1f} %")


def _middle(values: Iterator[float | None]) -> float | None:
    """The median of what is known."""
    known = [value for value in values if value is not None]
    return median(known) if known else None
