"""Reads one side of a comparison: what `kstress report` takes, or a folder of run directories, as one source."""

from collections.abc import Sequence
from pathlib import Path

from stress.campaign.life import COMPLETE
from stress.errors import UserError
from stress.results.load.entries import EXPLORATIONS, Source
from stress.results.load.gather import gather
from stress.safe_text import shown


def read_side(path: Path) -> Source:
    """All that is in a run directory, in a run file, or in a folder of either.

    Campaigns that were run in turns with those of the other side lie in one folder; each adds to the repeats.
    Explorations have no repeats, and are left out.

    Raises:
        UserError: when it is none of these, is damaged, or was written by a newer kstress.
    """
    sources = [source for source in gather([path]) if source.kind != EXPLORATIONS]
    if not sources:
        raise UserError(f"{shown(path)} has only explorations, which cannot be compared; give runs, a soak or a sweep")
    return sources[0] if len(sources) == 1 else _together(path, sources)


def _together(path: Path, sources: Sequence[Source]) -> Source:
    """Several campaigns as one."""
    return Source(
        name=shown(path),
        kind=" and ".join(sorted({source.kind for source in sources})),
        entries=tuple(entry for source in sources for entry in source.entries),
        status=next((source.status for source in sources if source.status != COMPLETE), COMPLETE),
        planned=sum(source.planned for source in sources),
    )
