"""All runs of a report as one JSON document, as they were, with the state of each campaign."""

from collections.abc import Sequence
from typing import Any

from stress.results.load.entries import RUNS, Source
from stress.runs.result import json_text


def make_json(sources: Sequence[Source]) -> str:
    """The document."""
    runs = [dict(entry.json) for source in sources for entry in source.entries if entry.json is not None]
    return json_text(runs, campaigns=[_campaign(source) for source in sources if source.kind != RUNS])


def _campaign(source: Source) -> dict[str, Any]:
    """A soak or a sweep, without its runs."""
    return {
        "kind": source.kind,
        "directory": source.name,
        "state": source.status,
        "ended": len(source.entries),
        "planned": None if source.answers else source.planned,
        "unfinished": source.unfinished,
        "resume": source.resume,
    }
