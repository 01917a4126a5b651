"""What earlier runs and explorations have reported of a scenario: the outcomes of its violations, and stalls."""

from collections.abc import Iterator
from pathlib import Path

from stress.errors import UserError
from stress.judge.verdict import STALLED
from stress.results.load.entries import Source
from stress.results.load.gather import gather
from stress.safe_text import shown


def reported(path: Path) -> dict[str, frozenset[str]]:
    """The outcomes that were reported, by the names of scenarios, in a file, a run directory or a folder of these.

    Raises:
        UserError: for what is none of these, and where nothing was reported.
    """
    found: dict[str, set[str]] = {}
    for source in gather([path]):
        for name, outcomes in _outcomes(source):
            if outcomes:
                found.setdefault(name, set()).update(outcomes)
    if not found:
        raise UserError(f"--like: {shown(repr(str(path)))} reports no violation and no stall; name another file")
    return {name: frozenset(outcomes) for name, outcomes in found.items()}


def _outcomes(source: Source) -> Iterator[tuple[str, set[str]]]:
    """The scenario of each run and exploration, and what it reported."""
    for entry in source.entries:
        yield entry.values.scenario, {*entry.reports, *({STALLED} if entry.stall else set[str]())}
    for exploration in source.explorations:
        yield exploration.scenario, {outcome for find in exploration.found for outcome in find.shows}
