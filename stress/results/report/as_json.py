"""All runs and explorations of a report as one JSON document, as they were, with the state of each campaign."""

from collections.abc import Sequence
from typing import Any

from stress.results.load.entries import EXPLORATIONS, RUNS, Source
from stress.runs.result import json_text


def make_json(sources: Sequence[Source]) -> str:
    """The document."""
    runs = [dict(entry.json) for source in sources for entry in source.entries if entry.json is not None]
    explored = [dict(one.json) for source in sources for one in source.explorations]
    more = {"explorations": explored} if explored else {}
    campaigns = [_campaign(source) for source in sources if _is_told(source)]
    return json_text(runs, campaigns=campaigns, **more)


def _is_told(source: Source) -> bool:
    """Whether there is more to tell of it than its runs or explorations."""
    return source.kind not in (RUNS, EXPLORATIONS) or source.unfinished is not None


def _campaign(source: Source) -> dict[str, Any]:
    """A soak, a sweep, or runs or explorations that are not complete, without their runs."""
    return {
        "kind": source.kind,
        "directory": source.name,
        "state": source.status,
        "ended": source.ended,
        "planned": None if source.answers else source.planned,
        "unfinished": source.unfinished,
        "resume": source.resume,
    }
