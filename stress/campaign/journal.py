"""Writing a run directory: what a soak has learnt is on the disk at the end of each interval, whatever comes then.

The manifest is replaced in one step; samples and violations are lines that are only ever appended, and synced. A
sample holds all counts since the soak began, so that any of them can be lost but the last, and the file keeps a
bounded size: when it is full, half of the samples go, in one step too, and the others are spread evenly over time.
"""

import errno
import fcntl
import json
import math
import os
import shutil
import time
from pathlib import Path
from typing import Any

import attrs

from stress.campaign.converter import to_json
from stress.campaign.identity import made_by
from stress.campaign.records import SCHEMA, Finding, Manifest, Plan, Sample, Session
from stress.campaign.rundir import FINDINGS, KIND, MANIFEST, SAMPLES, Run, whole_lines
from stress.corpus.untrusted import shown
from stress.errors import UserError

MOST_SAMPLES = 4096


class JournalError(Exception):
    """The disk does not take what was learnt; the text says why."""


def now() -> str:
    """The time in UTC, as records have it."""
    return time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime())


def encode(record: Any) -> bytes:
    """A record as one line."""
    return json.dumps(to_json(record), separators=(",", ":")).encode() + b"\n"


def sync_folder(folder: Path) -> None:
    """Make the names in a folder last."""
    handle = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)


def write_whole(path: Path, data: bytes) -> None:
    """Put a file in the place of what is there, in one step that lasts."""
    draft = path.with_name(f".{path.name}.draft")
    try:
        with draft.open("wb") as file:
            file.write(data)
            file.flush()
            os.fsync(file.fileno())
        draft.replace(path)
        sync_folder(path.parent)
    finally:
        draft.unlink(missing_ok=True)


class Lines:
    """A file of lines that grows; what was written only in part is cut off again."""

    def __init__(self, path: Path, size: int) -> None:
        """Open a file of which the first `size` bytes are good; the rest is a torn line, and goes."""
        self._handle = os.open(path, os.O_RDWR | os.O_CREAT, 0o644)
        os.ftruncate(self._handle, size)
        self._size = size

    def append(self, line: bytes) -> None:
        """Add a line and make it last; OSError if the disk does not take it."""
        try:
            at = self._size
            while line[at - self._size :]:
                at += os.pwrite(self._handle, line[at - self._size :], at)
            os.fsync(self._handle)
            self._size = at
        except OSError:
            os.ftruncate(self._handle, self._size)
            raise

    def close(self) -> None:
        """Close the file."""
        os.close(self._handle)


def manifest_bytes(manifest: Manifest) -> bytes:
    """The manifest's file."""
    return json.dumps({"kind": KIND, **to_json(manifest)}, indent=2).encode() + b"\n"


def thinned(lines: list[bytes], keep: int) -> list[bytes]:
    """At most about `keep` of the lines, spread evenly over the soak's time: the last of each scenario in each slice.

    The last line of a scenario is always kept. Slices are powers of two seconds long, so that those of a later
    thinning are made of whole ones of this one, and what was spread evenly stays so.
    """
    standings = [json.loads(line)["standing"] for line in lines]
    slices = max(keep // len({standing["scenario"] for standing in standings}) - 1, 1)
    longest = max(standing["elapsed_s"] for standing in standings) or 1.0
    slice_s = 2.0 ** math.ceil(math.log2(longest / slices))
    last = {(standing["scenario"], standing["elapsed_s"] // slice_s): at for at, standing in enumerate(standings)}
    return [lines[at] for at in sorted(last.values())]


def lock_folder(folder: Path) -> int:
    """Lock a run directory, before it is read or written; the system lets go of it with the process, however it ends.

    Raises:
        UserError: when another process has it, or it is no directory.
    """
    try:
        handle = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    except OSError as error:
        raise UserError(f"--resume: {shown(folder)} cannot be opened: {error.strerror}; give a run directory") from None
    try:
        fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        os.close(handle)
        raise UserError(f"--resume: another kstress is writing to {shown(folder)}; end it first") from None
    return handle


@attrs.define
class Journal:
    """A run directory that is open for writing, by one process at a time: the directory is locked while it is.

    Every method that writes raises JournalError when the disk does not take it.
    """

    folder: Path
    manifest: Manifest
    _lock: int
    _samples: Lines
    _findings: Lines
    _count: int = 0
    most_samples: int = MOST_SAMPLES

    def append(self, sample: Sample) -> None:
        """Add a sample."""
        try:
            self._samples.append(encode(sample))
            self._count += 1
            if self._count >= self.most_samples:
                self._thin()
        except OSError as error:
            raise self._failed(SAMPLES, error) from None
        except UserError as error:  # somebody took the file away
            raise JournalError(str(error)) from None

    def keep(self, finding: Finding) -> None:
        """Add a violation that is told in full."""
        try:
            self._findings.append(encode(finding))
        except OSError as error:
            raise self._failed(FINDINGS, error) from None

    def end(self, status: str) -> None:
        """Write down how the soak has ended."""
        self.manifest = attrs.evolve(self.manifest, status=status)
        try:
            write_whole(self.folder / MANIFEST, manifest_bytes(self.manifest))
        except OSError as error:
            raise self._failed(MANIFEST, error) from None

    def close(self) -> None:
        """Let go of the directory."""
        self._samples.close()
        self._findings.close()
        os.close(self._lock)

    def _thin(self) -> None:
        """Halve the samples."""
        path = self.folder / SAMPLES
        lines = thinned(whole_lines(path)[0], self.most_samples // 2)
        data = b"".join(line + b"\n" for line in lines)
        write_whole(path, data)
        self._samples.close()
        self._samples = Lines(path, len(data))
        self._count = len(lines)

    def _failed(self, name: str, error: OSError) -> JournalError:
        """What a failed write is told as."""
        return JournalError(f"cannot write {shown(self.folder / name)}: {error.strerror}")


def check_place(results: Path) -> None:
    """Raise UserError for a folder in which no run directory can be made: known before programs are compiled."""
    there = next((place for place in (results, *results.parents) if os.path.exists(place)), results)
    if not there.is_dir():
        raise _no_place(results, os.strerror(errno.ENOTDIR))
    if not os.access(there, os.W_OK | os.X_OK):
        raise _no_place(results, os.strerror(errno.EACCES))


def _no_place(results: Path, reason: str | None) -> UserError:
    """What is told of a folder in which no run directory can be made."""
    where = f"cannot make a run directory in {shown(results)}: {reason}"
    return UserError(f"--results: {where}; name a folder that you may write in")


def make_folder(results: Path, manifest: Manifest) -> Path:
    """A new run directory in the folder `results`, which is made if need be; it appears whole, or not at all."""
    name = f"soak-{time.strftime('%Y%m%d-%H%M%S')}-{os.getpid()}"
    draft = results / f".{name}.draft"
    draft.mkdir(parents=True)
    try:
        for lines in (SAMPLES, FINDINGS):
            write_whole(draft / lines, b"")
        write_whole(draft / MANIFEST, manifest_bytes(manifest))
        draft.rename(results / name)
    except OSError:
        shutil.rmtree(draft, ignore_errors=True)
        raise
    sync_folder(results)
    return results / name


def create(results: Path, plan: Plan, session: Session) -> Journal:
    """The journal of a new soak, in a run directory of its own in the folder `results`.

    Raises:
        UserError: when it cannot be made.
    """
    manifest = Manifest(SCHEMA, made_by(), "running", plan, (session,))
    try:
        folder = make_folder(results, manifest)
        return Journal(folder, manifest, lock_folder(folder), Lines(folder / SAMPLES, 0), Lines(folder / FINDINGS, 0))
    except OSError as error:
        raise _no_place(results, error.strerror) from None


def reopen(run: Run, lock: int, plan: Plan, session: Session) -> Journal:
    """Go on with a run directory that was locked, then read: as `plan`, in a new session.

    Raises:
        UserError: when it cannot be written to.
    """
    sessions = (*run.manifest.sessions, session)
    manifest = attrs.evolve(run.manifest, plan=plan, status="running", sessions=sessions)
    try:
        samples, findings = (Lines(run.folder / name, run.sizes[name]) for name in (SAMPLES, FINDINGS))
        journal = Journal(run.folder, manifest, lock, samples, findings, len(run.samples))
        write_whole(run.folder / MANIFEST, manifest_bytes(manifest))
    except OSError as error:
        raise UserError(f"--resume: cannot write to {shown(run.folder)}: {error.strerror}; make it writable") from None
    return journal
