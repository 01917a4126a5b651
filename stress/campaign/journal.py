"""A run directory that is open for writing, by one process at a time. Soaks and sweeps share this."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Self

import attrs

from stress.campaign.folder import (
    Lines,
    Lock,
    encode,
    make_folder,
    making,
    manifest_bytes,
    open_lines,
    write_whole,
    writing_again,
)
from stress.campaign.identity import made_by
from stress.campaign.life import RUNNING, boot_id
from stress.campaign.reading import MANIFEST
from stress.campaign.records import Manifest, Session
from stress.campaign.rundir import Kind, StoredCampaign
from stress.host import disk
from stress.safe_text import shown


class JournalError(Exception):
    """The disk does not take what was learnt; the text says why, and `remedy` what to do, or nothing."""

    def __init__(self, text: str, remedy: str = "") -> None:
        """With that text."""
        super().__init__(text)
        self.remedy = remedy


@attrs.define
class Journal:
    """A run directory that is open for writing; its lock is held until it is closed.

    Every method that writes raises JournalError when the disk does not take it.
    """

    what: str
    folder: Path
    manifest: Manifest[Any]
    _lock: Lock
    _files: dict[str, Lines]

    @classmethod
    def create(cls, kind: Kind, results: Path, plan: Any, session: Session) -> Self:
        """The journal of a new campaign, in a run directory of its own in the folder `results`.

        Raises:
            UserError: when it cannot be made.
        """
        manifest = kind.manifest(kind.schema, made_by(), RUNNING, plan, (session,), boot_id())
        contents = {**dict.fromkeys(kind.files, b""), MANIFEST: manifest_bytes(kind.what, manifest)}
        with making(results):
            folder, lock = make_folder(results, kind.what, contents)
            return cls(kind.what, folder, manifest, lock, open_lines(folder, dict.fromkeys(kind.files, 0)))

    @classmethod
    def reopen(cls, what: str, stored: StoredCampaign[Any], lock: Lock, plan: Any, session: Session) -> Self:
        """Go on with a run directory that was locked, then read: as `plan`, in a new session.

        Raises:
            UserError: when it cannot be written to.
        """
        folder, sessions = stored.folder, (*stored.manifest.sessions, session)
        manifest = attrs.evolve(stored.manifest, plan=plan, status=RUNNING, sessions=sessions, boot=boot_id())
        with writing_again(folder):
            files = open_lines(folder, stored.sizes)
            write_whole(folder / MANIFEST, manifest_bytes(what, manifest))
        return cls(what, folder, manifest, lock, files)

    def add_line(self, name: str, record: Any) -> None:
        """Add a record to the file `name`."""
        with self.writing(name):
            self._files[name].append(encode(record))

    def end(self, status: str) -> None:
        """Write down how the campaign has ended, if all that it has learnt is still there."""
        for name, lines in self._files.items():
            with self.writing(name):
                lines.check()
        self.rewrite(attrs.evolve(self.manifest, status=status))

    def rewrite(self, manifest: Manifest[Any]) -> None:
        """Put another manifest in the place of the one there is."""
        self.manifest = manifest
        with self.writing(MANIFEST):
            disk.check_in_place(self.folder, self._lock.handle)
            write_whole(self.folder / MANIFEST, manifest_bytes(self.what, manifest))

    def close(self) -> None:
        """Let go of the directory."""
        for lines in self._files.values():
            lines.close()
        self._lock.close()

    @contextmanager
    def writing(self, name: str) -> Iterator[None]:
        """A context in which a failed write to the file `name` becomes a JournalError."""
        try:
            yield
        except OSError as error:
            why = f"cannot write {shown(self.folder / name)}: {disk.reason(error)}"
            raise JournalError(why, disk.remedy(error, "")) from None
