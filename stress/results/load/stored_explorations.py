"""An exploration as JSON has it, checked: what `kstress explore` wrote, now or long ago, here or elsewhere.

Keys that this version does not know are left alone; one that is missing, or is not what it should be, is refused. A
token is only text here: who replays it says whether it is damaged.
"""

from collections.abc import Mapping
from typing import Any

import attrs
from attrs.validators import ge, in_, le, max_len, min_len
from cattrs.gen import override

from stress.campaign.converter import from_json, let_more_keys
from stress.campaign.runs import LONGEST_NAME, check_caught, check_expected
from stress.judge.verdict import STALLED, VIOLATED
from stress.results.load.entries import EXPECTED, INCONCLUSIVE, UNEXPECTED
from stress.scenario import VERDICTS
from stress.schedule.schedule import MOST_CPUS
from stress.settings import ENGINES
from stress.units import counted

_NAME: Any = max_len(LONGEST_NAME)
_COUNT = ge(0)


@attrs.frozen(kw_only=True)
class StoredFind:
    """The first schedule that showed something, its number from 1, and the shrunk one that the token replays."""

    shows: tuple[str, ...] = attrs.field(validator=min_len(1))
    schedule: int = attrs.field(validator=ge(1))
    preemptions: int = attrs.field(validator=_COUNT)
    accesses: int = attrs.field(validator=_COUNT)
    token: str


@attrs.frozen
class StoredTwin:
    """How many schedules the twin had in the same call, and how many of them showed something."""

    scenario: str = attrs.field(validator=_NAME)
    schedules: int = attrs.field(validator=_COUNT)
    catches: int = attrs.field(validator=_COUNT)

    def __attrs_post_init__(self) -> None:
        """Raise ValueError for what contradicts itself."""
        check_caught(self.catches, self.schedules)


@attrs.frozen(kw_only=True)
class StoredExploration:
    """One exploration; `results/README.md` says what each key is. `json` is all of it as it was read."""

    scenario: str = attrs.field(validator=_NAME)
    engine: str = attrs.field(validator=in_(ENGINES))
    cpus: int = attrs.field(validator=[ge(1), le(MOST_CPUS)])
    operations: int = attrs.field(validator=ge(1))
    modules: int = attrs.field(validator=_COUNT)
    strategy: str = attrs.field(validator=_NAME)
    seed: int = attrs.field(validator=_COUNT)
    schedules: int = attrs.field(validator=_COUNT)
    distinct: int = attrs.field(validator=_COUNT)
    expect: str = attrs.field(validator=in_(VERDICTS))
    verdict: str = attrs.field(validator=in_(VERDICTS))
    reason: str
    as_expected: bool
    interrupted: bool
    found: tuple[StoredFind, ...]
    twin: StoredTwin | None
    json: Mapping[str, Any] = attrs.field(factory=dict)

    def __attrs_post_init__(self) -> None:
        """Raise ValueError for what contradicts itself."""
        check_expected(self.as_expected, self.verdict, self.expect)
        if (self.verdict in (VIOLATED, STALLED)) != bool(self.found):
            raise ValueError(f"{self.verdict} does not go with {counted(len(self.found), 'find')}")

    @property
    def standing(self) -> str:
        """How it stands, as an entry does."""
        if self.as_expected:
            return EXPECTED
        return INCONCLUSIVE if self.verdict == INCONCLUSIVE else UNEXPECTED


let_more_keys(StoredFind)
let_more_keys(StoredTwin)
let_more_keys(StoredExploration, json=override(omit=True))


def exploration_of(value: Mapping[str, Any], where: str) -> StoredExploration:
    """A checked exploration out of JSON that came from `where`.

    Raises:
        UserError: for anything else.
    """
    return attrs.evolve(from_json(value, StoredExploration, where), json=value)
