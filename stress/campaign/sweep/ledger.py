"""Writing a sweep's run directory: a cell is on the disk, once, as soon as it has ended."""

from pathlib import Path

import attrs

from stress.campaign.folder import Lines, OpenFolder, make_folder, manifest_bytes, no_place, write_whole
from stress.campaign.identity import made_by
from stress.campaign.life import boot_id
from stress.campaign.parts import Session
from stress.campaign.reading import MANIFEST
from stress.campaign.sweep.records import SCHEMA, SWEEP, Ended, Manifest, Plan
from stress.campaign.sweep.sweepdir import CELLS, Swept
from stress.corpus.untrusted import shown
from stress.errors import UserError


@attrs.define
class Ledger(OpenFolder):
    """A sweep's run directory, open for writing."""

    _cells: Lines

    def append(self, ended: Ended) -> None:
        """Add a cell that has ended."""
        self.add_line(self._cells, CELLS, ended)

    def close(self) -> None:
        """Let go of the directory."""
        self._cells.close()
        self.release()


def create(results: Path, plan: Plan, session: Session) -> Ledger:
    """The ledger of a new sweep, in a run directory of its own in the folder `results`.

    Raises:
        UserError: when it cannot be made.
    """
    manifest = Manifest(SCHEMA, made_by(), "running", plan, (session,), boot_id())
    try:
        folder, lock = make_folder(results, SWEEP, {CELLS: b"", MANIFEST: manifest_bytes(SWEEP, manifest)})
        return Ledger(SWEEP, folder, manifest, lock, Lines(folder / CELLS, 0))
    except OSError as error:
        raise no_place(results, error.strerror) from None


def reopen(swept: Swept, lock: int, session: Session) -> Ledger:
    """Go on with a run directory that was locked, then read, in a new session.

    Raises:
        UserError: when it cannot be written to.
    """
    sessions = (*swept.manifest.sessions, session)
    manifest = attrs.evolve(swept.manifest, status="running", sessions=sessions, boot=boot_id())
    try:
        cells = Lines(swept.folder / CELLS, swept.size)
        write_whole(swept.folder / MANIFEST, manifest_bytes(SWEEP, manifest))
    except OSError as error:
        raise UserError(
            f"--resume: cannot write to {shown(swept.folder)}: {error.strerror}; make it writable"
        ) from None
    return Ledger(SWEEP, swept.folder, manifest, lock, cells)
