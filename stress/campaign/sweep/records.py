"""What a sweep writes down, as types: its run directory has a manifest, and a line for each cell that has ended.

`stress.campaign.converter` turns them into JSON and back.
"""

import re
from collections.abc import Iterable, Mapping, Sequence
from fractions import Fraction
from itertools import pairwise
from typing import Any

import attrs
from attrs.validators import and_, ge, gt, in_, le, lt, min_len, optional

from stress.campaign import records
from stress.campaign.converter import complete
from stress.campaign.records import ScenarioRecord, check_names
from stress.config import keeping, wrong_settings
from stress.runs.report import Report
from stress.settings import AXES, SETTINGS
from stress.units import LONGEST

SWEEP = "sweep"
SCHEMA = 1
DONE, CRASHED, HUNG, NO_MEMORY, FAILED = ENDS = ("done", "crashed", "hung", "out of memory", "failed")
"""How a cell ended: only one that is done has a run. "failed" is a fault of the harness, or input that it refused."""

NOT_APPLICABLE = "not applicable"
_TOO_FEW = re.compile(r"needs at least \d+ CPUs, not \d+")
ALIKE = tuple(setting for setting in SETTINGS if not setting.axis and setting.name != "seed")
"""The settings that all cells have alike."""
TIME = and_(gt(0.0), le(LONGEST))
DURATION = "duration_s"
SOUGHT = tuple(setting.field for setting in SETTINGS if setting.knee)
"""The axes on which a knee can be sought: a race shows the more often the greater their value is."""


def applies(run: Mapping[str, Any]) -> bool:
    """Whether a run, as JSON has it, had CPUs enough for its scenario; earlier versions said it in the reason alone."""
    return bool(run.get("applicable", _TOO_FEW.fullmatch(str(run.get("reason"))) is None))


def rises(values: Sequence[Any]) -> bool:
    """Whether each value is greater than the one before it."""
    return all(one < other for one, other in pairwise(values))


@complete()
@attrs.frozen(kw_only=True, cache_hash=True, field_transformer=keeping(AXES))
class Values:
    """One value on each axis; None for what the scenario or the interpreter has by itself. Times are in seconds."""

    scenario: str
    engine: str
    cpus: int
    readers_per_writer: int | None = None
    noise: Fraction
    switch_interval_s: float | None = None
    gap_s: float | None = None
    pace_s: float
    fate: str | None = None
    corpus: str | None = None

    def __attrs_post_init__(self) -> None:
        """Raise ValueError for a value out of range."""
        for flag, wrong in wrong_settings(self, AXES):
            raise ValueError(f"{flag}: {wrong}")


COLUMNS = tuple(field.name for field in attrs.fields(Values))
"""The scenario, the engine, and the other axes."""


def varying(cells: Iterable[Values]) -> tuple[str, ...]:
    """The axes other than the scenario on which cells of one engine differ, the engine first if there are two.

    Engines have noise and paces of their own, which are no axes.
    """
    seen: dict[str, dict[str, set[object]]] = {}
    for values in {id(values): values for values in cells}.values():  # the many cells of a sweep share a few
        for axis in COLUMNS[2:]:
            seen.setdefault(axis, {}).setdefault(values.engine, set()).add(getattr(values, axis))
    engines = {engine for by_engine in seen.values() for engine in by_engine}
    differing = [axis for axis, by_engine in seen.items() if any(len(known) > 1 for known in by_engine.values())]
    return (*(["engine"] if len(engines) > 1 else []), *differing)


@attrs.frozen(kw_only=True)
class Find:
    """What a sweep looks for, if it is a search: the least value on `axis` at which `share` of all runs show the race.

    `axis` is a field of `Values`, whose values in the plan's cells are the candidates, or "duration_s": then
    `durations` are, in seconds, and each run is as long as the longest. `confidence` is that of the answer.
    """

    axis: str = attrs.field(validator=in_(SOUGHT))
    share: float = attrs.field(validator=[gt(0.0), lt(1.0)])
    confidence: float = attrs.field(validator=[gt(0.0), lt(1.0)])
    durations: tuple[float, ...]


@attrs.frozen(kw_only=True, field_transformer=keeping(ALIKE))
class Plan:
    """What a sweep is of: the values of each cell, how often each is repeated, and what all cells have alike.

    `seed` gives the order in which cells run, and the seed of each. Of a search, `find` says what it looks for, and
    `repeat` how often a cell is run at most; what it wants next gives the order.
    The digests are of the bytes of each corpus that was named, by its path, and of all sources programs are made of.
    """

    scenarios: tuple[ScenarioRecord, ...] = attrs.field(validator=[min_len(1), check_names])
    cells: tuple[Values, ...] = attrs.field(validator=min_len(1))
    repeat: int = attrs.field(validator=ge(1))
    seed: int
    duration_s: float = attrs.field(validator=TIME)
    kasan: bool
    stall_after_s: float | None = attrs.field(validator=optional(TIME))
    stop_on_violation: bool
    corpus_digests: dict[str, str]
    sources_digest: str
    find: Find | None = None

    def __attrs_post_init__(self) -> None:
        """Raise ValueError for durations that belong to no search, or are out of order."""
        durations = self.find.durations if self.find else ()
        if bool(durations) != bool(self.find and self.find.axis == DURATION):
            raise ValueError("durations are what a search for one has, and no other")
        if durations and not (durations[0] > 0 and durations[-1] == self.duration_s and rises(durations)):
            raise ValueError("durations must rise, up to that of the runs")


Manifest = records.Manifest[Plan]


@attrs.frozen(kw_only=True)
class CellResult:
    """One line of `cells.jsonl`: how one cell ended, in one of its repeats.

    `at` is when (UTC), in which of the `sessions`. `number` is that of its values in the plan, from 0, and `repeat`
    counts from 1. `run` is its run as `kstress run --json` has it, None if there is none; then `trouble` says why.
    `seconds` is how long its process took, `first_lookup_s` how long from its start to its first lookup. `worker` is
    who ran it, None for the sweep's own process.
    """

    at: str
    session: int = attrs.field(validator=ge(0))
    number: int = attrs.field(validator=ge(0))
    repeat: int = attrs.field(validator=ge(1))
    seed: int
    end: str = attrs.field(validator=in_(ENDS))
    seconds: float = attrs.field(validator=ge(0.0))
    first_lookup_s: float | None = attrs.field(validator=optional(ge(0.0)))
    run: Mapping[str, Any] | None
    trouble: Report | None
    worker: str | None = None

    def __attrs_post_init__(self) -> None:
        """Raise ValueError unless there is a run, or else why there is none."""
        if not (self.end == DONE) == (self.run is not None) == (self.trouble is None):
            raise ValueError(f"a cell that is {self.end} does not fit its run")
