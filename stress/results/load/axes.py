"""The axes on which entries differ, and their values, in words: for tables, legends and lists of commands."""

from collections.abc import Iterable
from typing import Any

from stress.campaign.sweep import records
from stress.campaign.sweep.records import Values
from stress.kinds import TIME
from stress.results.load.entries import Entry
from stress.settings import AXES
from stress.units import write_duration

NAMED = ("scenario", "engine", "cpus")
TIMES = tuple(axis.field for axis in AXES if axis.kind is TIME)


def varying(entries: Iterable[Entry]) -> tuple[str, ...]:
    """The axes besides scenario, engine and CPU count on which the entries of one engine differ."""
    return tuple(axis for axis in records.varying(entry.values for entry in entries) if axis not in NAMED)


def axis_name(axis: str) -> str:
    """An axis in words."""
    return "CPUs" if axis == "cpus" else axis.removesuffix("_s").replace("_", " ")


def axis_value(axis: str, value: Any) -> str:
    """A value on an axis as people write it."""
    if value is None:
        return "default"
    return write_duration(value) if axis in TIMES else str(value)


def settings(values: Values, axes: Iterable[str]) -> str:
    """The values on some axes, in words."""
    return ", ".join(f"{axis_name(axis)} {axis_value(axis, getattr(values, axis))}" for axis in axes)
