"""Reading a sweep's run directory: for `kstress report`, for `--resume`, for whoever wants to know."""

from collections.abc import Iterator
from pathlib import Path

import attrs

from stress.campaign.converter import from_json
from stress.campaign.life import COMPLETE, FAILED, Life, is_locked, state_of
from stress.campaign.reading import MANIFEST, read_head, records, whole_lines
from stress.campaign.runs import run_of
from stress.campaign.sweep.records import SCHEMA, SWEEP, Ended, Manifest, Values
from stress.corpus.untrusted import shown
from stress.errors import UserError

CELLS = "cells.jsonl"


@attrs.frozen
class Swept:
    """All that a sweep's run directory holds. `size` is how many bytes of the cells' file are whole lines.

    `state` is the manifest's status or, of a sweep that wrote down no end, what became of it.
    """

    folder: Path
    manifest: Manifest
    ended: tuple[Ended, ...]
    size: int
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


def check(swept: Swept) -> None:
    """Raise UserError where manifest and lines do not belong together."""
    plan, seen, where = swept.manifest.plan, set[tuple[int, int]](), shown(swept.folder / CELLS)
    known = {part.name for part in plan.scenarios}
    if strange := {values.scenario for values in plan.cells} - known:
        raise UserError(f"{shown(swept.folder / MANIFEST)} has cells of {shown(min(strange))}, which it does not name")
    for one in swept.ended:
        if one.number >= len(plan.cells) or one.repeat > plan.repeat or one.session >= len(swept.manifest.sessions):
            raise UserError(f"{where} has a cell that the manifest does not have: it is damaged, or of another sweep")
        if (one.number, one.repeat) in seen:
            raise UserError(f"{where} has cell {one.number} twice in repeat {one.repeat}: it is put together from two")
        if (one.end == "done") != (one.run is not None):
            raise UserError(f"{where}: cell {one.number} is {one.end}, which does not fit its run: it is damaged")
        if one.run is not None:
            run_of(one.run, f"{where}: the run of cell {one.number}")
        seen.add((one.number, one.repeat))


def read_sweep(folder: Path) -> Swept:
    """Read a sweep's run directory.

    Raises:
        UserError: when it is none, is damaged, or was written by a newer kstress.
    """
    locked = is_locked(folder)
    manifest = from_json(read_head(folder, SWEEP, SCHEMA), Manifest, shown(folder / MANIFEST))
    lines, size = whole_lines(folder / CELLS)
    state = state_of(manifest.status, manifest.boot, locked)
    swept = Swept(folder, manifest, tuple(records(lines, Ended, folder / CELLS)), size, state)
    check(swept)
    return swept
