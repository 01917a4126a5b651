"""Writing a run directory: what a soak has learnt is on the disk at the end of each interval, whatever comes then.

The manifest is replaced in one step; samples and violations are lines that are only ever appended, and synced. A
sample holds all counts since the soak began, so that any of them can be lost but the last, and the file keeps a
bounded size: when it is full, half of the samples go, in one step too, and the others are spread evenly over time.
"""

import json
import math
from pathlib import Path

import attrs

from stress.campaign.folder import (
    JournalError,
    Lines,
    OpenFolder,
    make_folder,
    manifest_bytes,
    no_place,
    write_whole,
)
from stress.campaign.identity import made_by
from stress.campaign.life import boot_id
from stress.campaign.parts import Session
from stress.campaign.reading import MANIFEST, whole_lines
from stress.campaign.soak.records import SCHEMA, SOAK, Finding, Manifest, Plan, Sample
from stress.campaign.soak.rundir import FINDINGS, SAMPLES, Run
from stress.corpus.untrusted import shown
from stress.errors import UserError

MOST_SAMPLES = 4096


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
class Journal(OpenFolder):
    """A soak's run directory, open for writing."""

    _samples: Lines
    _findings: Lines
    _count: int = 0
    most_samples: int = MOST_SAMPLES

    def append(self, sample: Sample) -> None:
        """Add a sample."""
        self.add_line(self._samples, SAMPLES, sample)
        self._count += 1
        if self._count >= self.most_samples:
            self._thin()

    def keep(self, finding: Finding) -> None:
        """Add a violation that is told in full."""
        self.add_line(self._findings, FINDINGS, finding)

    def join(self, session: Session) -> int:
        """Add a session that begins while others go on, as that of a worker; its number."""
        self.rewrite(attrs.evolve(self.manifest, sessions=(*self.manifest.sessions, session)))
        return len(self.manifest.sessions) - 1

    def close(self) -> None:
        """Let go of the directory."""
        self._samples.close()
        self._findings.close()
        self.release()

    def _thin(self) -> None:
        """Halve the samples."""
        path = self.folder / SAMPLES
        try:
            lines = thinned(whole_lines(path)[0], self.most_samples // 2)
            data = b"".join(line + b"\n" for line in lines)
            write_whole(path, data)
            self._samples.close()
            self._samples = Lines(path, len(data))
        except OSError as error:
            raise self.failed(SAMPLES, error) from None
        except UserError as error:  # somebody took the file away
            raise JournalError(str(error)) from None
        self._count = len(lines)


def create(results: Path, plan: Plan, session: Session) -> Journal:
    """The journal of a new soak, in a run directory of its own in the folder `results`.

    Raises:
        UserError: when it cannot be made.
    """
    manifest = Manifest(SCHEMA, made_by(), "running", plan, (session,), boot_id())
    try:
        files = {SAMPLES: b"", FINDINGS: b"", MANIFEST: manifest_bytes(SOAK, manifest)}
        folder, lock = make_folder(results, SOAK, files)
        samples, findings = (Lines(folder / name, 0) for name in (SAMPLES, FINDINGS))
        return Journal(SOAK, folder, manifest, lock, samples, findings)
    except OSError as error:
        raise no_place(results, error.strerror) from None


def reopen(run: Run, lock: int, plan: Plan, session: Session) -> Journal:
    """Go on with a run directory that was locked, then read: as `plan`, in a new session.

    Raises:
        UserError: when it cannot be written to.
    """
    sessions = (*run.manifest.sessions, session)
    manifest = attrs.evolve(run.manifest, plan=plan, status="running", sessions=sessions, boot=boot_id())
    try:
        samples, findings = (Lines(run.folder / name, run.sizes[name]) for name in (SAMPLES, FINDINGS))
        journal = Journal(SOAK, run.folder, manifest, lock, samples, findings, len(run.samples))
        write_whole(run.folder / MANIFEST, manifest_bytes(SOAK, manifest))
    except OSError as error:
        raise UserError(f"--resume: cannot write to {shown(run.folder)}: {error.strerror}; make it writable") from None
    return journal
