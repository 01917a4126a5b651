"""What `kstress explore --resume` goes on with: what was asked for, and where each exploration of a file stands."""

from array import array
from pathlib import Path
from typing import Any

import attrs

from stress.campaign.converter import complete, from_json
from stress.campaign.reading import parse, read_file
from stress.errors import UserError
from stress.host.disk import read_whole
from stress.runs.controlled.search import Plan, Search
from stress.runs.controlled.standing import Find, Standing
from stress.runs.result import SCHEMA
from stress.safe_text import shown

SEEN = ".seen"
"""What the file beside it is called that has the fingerprints of all schedules."""

for record in (Search, Plan):
    complete()(record)


@attrs.frozen
class Kept:
    """What a file has of one `kstress explore`; `standings` by the names of scenarios."""

    plan: Plan
    standings: dict[str, Standing]


def read_explorations(path: Path) -> Kept:
    """What `kstress explore` has kept in a file.

    Raises:
        UserError: for any other file, and for one that is damaged or of a newer kstress.
    """
    where = shown(repr(str(path)))
    document = parse(read_file(path), where)
    if "plan" not in document or not isinstance(document.get("explorations"), list):
        raise UserError(f"{where} has no explorations to go on with; name a file that `kstress explore` has written")
    if document.get("schema") != SCHEMA:
        raise UserError(f"{where} is of another version of kstress (schema {document.get('schema')!r:.20})")
    plan = from_json(document["plan"], Plan, f"{where}, its plan,")
    seen = _fingerprints(path.with_suffix(SEEN))
    standings = {}
    for left, one in zip(reversed(range(len(document["explorations"]))), document["explorations"], strict=True):
        name, distinct, standing = _standing(one, where)
        # The last one may have come further than this file, if the process was killed: then it comes there again.
        mine = seen[: distinct if left else len(seen)]
        standings[name] = attrs.evolve(standing, seen=tuple(mine))
        del seen[: len(mine)]
    return Kept(plan, standings)


def _standing(one: Any, where: str) -> tuple[str, int, Standing]:
    """Where one exploration stands, from its JSON: the scenario, its distinct schedules, and the standing."""
    keys = {"scenario": str, "distinct": int, "standing": dict, "found": list}
    if not isinstance(one, dict) or not all(type(one.get(key)) is kind for key, kind in keys.items()):
        raise UserError(f"{where} has an exploration that cannot be gone on with; explore it from the start")
    finds = from_json([_find(found) for found in one["found"]], tuple[Find, ...], f"{where}, what was found,")
    standing = from_json(one["standing"], Standing, f"{where}, a standing,")
    return one["scenario"], max(one["distinct"], 0), attrs.evolve(standing, finds=finds)


def _find(found: Any) -> dict[str, Any]:
    """The keys of a find."""
    names = [field.name for field in attrs.fields(Find)]
    return {name: found[name] for name in names if name in found} if isinstance(found, dict) else {}


def _fingerprints(path: Path) -> "array[int]":
    """The fingerprints in a file; none if it is not there, or is none: then those of before count once more."""
    found = array("Q")
    try:
        found.frombytes(read_whole(path))
    except (OSError, ValueError):
        return array("Q")
    return found
