"""What a report says of explorations, in words: on the terminal, in Markdown and in a page."""

from collections.abc import Iterable, Sequence

import attrs

from stress.errors import UserError
from stress.results.load.entries import STANDINGS, Source
from stress.results.load.stored_explorations import StoredExploration, StoredFind
from stress.results.pages.text import clean
from stress.safe_text import on_one_line
from stress.schedule.schedule import Schedule
from stress.units import counted


def explorations_of(sources: Iterable[Source]) -> list[StoredExploration]:
    """All explorations, with what is not as expected first."""
    found = [exploration for source in sources for exploration in source.explorations]
    return sorted(found, key=lambda one: STANDINGS.index(one.standing))


@attrs.frozen
class Again:
    """How a find is replayed: its schedule, or what is wrong with its token."""

    schedule: Schedule | None
    trouble: str = ""

    @property
    def line(self) -> str:
        """The command; what is damaged has none, since nobody should paste it."""
        return f"kstress replay {self.schedule.token}" if self.schedule else f"it cannot be replayed: {self.trouble}"


def again(find: StoredFind) -> Again:
    """How a find is replayed."""
    try:
        return Again(Schedule.parse(find.token))
    except UserError as error:
        return Again(None, on_one_line(str(error)))


def shows(find: StoredFind) -> str:
    """What a find shows."""
    return " and ".join(find.shows)


def size(find: StoredFind) -> str:
    """What is left of a find once it is shrunk."""
    return f"{counted(find.preemptions, 'preemption')}, {counted(find.accesses, 'access', 'accesses')}"


def where(find: StoredFind) -> str:
    """After how many schedules it came, and what is left of it."""
    return f"first in schedule {find.schedule:,}, shrunk to {size(find)}"


def heading(exploration: StoredExploration) -> list[str]:
    """The verdict, its reason, and what was explored how, in a line each."""
    how = f"{world(exploration)}, strategy {exploration.strategy}, seed {exploration.seed}"
    return [
        f"{exploration.scenario}: {exploration.verdict.upper()} ({expected(exploration)})",
        f"  {exploration.reason}",
        f"  engine {exploration.engine}, {how}",
    ]


def lines_of(exploration: StoredExploration) -> list[str]:
    """An exploration in some lines, each of which tells a terminal nothing."""
    return [
        clean(line).replace("\n", " ")
        for line in (
            *heading(exploration),
            f"  {counted(exploration.schedules, 'schedule')}, {exploration.distinct:,} distinct",
            *_finds(exploration.found),
        )
    ]


def _finds(found: Sequence[StoredFind]) -> list[str]:
    """What was found, and how to replay it."""
    return [line for find in found for line in (f"  {shows(find)}: {where(find)}", f"    {again(find).line}")]


def expected(exploration: StoredExploration) -> str:
    """Whether that was expected, and whether it was all."""
    said = "as expected" if exploration.as_expected else f"expected {exploration.expect.upper()}"
    return f"{said}, interrupted" if exploration.interrupted else said


def world(exploration: StoredExploration) -> str:
    """The small world that was explored."""
    modules = f", {counted(exploration.modules, 'module')}" if exploration.modules else ""
    return f"{counted(exploration.cpus, 'CPU')}, {counted(exploration.operations, 'operation')} of each{modules}"
