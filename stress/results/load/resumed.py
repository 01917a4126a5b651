"""What `kstress explore --resume` goes on with: what was asked for, and where each exploration of a file stands."""

from array import array
from collections.abc import Iterable, Mapping, Sequence
from itertools import accumulate
from pathlib import Path
from typing import Any, TypeVar

import attrs

from stress.campaign.converter import complete, from_json
from stress.campaign.reading import parse, read_file
from stress.errors import UserError
from stress.host.disk import read_whole
from stress.runs.controlled.search import Plan, Search
from stress.runs.controlled.standing import FROM_THE_START, Find, Standing
from stress.runs.result import SCHEMA
from stress.safe_text import shown
from stress.scenario_files import find_scenario

T = TypeVar("T")

SEEN = ".seen"
"""What the file beside it is called that has the fingerprints of all schedules."""

for record in (Search, Plan):
    complete()(record)


@attrs.frozen
class Past:
    """One exploration as a file has it: its JSON, and where it stands, with its fingerprints."""

    json: Mapping[str, Any]
    standing: Standing


@attrs.frozen
class Kept:
    """What a file has of one `kstress explore`: what each scenario of the plan came to, by its name in the plan.

    `unseen` is the file that lacks fingerprints of theirs; None if it has all.
    """

    plan: Plan
    pasts: Mapping[str, Past] = attrs.field(factory=dict)
    unseen: Path | None = None

    @property
    def listed(self) -> list[Past]:
        """What each came to, in the order of the plan."""
        return [self.pasts[name] for name in self.plan.scenarios if name in self.pasts]


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
    plan = _record(document["plan"], Plan, f"{where}, its plan,")
    pasts = [_past(one, where) for one in document["explorations"]]
    seen = _fingerprints(path.with_suffix(SEEN))
    counts = [max(past.json["distinct"], 0) for past in pasts]
    found = [_with_seen(*pair) for pair in zip(pasts, _parts(seen, counts), strict=True)]
    lacks = len(seen) < sum(counts)
    return Kept(plan, _by_name(plan, found, where), path.with_suffix(SEEN) if lacks else None)


def _by_name(plan: Plan, pasts: Iterable[Past], where: str) -> dict[str, Past]:
    """Each of them by the name of its scenario in the plan; UserError for one that is not in it."""
    left = [(name, find_scenario(name).name) for name in plan.scenarios]
    found = {}
    for past in pasts:
        mine = next((pair for pair in left if pair[1] == past.json["scenario"]), None)
        if mine is None:
            what = f"an exploration of {shown(past.json['scenario'])}, which its plan does not have once more"
            raise UserError(f"{where} has {what}; {FROM_THE_START}")
        left.remove(mine)
        found[mine[0]] = past
    return found


def _past(one: Any, where: str) -> Past:
    """One exploration, from its JSON, without its fingerprints."""
    keys = {"scenario": str, "distinct": int, "standing": dict, "found": list}
    if not isinstance(one, dict) or not all(type(one.get(key)) is kind for key, kind in keys.items()):
        raise UserError(f"{where} has an exploration that cannot be gone on with; {FROM_THE_START}")
    finds = _record([_find(found) for found in one["found"]], tuple[Find, ...], f"{where}, what was found,")
    standing = _record(one["standing"], Standing, f"{where}, a standing,")
    return Past(one, attrs.evolve(standing, finds=finds, where=f"--resume: {where}"))


def _record(value: Any, kind: type[T], where: str) -> T:
    """A record out of JSON; UserError for anything else, with what to do."""
    try:
        return from_json(value, kind, where)
    except UserError as error:
        raise UserError(f"{error}; {FROM_THE_START}") from None


def _parts(seen: "array[int]", counts: Sequence[int]) -> "list[array[int]]":
    """The fingerprints of each exploration, which has so many.

    A process that was killed may have come further than the counts: then one has all up to where they ascend no more.
    """
    ends = list(accumulate(counts))
    if not ends or ends[-1] != len(seen):
        ends = [at for at in range(1, len(seen)) if seen[at] <= seen[at - 1]]
    ends += [len(seen)] * (len(counts) - len(ends))
    return [seen[start:end] for start, end in zip([0, *ends], ends[: len(counts)], strict=False)]


def _with_seen(past: Past, seen: "array[int]") -> Past:
    """The same with its fingerprints."""
    return attrs.evolve(past, standing=attrs.evolve(past.standing, seen=tuple(seen)))


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
