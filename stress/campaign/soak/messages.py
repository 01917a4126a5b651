"""What the machine's process and the soak that started it say to each other, by `stress.campaign.pipes`."""

import attrs

from stress.campaign.pipes import Failed, Lost
from stress.campaign.soak.records import Plan, Standing
from stress.runs.report import Report


@attrs.frozen
class Job:
    """What to do: turns of the plan's interval, among the scenarios that are not done, for `seconds` in all.

    `glances`: tell what each CPU does twice a second, for somebody who watches.
    """

    plan: Plan
    standings: tuple[Standing, ...]
    seconds: float
    glances: bool


@attrs.frozen
class Ready:
    """Everything is compiled; the first machine boots next."""


@attrs.frozen
class Began:
    """A scenario's turn begins."""

    scenario: str


@attrs.frozen
class CpuGlance:
    """One CPU as it was just seen: its program, the core it was on (None if unknown), what it did, how far it was."""

    cpu: int
    program: str
    core: int | None
    state: str
    operations: int


@attrs.frozen
class Glance:
    """The turn under way: counts up to its last slice, seconds since it began, and every CPU of the machine."""

    scenario: str
    seconds: float
    lookups: int
    unloads: int
    race_windows: int
    violations: int
    cpus: tuple[CpuGlance, ...]


@attrs.frozen
class Turn:
    """A turn has ended after `seconds`: where its scenario stands now, and full reports of the new violations."""

    seconds: float
    standing: Standing
    reports: dict[str, Report]


Message = Ready | Began | Glance | Turn | Lost | Failed
KINDS = (Ready, Began, Glance, Turn, Lost, Failed)
