"""Explore: many schedules of one scenario, each from the same small world; what they found, shrunk, and what that says.

The twin is explored in the same call, by the same strategies, in turn with the scenario: only what its rate would have
shown makes a verdict of "held".
"""

import time
from collections.abc import Callable

import attrs

from stress.corpus import Corpus
from stress.judge.verdict import CATCHES_FOR_HELD, Verdict
from stress.runs.controlled.digests import digests_of, twin_digest
from stress.runs.controlled.explored import Explored, Found
from stress.runs.controlled.machine import Controlled
from stress.runs.controlled.search import Search, cpus_for
from stress.runs.controlled.silence import watched
from stress.runs.controlled.small_world import machine_for, world_of
from stress.runs.controlled.standing import Find, Part, Standing
from stress.runs.controlled.verdict import judge
from stress.scenario import Scenario
from stress.scenario_files import twin_of
from stress.schedule.schedule import Schedule, Small
from stress.schedule.strategies.depth_first import MOST_PREEMPTIONS

BATCH = 64
"""Schedules of the scenario before the twin has its turn."""
BATCH_SECONDS = 0.1


@attrs.frozen
class Exploration:
    """What was explored, and the verdict. `wall_s`: the seconds that it took, with those of the twin."""

    scenario: Scenario
    search: Search
    engine: str
    world: Small
    digests: tuple[str, str]
    explored: Explored
    twin: Explored | None
    verdict: Verdict
    wall_s: float
    interrupted: bool

    @property
    def as_expected(self) -> bool:
        """Whether the verdict is the one that the scenario expects."""
        return self.verdict.name == self.scenario.expect

    def schedule(self, found: Found) -> Schedule:
        """The shrunk schedule of a find, as a value that can be written down."""
        world = attrs.evolve(self.world, seed=found.seed)
        return Schedule(scenario=self.scenario.origin, world=world, digests=self.digests, runs=found.shrunk.runs)

    @property
    def standing(self) -> Standing:
        """From where another process can go on."""
        finds = [
            Find(one.shows, one.number, one.seconds, one.shrunk.replays, one.shrunk.is_least, self.schedule(one).token)
            for one in self.explored.found.values()
        ]
        return Standing(
            digests=self.digests,
            wall_s=self.wall_s,
            mine=Part.of(self.explored),
            twin=Part.of(self.twin) if self.twin else None,
            twin_digest=twin_digest(self.scenario),
            finds=tuple(finds),
            seen=tuple(self.explored.seen),
        )


Tell = Callable[[Exploration], bool]
"""Called after each batch with what there is so far; whether to stop."""


def explore(
    scenario: Scenario,
    corpus: Corpus,
    search: Search,
    tell: Tell = lambda exploration: False,
    standing: Standing | None = None,
    before_exit: Callable[[Exploration], None] = lambda exploration: None,
) -> Exploration:
    """Explore a scenario, and its twin; from `standing`, if an earlier exploration has come so far.

    If an operation goes on without an access, `before_exit` gets what there is so far, and the process exits with 4.

    Raises:
        UserError: for input that cannot be used.
    """
    if standing:
        check_standing(standing, scenario, corpus, search)
    course = Course.of(scenario, corpus, search)
    with watched(course.machines, lambda: before_exit(course.exploration(interrupted=True))):
        try:
            if standing:
                standing.go_on(course.mine, course.twin)
                course.before_s = standing.wall_s
            interrupted = course.run(tell)
        finally:  # where what is stored is refused, too
            for machine in course.machines:
                machine.finish()
    return course.exploration(interrupted)


def check_standing(standing: Standing, scenario: Scenario, corpus: Corpus, search: Search) -> None:
    """Raise UserError where an exploration cannot go on from `standing`; nothing is compiled, and nothing runs."""
    world = _small(scenario, search)
    digests = digests_of(scenario, world_of(scenario, corpus, world))
    standing.check(scenario.name, world.cpus, digests, twin_digest(scenario))


@attrs.define
class Course:
    """An exploration under way. `before_s`: the seconds that it has taken before."""

    scenario: Scenario
    search: Search
    world: Small
    digests: tuple[str, str]
    mine: Explored
    twin: Explored | None
    before_s: float = 0.0
    _began: float = attrs.field(init=False, factory=time.monotonic)

    @classmethod
    def of(cls, scenario: Scenario, corpus: Corpus, search: Search) -> "Course":
        """One that has not begun."""
        world = _small(scenario, search)
        twin = twin_of(scenario)
        mine = Explored(_machine(scenario, corpus, search, world), search)
        other = Explored(_machine(twin, corpus, search, world), search, keeps=False) if twin else None
        digests = digests_of(scenario, world_of(scenario, corpus, world))
        return cls(scenario, search, world, digests, mine, other)

    @property
    def machines(self) -> list[Controlled]:
        """The machine of the scenario, and that of its twin."""
        return [one.machine for one in (self.mine, self.twin) if one]

    @property
    def wall_s(self) -> float:
        """The seconds that it has taken."""
        return self.before_s + time.monotonic() - self._began

    def exploration(self, interrupted: bool) -> Exploration:
        """What there is so far."""
        engine, verdict = self.mine.machine.image.settings.engine, judge(self.mine, self.twin)
        what = (self.scenario, self.search, engine, self.world, self.digests, self.mine, self.twin, verdict)
        return Exploration(*what, self.wall_s, interrupted)

    def run(self, tell: Tell) -> bool:
        """Explore in batches until the bound; whether that was ended before."""
        while not self._is_over():
            self._batch(self.mine)
            if self._is_enough():
                return False
            if self._needs_twin():
                self._batch(self.twin)
            if tell(self.exploration(interrupted=True)):
                return True
        return False

    def _is_over(self) -> bool:
        """Whether a bound is reached, or what was looked for is found."""
        seconds = self.search.seconds
        is_late = seconds is not None and self.wall_s >= seconds
        return is_late or self._is_complete(self.mine) or self._is_enough()

    def _is_complete(self, explored: Explored) -> bool:
        """Whether all schedules were tried that there are, or as many as are wanted."""
        wanted = self.search.schedules
        return explored.is_exhausted or (wanted is not None and explored.count >= wanted)

    def _is_enough(self) -> bool:
        """Whether what was looked for was found."""
        if self.search.wanted:
            return any(self.search.wanted & set(shows) for shows in self.mine.found)
        return self.search.stop_on_violation and bool(self.mine.found)

    def _needs_twin(self) -> bool:
        """Whether the twin has yet to show what this search can see; more catches than it takes say nothing more."""
        if self.twin is None or self.mine.caught_count:
            return False
        return self.twin.caught_count < 2 * CATCHES_FOR_HELD and self.twin.count <= self.mine.count

    def _batch(self, explored: Explored | None) -> None:
        """Some schedules, no more than are wanted, and not for long."""
        assert explored
        until = time.monotonic() + BATCH_SECONDS
        for _ in range(BATCH):
            if self._is_complete(explored):
                return
            explored.try_one(self.search.mixture)
            if self._is_enough() or time.monotonic() > until:
                return


def _small(scenario: Scenario, search: Search) -> Small:
    """The small world in which a scenario is explored."""
    return Small(
        cpus=cpus_for(scenario, search.cpus),
        operations=search.operations,
        modules=0 if scenario.structure else search.modules,
        seed=search.seed,
    )


def _machine(scenario: Scenario, corpus: Corpus, search: Search, world: Small) -> Controlled:
    """The machine of a scenario, or of its twin."""
    world = attrs.evolve(world, cpus=max(world.cpus, scenario.least_cpus))
    machine = machine_for(scenario, world_of(scenario, corpus, world), search.engine, world)
    machine.set_state(MOST_PREEMPTIONS, search.preemptions)
    return machine
