"""Replay: a schedule that was written down is run again, and every access of it is traced."""

import re
from collections.abc import Sequence
from pathlib import Path

import attrs

from stress.corpus import Corpus
from stress.errors import UserError
from stress.host.disk import reading, telling
from stress.runs.boot import World
from stress.runs.controlled.digests import digests_of
from stress.runs.controlled.machine import CUT, Controlled
from stress.runs.controlled.silence import watched
from stress.runs.controlled.small_world import machine_for, world_of
from stress.safe_text import shown
from stress.scenario import Scenario
from stress.scenario_files import find_scenario
from stress.schedule.schedule import VERSION, Schedule
from stress.units import counted

TOKEN = re.compile(rf"{VERSION}~[^\s\"'<>]+")
MOST_BYTES = 64 << 20
MOST_TOKENS = 100


@attrs.frozen
class Replayed:
    """A schedule that was run again on a traced machine, which stands where it ended.

    `departed` is the number of accesses before the first run that could not be followed; None if all could.
    `changed` says in words what differs from where the schedule was made.
    """

    schedule: Schedule
    scenario: Scenario
    world: World
    machine: Controlled
    shows: tuple[str, ...]
    departed: int | None
    changed: tuple[str, ...]

    @property
    def outcome(self) -> str:
        """What came of it, in words."""
        return " and ".join(self.shows) or "nothing forbidden, and no stall"

    @property
    def notes(self) -> tuple[str, ...]:
        """What differs from where the schedule was made, and how far it could be followed, in words."""
        if self.departed is None:
            return self.changed
        far = f"after {self.departed:,} accesses the schedule could not be followed, and the rest was free"
        return *self.changed, far


def schedules_in(text: str) -> list[Schedule]:
    """The schedule of a token, or those of the tokens in a file, each once.

    Raises:
        UserError: for what is neither, and for a file without any.
    """
    if text.startswith(f"{VERSION}~"):
        return [Schedule.parse(text)]
    name = shown(repr(text))
    unread = telling(f"{name} is not a token, and cannot be read as a file", f"a token begins with {VERSION}~")
    with unread, reading(Path(text)) as opened:
        content = opened.read(MOST_BYTES).decode(errors="replace")
    tokens = list(dict.fromkeys(TOKEN.findall(content)))[:MOST_TOKENS]
    if not tokens:
        raise UserError(f"{name} has no schedule; `kstress explore` prints them, and a token begins with {VERSION}~")
    return [Schedule.parse(token, f"in {name}, the token") for token in tokens]


def replay(schedule: Schedule, corpus: Corpus, engine: str = "auto") -> Replayed:
    """Run a schedule again.

    Raises:
        UserError: for a scenario that is not there, or that needs more CPUs than the schedule has.
    """
    scenario, world = find_scenario(schedule.scenario), schedule.world
    if world.cpus < scenario.least_cpus:
        cpus = counted(world.cpus, "CPU")
        raise UserError(f"the schedule has {cpus}, and {scenario.name} needs at least {scenario.least_cpus}")
    symbols = world_of(scenario, corpus, world)
    machine = machine_for(scenario, symbols, engine, world, traced=True)
    with watched([machine]):
        shows = tuple(name for name in machine.replay(schedule.runs, world.seed) if name != CUT)
    changed = _changed(schedule, digests_of(scenario, symbols))
    return Replayed(schedule, scenario, symbols, machine, shows, machine.departed, changed)


def corpus_of(schedule: Schedule, corpora: Sequence[Corpus]) -> Corpus:
    """The first of these in which the schedule was made, as its digest says; the last if it is none of them.

    Raises:
        UserError: for a scenario that is not there.
    """
    scenario = find_scenario(schedule.scenario)
    worlds = ((corpus, world_of(scenario, corpus, schedule.world)) for corpus in corpora)
    its_own = (corpus for corpus, world in worlds if digests_of(scenario, world)[1] == schedule.digests[1])
    return next(its_own, corpora[-1])


def _changed(schedule: Schedule, digests: tuple[str, str]) -> tuple[str, ...]:
    """What differs from where the schedule was made."""
    what = ("the scenario's file has changed", "the kernel's code, or the corpus (--corpus), has changed")
    pairs = zip(what, schedule.digests, digests, strict=True)
    return tuple(text for text, then, now in pairs if then != now)
