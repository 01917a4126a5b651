"""Writing a run directory: what a soak has learnt is on the disk at the end of each interval, whatever comes then.

The manifest is replaced in one step; samples and violations are lines that are only ever appended, and synced. A
sample holds all counts since the soak began, so that any of them can be lost but the last, and the file keeps a
bounded size: when it is full, half of the samples go, in one step too, and the others are spread evenly over time.
"""

import json
import math

import attrs

from stress.campaign.folder import Lines, write_whole
from stress.campaign.journal import Journal, JournalError
from stress.campaign.reading import WholeLines
from stress.campaign.records import Session
from stress.campaign.soak.records import Finding, Sample
from stress.campaign.soak.rundir import FINDINGS, SAMPLES
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
class SoakJournal(Journal):
    """A soak's run directory, open for writing."""

    _count: int = attrs.field(init=False)
    most_samples: int = MOST_SAMPLES

    def __attrs_post_init__(self) -> None:
        self._count = sum(1 for _ in WholeLines(self.folder / SAMPLES))

    def append(self, sample: Sample) -> None:
        """Add a sample."""
        self.add_line(SAMPLES, sample)
        self._count += 1
        if self._count >= self.most_samples:
            self._thin()

    def keep(self, finding: Finding) -> None:
        """Add a full report of a violation."""
        self.add_line(FINDINGS, finding)

    def join(self, session: Session) -> int:
        """Add a session that begins while others go on, as that of a worker; its number."""
        self.rewrite(attrs.evolve(self.manifest, sessions=(*self.manifest.sessions, session)))
        return len(self.manifest.sessions) - 1

    def _thin(self) -> None:
        """Halve the samples."""
        path = self.folder / SAMPLES
        try:
            lines = thinned([line.text for line in WholeLines(path)], self.most_samples // 2)
        except UserError as error:  # somebody took the file away
            raise JournalError(str(error)) from None
        data = b"".join(line + b"\n" for line in lines)
        with self.writing(SAMPLES):
            write_whole(path, data)
            self._files[SAMPLES].close()
            self._files[SAMPLES] = Lines(path, len(data))
        self._count = len(lines)
