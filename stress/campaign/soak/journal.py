"""Writing a run directory: what a soak has learnt is on the disk at the end of each interval, whatever comes then.

The manifest is replaced in one step; samples and violations are lines that are only ever appended, and synced. A
sample holds all counts since the soak began, so that any of them can be lost but the last, and the file keeps a
bounded size: when it is full, half of the samples go, in one step too, and the others are spread evenly over time.
"""

import json
import math
import os
from pathlib import Path

import attrs

from stress.campaign.converter import to_json
from stress.campaign.folder import JournalError, Lines, encode, lock_folder, make_folder, no_place, write_whole
from stress.campaign.identity import made_by
from stress.campaign.parts import Session
from stress.campaign.reading import MANIFEST, kind_of, whole_lines
from stress.campaign.soak.records import SCHEMA, SOAK, Finding, Manifest, Plan, Sample
from stress.campaign.soak.rundir import FINDINGS, SAMPLES, Run
from stress.corpus.untrusted import shown
from stress.errors import UserError

MOST_SAMPLES = 4096


def manifest_bytes(manifest: Manifest) -> bytes:
    """The manifest's file."""
    return json.dumps({"kind": kind_of(SOAK), **to_json(manifest)}, indent=2).encode() + b"\n"


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


def create(results: Path, plan: Plan, session: Session) -> Journal:
    """The journal of a new soak, in a run directory of its own in the folder `results`.

    Raises:
        UserError: when it cannot be made.
    """
    manifest = Manifest(SCHEMA, made_by(), "running", plan, (session,))
    try:
        folder = make_folder(results, SOAK, {SAMPLES: b"", FINDINGS: b"", MANIFEST: manifest_bytes(manifest)})
        return Journal(folder, manifest, lock_folder(folder), Lines(folder / SAMPLES, 0), Lines(folder / FINDINGS, 0))
    except OSError as error:
        raise no_place(results, error.strerror) from None


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
