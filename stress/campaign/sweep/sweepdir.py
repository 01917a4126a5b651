"""Reading a sweep's run directory: for `kstress report`, for `--resume`, for whoever wants to know."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import attrs

from stress.campaign.converter import from_json
from stress.campaign.life import COMPLETE, FAILED, Life, is_locked, state_of
from stress.campaign.reading import MANIFEST, Line, Stored, WholeLines, objects, read_head
from stress.campaign.runs import Run, run_of
from stress.campaign.sweep.records import DONE, SCHEMA, SWEEP, Ended, Manifest, Values
from stress.errors import UserError
from stress.safe_text import shown

CELLS = "cells.jsonl"


@attrs.frozen
class Swept:
    """All that a sweep's run directory holds. `size` is how many bytes of the cells' file are whole lines.

    `runs` are those of the cells in `ended`, checked, where it was read from the disk.

    `state` is the manifest's status or, of a sweep that wrote down no end, what became of it.
    """

    folder: Path
    manifest: Manifest
    ended: tuple[Ended, ...]
    size: int
    runs: tuple[Run | None, ...] = ()
    state: str = attrs.field()

    @state.default
    def _state(self) -> str:
        return self.manifest.status

    @property
    def life(self) -> Life:
        """What became of it; where a cell failed all others have come to their end."""
        plan, ended = self.manifest.plan, f"{len(self.ended):,}"
        runs = "runs of a search" if plan.find else f"of {len(plan.cells) * plan.repeat:,} runs"
        return Life(SWEEP, self.folder, self.state, f"{ended} {runs}", self.state in (COMPLETE, FAILED))

    def left(self) -> Iterator[tuple[int, int]]:
        """The number and repeat of each cell that has not ended."""
        plan, done = self.manifest.plan, {(one.number, one.repeat) for one in self.ended}
        for number in range(len(plan.cells)):
            yield from ((number, repeat) for repeat in range(1, plan.repeat + 1) if (number, repeat) not in done)

    def values_of(self, ended: Ended) -> Values:
        """Where in the matrix a cell is."""
        return self.manifest.plan.cells[ended.number]


@attrs.frozen
class Cells:
    """The lines of a sweep that belong to its manifest, taken one after another.

    `runs` are those of the cells in `ended`, checked; with `stored`, all else that JSON has of them stays in the file.
    """

    path: Path
    manifest: Manifest
    stored: bool
    ended: list[Ended] = attrs.field(factory=list)
    runs: list[Run | None] = attrs.field(factory=list)
    _seen: set[int] = attrs.field(factory=set)

    def take(self, line: Line, value: dict[str, Any], where: str) -> None:
        """Add the cell of a line; UserError for one that the manifest does not have."""
        run = value.get("run")
        if self.stored and type(run) is dict:
            value["run"] = Stored(self.path, line, "run")
        one = from_json(value, Ended, where)
        self._check(one)
        self.ended.append(one)
        self.runs.append(None if run is None else run_of(run, f"{shown(self.path)}: the run of cell {one.number}"))

    def _check(self, one: Ended) -> None:
        """Raise UserError for a cell that does not belong there."""
        plan, where = self.manifest.plan, shown(self.path)
        place = one.number * (plan.repeat + 1) + one.repeat
        if one.number >= len(plan.cells) or one.repeat > plan.repeat or one.session >= len(self.manifest.sessions):
            raise UserError(f"{where} has a cell that the manifest does not have: it is damaged, or of another sweep")
        if place in self._seen:
            raise UserError(f"{where} has cell {one.number} twice in repeat {one.repeat}: it is put together from two")
        if (one.end == DONE) != (one.run is not None):
            raise UserError(f"{where}: cell {one.number} is {one.end}, which does not fit its run: it is damaged")
        self._seen.add(place)


def check(manifest: Manifest, where: str) -> None:
    """Raise UserError where a manifest does not name the scenario of a cell."""
    known = {part.name for part in manifest.plan.scenarios}
    if strange := {values.scenario for values in manifest.plan.cells} - known:
        raise UserError(f"{where} has cells of {shown(min(strange))}, which it does not name")


def read_sweep(folder: Path, stored: bool = False) -> Swept:
    """Read a sweep's run directory.

    With `stored`, the JSON of the runs is read again whenever it is asked for: a report of a large sweep needs little
    memory then. Without, it is kept, whatever becomes of the file.

    Raises:
        UserError: when it is none, is damaged, or was written by a newer kstress.
    """
    locked, where = is_locked(folder), shown(folder / MANIFEST)
    manifest = from_json(read_head(folder, SWEEP, SCHEMA), Manifest, where)
    lines = WholeLines(folder / CELLS)
    cells = Cells(lines.path, manifest, stored)
    check(manifest, where)
    for line, value, where in objects(lines):
        cells.take(line, value, where)
    state = state_of(manifest.status, manifest.boot, locked)
    return Swept(folder, manifest, tuple(cells.ended), lines.size, tuple(cells.runs), state)
