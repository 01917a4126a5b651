"""What earlier runs have reported of a scenario: the outcomes of its violations, and stalls."""

from pathlib import Path

from stress.errors import UserError
from stress.results.load.gather import gather
from stress.safe_text import shown

STALLED = "stalled"


def reported(path: Path) -> dict[str, frozenset[str]]:
    """The outcomes that were reported, by the names of scenarios, in a run file, a run directory or a folder of these.

    Raises:
        UserError: for what is none of these, and where nothing was reported.
    """
    found: dict[str, set[str]] = {}
    for source in gather([path]):
        for entry in source.entries:
            stalls = {STALLED} if entry.stall else set[str]()
            if outcomes := {*entry.reports, *stalls}:
                found.setdefault(entry.values.scenario, set()).update(outcomes)
    if not found:
        raise UserError(
            f"--like: {shown(repr(str(path)))} reports no violation and no stall of real threads; name another file"
        )
    return {name: frozenset(outcomes) for name, outcomes in found.items()}
