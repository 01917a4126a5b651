"""Writing a sweep's run directory: a cell is on the disk, once, as soon as it has ended."""

from pathlib import Path

import attrs

from stress.campaign.folder import (
    OpenFolder,
    lock_folder,
    make_folder,
    making,
    manifest_bytes,
    open_lines,
    write_whole,
    writing_again,
)
from stress.campaign.identity import made_by
from stress.campaign.parts import Session
from stress.campaign.reading import MANIFEST
from stress.campaign.sweep.records import SCHEMA, SWEEP, Ended, Manifest, Plan
from stress.campaign.sweep.sweepdir import CELLS, Swept


@attrs.define
class Ledger(OpenFolder):
    """A sweep's run directory, open for writing."""

    def append(self, ended: Ended) -> None:
        """Add a cell that has ended."""
        self.add_line(CELLS, ended)


def create(results: Path, plan: Plan, session: Session) -> Ledger:
    """The ledger of a new sweep, in a run directory of its own in the folder `results`.

    Raises:
        UserError: when it cannot be made.
    """
    manifest = Manifest(SCHEMA, made_by(), "running", plan, (session,))
    with making(results):
        folder = make_folder(results, SWEEP, {CELLS: b"", MANIFEST: manifest_bytes(SWEEP, manifest)})
        return Ledger(SWEEP, folder, manifest, lock_folder(folder), open_lines(folder, {CELLS: 0}))


def reopen(swept: Swept, lock: int, session: Session) -> Ledger:
    """Go on with a run directory that was locked, then read, in a new session.

    Raises:
        UserError: when it cannot be written to.
    """
    manifest = attrs.evolve(swept.manifest, status="running", sessions=(*swept.manifest.sessions, session))
    with writing_again(swept.folder):
        files = open_lines(swept.folder, {CELLS: swept.size})
        write_whole(swept.folder / MANIFEST, manifest_bytes(SWEEP, manifest))
    return Ledger(SWEEP, swept.folder, manifest, lock, files)
