"""What a sweep asks of a worker, and what a cell's process says to who started it, by `stress.campaign.pipes`."""

from typing import Any

import attrs

from stress.campaign.pipes import Failed, Lost
from stress.campaign.sweep.records import Plan


@attrs.frozen
class CellTask:
    """One cell to run: the plan of it alone, its number in the whole plan, its repeat and its seed.

    `cores` says what to do while another run has the cores; None is as the environment of who runs it says.
    """

    plan: Plan
    number: int
    repeat: int
    seed: int
    cores: str | None = None


@attrs.frozen
class Job:
    """The cell of a plan that has no other, to be run with a seed; `began_ns` is when its process was started."""

    plan: Plan
    seed: int
    began_ns: int


@attrs.frozen
class Started:
    """Everything is compiled and CPUs look symbols up, so many seconds after the process was started."""

    seconds: float


@attrs.frozen
class Ran:
    """The cell is complete: the object of its run in the JSON of runs."""

    run: dict[str, Any]


@attrs.frozen
class GoesOn:
    """Machines run; said once a second."""


Message = Started | GoesOn | Ran | Lost | Failed
KINDS = (Started, GoesOn, Ran, Lost, Failed)
