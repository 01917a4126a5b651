"""Reading a sweep's run directory: for `kstress report` and `--resume`."""

from pathlib import Path
from typing import Any

import attrs

from stress.campaign.converter import from_json
from stress.campaign.life import COMPLETE, FAILED, INCOMPLETE, STOPPED, Life
from stress.campaign.reading import MANIFEST, Line, Stored, WholeLines, objects
from stress.campaign.rundir import Kind, StoredCampaign, read_manifest
from stress.campaign.runs import Run
from stress.campaign.sweep.records import SCHEMA, SWEEP, CellResult, Manifest, Plan
from stress.errors import UserError
from stress.safe_text import shown

CELLS = "cells.jsonl"


KIND = Kind(SWEEP, SCHEMA, Manifest, (CELLS,))


@attrs.frozen(kw_only=True)
class StoredSweep(StoredCampaign[Plan]):
    """All that a sweep's run directory holds.

    `runs` are those of the cells in `ended`, checked, where it was read from the disk.
    """

    ended: tuple[CellResult, ...] = ()
    runs: tuple[Run | None, ...] = ()

    @property
    def life(self) -> Life:
        """Its state; if a cell failed, all others are complete."""
        progress = self._lack if self.state == INCOMPLETE else self._progress
        is_there = self.state != STOPPED or KIND.is_in(self.folder)
        return Life(SWEEP, self.folder, self.state, progress, self.state in (COMPLETE, FAILED), is_there)

    @property
    def _planned(self) -> int | None:
        """How many runs it has when all is done; None of a search, of which nobody knows."""
        plan = self.manifest.plan
        return None if plan.find else len(plan.cells) * plan.repeat

    @property
    def _progress(self) -> str:
        """How many of its runs have ended."""
        return f"{len(self.ended):,} " + (f"of {self._planned:,} runs" if self._planned else "runs of a search")

    @property
    def _lack(self) -> str:
        """Which of its runs are missing."""
        file, there, planned = shown(self.folder / CELLS), len(self.ended), self._planned
        if planned is None:
            return f"{file} lacks runs: it has {there:,}, with which the search is not over"
        return f"{file} lacks {planned - there:,} of {planned:,} runs"

    def with_left(self, left: int) -> "StoredSweep":
        """This one where so many runs are left: INCOMPLETE if it wrote down that none were."""
        return attrs.evolve(self, state=INCOMPLETE) if left and self.state in (COMPLETE, FAILED) else self


@attrs.frozen
class Cells:
    """The lines of a sweep that belong to its manifest, taken one after another.

    `runs` are those of the cells in `ended`, checked; with `stored`, all else that JSON has of them stays in the file.
    """

    path: Path
    manifest: Manifest
    stored: bool
    ended: list[CellResult] = attrs.field(factory=list)
    runs: list[Run | None] = attrs.field(factory=list)
    _seen: set[int] = attrs.field(factory=set)

    def take(self, line: Line, value: dict[str, Any], where: str) -> None:
        """Add the cell of a line; UserError for one that the manifest does not have."""
        run = value.get("run")
        if self.stored and type(run) is dict:
            value["run"] = Stored(self.path, line, "run")
        one = from_json(value, CellResult, where)
        self._check(one)
        self.ended.append(one)
        of_run = f"{shown(self.path)}: the run of cell {one.number}"
        self.runs.append(None if run is None else from_json(run, Run, of_run))

    def _check(self, one: CellResult) -> None:
        """Raise UserError for a cell that does not belong there."""
        plan, where = self.manifest.plan, shown(self.path)
        place = one.number * (plan.repeat + 1) + one.repeat
        if one.number >= len(plan.cells) or one.repeat > plan.repeat or one.session >= len(self.manifest.sessions):
            raise UserError(f"{where} has a cell that the manifest does not have: it is damaged, or of another sweep")
        if place in self._seen:
            raise UserError(f"{where} has cell {one.number} twice in repeat {one.repeat}: it has lines of two sweeps")
        self._seen.add(place)


def check(manifest: Manifest, where: str) -> None:
    """Raise UserError where a manifest does not name the scenario of a cell."""
    known = {part.name for part in manifest.plan.scenarios}
    if strange := {values.scenario for values in manifest.plan.cells} - known:
        raise UserError(f"{where} has cells of {shown(min(strange))}, which it does not name")


def read_sweep(folder: Path, stored: bool = False) -> StoredSweep:
    """Read a sweep's run directory.

    With `stored`, the JSON of the runs is read again whenever it is asked for: a report of a large sweep needs little
    memory then. Without, it is kept, even if the file changes.

    Raises:
        UserError: when it is none, is damaged, or was written by a newer kstress.
    """
    manifest, state = read_manifest(folder, KIND)
    lines = WholeLines(folder / CELLS)
    cells = Cells(lines.path, manifest, stored)
    check(manifest, shown(folder / MANIFEST))
    for line, value, where in objects(lines):
        cells.take(line, value, where)
    return StoredSweep(
        folder=folder,
        manifest=manifest,
        ended=tuple(cells.ended),
        sizes={CELLS: lines.size},
        runs=tuple(cells.runs),
        state=state,
    )
