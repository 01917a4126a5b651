"""Cells of two campaigns, paired by what they are of; what one of them lacks is named, never passed over."""

from collections.abc import Iterable

import attrs

from stress.campaign.sweep.records import NOT_APPLICABLE, Values
from stress.results.load.axes import settings, varying
from stress.results.load.entries import Entry, Source
from stress.safe_text import shown


@attrs.frozen
class Pair:
    """The repeats of one cell on both sides; `axes` tell it from other cells of its scenario, engine and CPU count."""

    values: Values
    axes: tuple[str, ...]
    a: tuple[Entry, ...] = ()
    b: tuple[Entry, ...] = ()
    of_soak: bool = attrs.field(init=False)
    """Whether one side is a soak: one run in the end, however many turns it has. Told once: it reads all their runs."""

    @of_soak.default
    def _has_soak(self) -> bool:
        return any(map(_is_soak, (*self.a, *self.b)))

    @property
    def scenario(self) -> str:
        """The name of its scenario, fit to be shown."""
        return shown(self.values.scenario)

    @property
    def place(self) -> str:
        """Where on the axes it is, in words."""
        words = [shown(self.values.engine), f"{self.values.cpus} CPUs"]
        return ", ".join([*words, *([shown(settings(self.values, self.axes))] if self.axes else [])])

    @property
    def name(self) -> str:
        """Its name, for a person."""
        return f"{self.scenario}, {self.place}"


def _is_soak(entry: Entry) -> bool:
    """Whether it is what a soak has come to, or was so where its JSON was written."""
    return entry.soak is not None or (entry.json is not None and "soak" in entry.json)


def pair_up(a: Source, b: Source) -> tuple[Pair, ...]:
    """Every cell of A, then those that B alone has, each with its repeats on both sides.

    Cells are paired by scenario, engine, CPU count, and by each other axis on which cells of A or those of B differ.
    What all cells of one side have alike is a condition, and shown as one where the other side has something else.
    """
    axes = tuple(dict.fromkeys([*varying(a.entries), *varying(b.entries)]))
    sides = _by_cell(a.entries, axes), _by_cell(b.entries, axes)
    both = {**sides[1], **sides[0]}
    return tuple(
        Pair(both[key][0].values, axes, *(tuple(side.get(key, ())) for side in sides))
        for key in dict.fromkeys([*sides[0], *sides[1]])
    )


def _by_cell(entries: Iterable[Entry], axes: tuple[str, ...]) -> dict[object, list[Entry]]:
    """The repeats of each cell; one that had too few CPUs for its scenario is none."""
    cells: dict[object, list[Entry]] = {}
    for entry in (one for one in entries if one.standing != NOT_APPLICABLE):
        values = entry.values
        key = (values.scenario, values.engine, values.cpus, *(getattr(values, axis) for axis in axes))
        cells.setdefault(key, []).append(entry)
    return cells
