"""Explore: many schedules of one scenario, each from the same small world; what they found, shrunk, and what that says.

The twin is explored in the same call, by the same strategies, in turn with the scenario: only what its rate would have
shown makes a verdict of "held".
"""

import time
from collections.abc import Callable, Iterator

import attrs

from stress.corpus import Corpus
from stress.judge.verdict import CATCHES_FOR_HELD, Verdict
from stress.runs.controlled.digests import digests_of
from stress.runs.controlled.explored import Explored, Found
from stress.runs.controlled.machine import Controlled
from stress.runs.controlled.search import Search, cpus_for
from stress.runs.controlled.small_world import machine_for, world_of
from stress.runs.controlled.verdict import judge
from stress.scenario import Scenario
from stress.scenario_files import twin_of
from stress.schedule.schedule import Schedule, Small
from stress.schedule.strategies.depth_first import MOST_PREEMPTIONS

BATCH = 64
"""Schedules between two looks at the clock."""


@attrs.frozen
class Exploration:
    """What was explored, and the verdict."""

    scenario: Scenario
    search: Search
    engine: str
    world: Small
    digests: tuple[str, str]
    explored: Explored
    twin: Explored | None
    verdict: Verdict
    interrupted: bool

    @property
    def as_expected(self) -> bool:
        """Whether the verdict is the one that the scenario expects."""
        return self.verdict.name == self.scenario.expect

    def schedule(self, found: Found) -> Schedule:
        """The shrunk schedule of a find, as a value that can be written down."""
        world = attrs.evolve(self.world, seed=found.seed)
        return Schedule(scenario=self.scenario.origin, world=world, digests=self.digests, runs=found.shrunk.runs)


Tell = Callable[[Explored], bool]
"""Called after each batch; whether to stop."""


def explore(scenario: Scenario, corpus: Corpus, search: Search, tell: Tell = lambda explored: False) -> Exploration:
    """Explore a scenario, and its twin.

    Raises:
        UserError: for input that cannot be used.
    """
    world = Small(
        cpus=cpus_for(scenario, search.cpus),
        operations=search.operations,
        modules=0 if scenario.structure else search.modules,
        seed=search.seed,
    )
    twin = twin_of(scenario)
    mine = Explored(_machine(scenario, corpus, search, world), search)
    other = Explored(_machine(twin, corpus, search, world), search, keeps=False) if twin else None
    interrupted = _alternate(mine, other, search, tell)
    for one in (mine, other):
        if one:
            one.machine.finish()
    digests = digests_of(scenario, mine.machine.image)
    engine = mine.machine.image.settings.engine
    return Exploration(scenario, search, engine, world, digests, mine, other, judge(mine, other), interrupted)


def _machine(scenario: Scenario, corpus: Corpus, search: Search, world: Small) -> Controlled:
    world = attrs.evolve(world, cpus=max(world.cpus, scenario.least_cpus))
    machine = machine_for(scenario, world_of(scenario, corpus, world), search.engine, world)
    machine.set_state(MOST_PREEMPTIONS, search.preemptions)
    return machine


def _alternate(mine: Explored, twin: Explored | None, search: Search, tell: Tell) -> bool:
    """Explore in batches until the bound; whether that was ended before."""
    for _ in _batches(search, mine):
        _batch(mine, search)
        if _is_enough(mine, search):
            return False
        # The twin shows what this search can see; more catches than it takes say nothing more.
        if twin and not mine.caught_count and twin.caught_count < 2 * CATCHES_FOR_HELD and twin.count <= mine.count:
            _batch(twin, search)
        if tell(mine):
            return True
    return False


def _is_enough(mine: Explored, search: Search) -> bool:
    """Whether what was looked for was found."""
    if search.wanted:
        return any(search.wanted & set(shows) for shows in mine.found)
    return search.stop_on_violation and bool(mine.found)


def _batches(search: Search, mine: Explored) -> Iterator[None]:
    """As many batches as the search has, in schedules and in seconds."""
    began = time.monotonic()
    while not mine.is_exhausted:
        if search.schedules is not None and mine.count >= search.schedules:
            return
        if search.seconds is not None and time.monotonic() - began >= search.seconds:
            return
        yield


def _batch(explored: Explored, search: Search) -> None:
    """Some schedules, no more than are wanted."""
    for _ in range(BATCH):
        if explored.is_exhausted or (search.schedules is not None and explored.count >= search.schedules):
            return
        explored.try_one(search.mixture)
        if _is_enough(explored, search):
            return
