"""The figures of a run that are compared: what readers and writers got done, how long stops took, what was seen."""

from collections.abc import Callable

import attrs

from stress.campaign.runs import Run
from stress.judge.verdict import VIOLATED
from stress.results.load.entries import Entry


@attrs.frozen
class Figure:
    """A figure: its `name` and unit, how a run has it (None if it does not), and whether more of it is better."""

    name: str
    unit: str
    of: Callable[[Run], float | None]
    more_is_better: bool


def _seen(run: Run) -> float | None:
    """Violations per race window, of a scenario that is to show them."""
    return run.rate if run.expect == VIOLATED else None


def _unloads(run: Run) -> float | None:
    """Unloads a second; None for a test, whose bodies load nothing."""
    return None if run.again else run.per_second(run.unloads)


FIGURES = (
    Figure("lookups", "/s", lambda run: run.per_second(run.lookups), True),
    Figure("unloads", "/s", _unloads, True),
    Figure("stop p50", " us", lambda run: run.stop_machine.p50_us, False),
    Figure("stop p99", " us", lambda run: run.stop_machine.p99_us, False),
    Figure("violations per window", "", _seen, True),
)
"""A scenario that is to be VIOLATED and is so less often has become harder to see: that is worse."""


def figure_of(figure: Figure, entries: tuple[Entry, ...]) -> tuple[float, ...]:
    """A figure of every repeat that has it; a run that stood still has none."""
    runs = [entry.run for entry in entries if entry.run is not None and entry.run.stall is None]
    return tuple(value for run in runs if (value := figure.of(run)) is not None)


def only_of(entries: tuple[Entry, ...], others: tuple[Entry, ...]) -> tuple[str, ...]:
    """The names of the figures that some repeats have and none of the others, such as stops where none came."""
    return tuple(one.name for one in FIGURES if figure_of(one, entries) and not figure_of(one, others))
