"""A schedule that shows what a run on real threads has reported: what a log of a failed test is to carry."""

from collections.abc import Callable

import attrs

from stress.corpus import Corpus
from stress.runs.controlled.exploration import explore
from stress.runs.controlled.machine import STALLED
from stress.runs.controlled.search import Search
from stress.runs.result import Result
from stress.schedule.schedule import Schedule


@attrs.frozen
class Likeness:
    """How many schedules a search of so many seconds tried, and the one that shows it, if it found one."""

    seconds: float
    schedules: int
    shows: tuple[str, ...] = ()
    schedule: Schedule | None = None


def schedule_like(
    result: Result, corpus: Corpus, seconds: float, before_exit: Callable[[], None] = lambda: None
) -> Likeness | None:
    """A shrunk schedule of the scenario that shows an outcome that `result` reports; None where it reports none.

    If an operation goes on without an access, `before_exit` is called, and the process exits with 4.

    Raises:
        UserError: for a scenario that cannot be explored.
    """
    wanted = {violation.outcome for violation in result.reports} | ({STALLED} if result.stall else set())
    if not wanted:
        return None
    search = Search(
        engine=result.engine,
        duration_s=seconds,
        seed=result.config.seed,
        wanted=frozenset(wanted),
        keeps_others=False,
    )
    exploration = explore(result.scenario, corpus, search, before_exit=lambda exploration: before_exit())
    tried = exploration.explored.count
    found = next(iter(exploration.explored.found.values()), None)
    return Likeness(seconds, tried, found.shows, exploration.schedule(found)) if found else Likeness(seconds, tried)
