"""The timelines of what explorations found, for a page: each token is replayed on the python engine, and drawn.

A token is replayed only where it runs nothing that a stranger has named: a scenario of the catalogue, or a file with
exactly the bytes that were explored. What cannot be drawn is told in a line.
"""

from collections.abc import Sequence
from functools import partial

import attrs

from stress.corpus import Corpus, bundled
from stress.errors import HarnessError, UserError
from stress.results.load.stored_explorations import StoredExploration, StoredFind
from stress.results.pages.pictures import Maker, file_name
from stress.results.pages.timeline import timeline_file, timeline_svg
from stress.results.report.explorations import Again, again, shows, where
from stress.runs.controlled.digests import digest_of
from stress.runs.controlled.replay import Replayed, corpus_of, replay
from stress.runs.timeline import timeline
from stress.safe_text import on_one_line, shown
from stress.scenario_files import is_of_catalogue, load_source, loaded_source, scenario_file
from stress.schedule.schedule import Schedule
from stress.units import counted

ENGINE = "python"
MOST_DRAWN = 12
"""Finds that a page draws: each is replayed, which takes time."""
MOST_CPUS = 16
"""Columns of a timeline in a page."""
MOST_OPERATIONS = 200
"""Of all CPUs together. A schedule that nothing ends may make 500 accesses for each, ten thousand of them a second."""


@attrs.frozen
class DrawnTimeline:
    """The timeline of a find as an SVG element, None if there is none; `notes` say why, or what has changed since."""

    svg: str | None = None
    story: tuple[str, ...] = ()
    notes: tuple[str, ...] = ()


@attrs.frozen(kw_only=True)
class DrawnFind:
    """A find in a page."""

    title: str
    where: str
    again: Again
    timeline: DrawnTimeline


def drawn_finds(explorations: Sequence[StoredExploration], corpus: Corpus | None = None) -> list[DrawnFind]:
    """Every find in its order; the first MOST_DRAWN are replayed, and drawn where that shows the same again.

    `corpus` is one in which some of them were found; the others were in the bundled one.
    """
    corpora = [bundled()] if corpus is None else [bundled(), corpus]
    pairs = [(exploration, find) for exploration in explorations for find in exploration.found]
    return [_find(*pair, corpora if number < MOST_DRAWN else ()) for number, pair in enumerate(pairs)]


def left_out(finds: Sequence[DrawnFind]) -> str | None:
    """What is not drawn since there is too much of it; None if nothing is."""
    left = len(finds) - MOST_DRAWN
    if left <= 0:
        return None
    return f"The first {MOST_DRAWN} finds are drawn; of {left:,} more there are only the commands."


def timeline_files(finds: Sequence[DrawnFind]) -> dict[str, Maker]:
    """The name of each file that shows a find, and what makes it; a find that is not drawn has none."""
    return {
        f"{file_name(number, f'timeline {find.title}')}.svg": partial(timeline_file, find.timeline.svg)
        for number, find in enumerate(finds, 1)
        if find.timeline.svg
    }


def _find(exploration: StoredExploration, find: StoredFind, corpora: Sequence[Corpus]) -> DrawnFind:
    """A find, replayed in one of these corpora; not drawn if there are none."""
    how, title = again(find), f"{exploration.scenario}: {shows(find)}"
    wanted = how.schedule if corpora else None
    drawn = _timeline(exploration, find, wanted, corpora) if wanted else DrawnTimeline()
    return DrawnFind(title=title, where=where(find), again=how, timeline=drawn)


def _timeline(
    exploration: StoredExploration, find: StoredFind, schedule: Schedule, corpora: Sequence[Corpus]
) -> DrawnTimeline:
    """The timeline of a schedule; if it cannot be drawn, why."""
    try:
        _check(schedule)
        replayed = replay(schedule, corpus_of(schedule, corpora), ENGINE)
    except (UserError, HarnessError) as error:
        return DrawnTimeline(notes=(f"Not drawn: {on_one_line(str(error))}.",))
    try:
        if differs := _differs(exploration, find, replayed):
            return DrawnTimeline(notes=(differs, *_notes(replayed)))
        drawn = timeline(replayed.machine, replayed.shows)
        return DrawnTimeline(timeline_svg(drawn), drawn.story, _notes(replayed))
    finally:
        replayed.machine.finish()


def _notes(replayed: Replayed) -> tuple[str, ...]:
    """What differs from where the schedule was made, as sentences."""
    return tuple(f"{note[:1].upper()}{note[1:]}." for note in replayed.notes)


def _differs(exploration: StoredExploration, find: StoredFind, replayed: Replayed) -> str | None:
    """Why the picture of a replay would not be that of the find; None if it is."""
    if replayed.scenario.name != exploration.scenario:
        return f"Not drawn: the token is one of {replayed.scenario.name}."
    if replayed.shows != find.shows:
        return f"Not drawn: the replay shows something else: {replayed.outcome}."
    return None


def _check(schedule: Schedule) -> None:
    """UserError for a schedule that is too large for a page, or whose file is not the one that was explored."""
    world = schedule.world
    if world.cpus > MOST_CPUS or world.cpus * world.operations > MOST_OPERATIONS:
        counts = f"{counted(world.cpus, 'CPU')} and {counted(world.operations, 'operation')} of each"
        raise UserError(f"{counts} are too many for a page; `kstress replay` draws it")
    path = scenario_file(schedule.scenario)
    if is_of_catalogue(path):
        return
    # Whoever wrote the token may have named any file: its code runs only if it is the code that was explored.
    source = loaded_source(path)
    if digest_of(source) != schedule.digests[0]:
        raise UserError(
            f"{shown(path)} is not as it was explored, so that the page does not run it; `kstress replay` does"
        )
    load_source(source)
