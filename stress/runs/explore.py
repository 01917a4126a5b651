"""Explore: many schedules of one scenario, each from the same small world; what they found, shrunk, and what that says.

The twin is explored in the same call, by the same strategies, in turn with the scenario: only what its rate would have
shown makes a verdict of "held".
"""

import secrets
import time
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from fractions import Fraction

import attrs

from stress.config import DEFAULT_SECONDS, Config
from stress.corpus import Corpus
from stress.errors import HarnessError, UserError
from stress.judge.trials import Trials
from stress.judge.verdict import CATCHES_FOR_HELD, HELD, INCONCLUSIVE, VIOLATED, Verdict
from stress.runs.boot import World
from stress.runs.controlled import CUT, STALLED, Controlled, controlled
from stress.runs.digests import digests_of
from stress.runs.settled import settle
from stress.runs.small_world import small
from stress.scenario import Scenario
from stress.scenario_files import twin_of
from stress.schedule.choosing import DEPTH_FIRST, PCT, POS, RANDOM, STRATEGIES, SURW
from stress.schedule.schedule import Made, Run, Schedule, Small, as_runs
from stress.schedule.shrink import Shrunk, shrink
from stress.schedule.strategies.depth_first import IS_EXHAUSTED, MOST_PREEMPTIONS, WAS_CUT
from stress.schedule.strategies.draws import EVENTS

MIXED = "mixed"
MIXTURE = (RANDOM, PCT, POS, SURW, RANDOM, PCT)
"""The strategies of `mixed`, in turn."""
BATCH = 64
"""Schedules between two looks at the clock."""
MOST_DISTINCT = 1 << 22
"""So many fingerprints are kept; there may be more distinct schedules."""
SEED_BITS = 31


@attrs.frozen(kw_only=True)
class Search:
    """What to explore: at most `schedules` of them, for at most `duration_s` seconds; None for no bound.

    Without either it takes DEFAULT_SECONDS.
    `operations` is how many each CPU runs, `modules` how many are loaded (0: the whole corpus). `preemptions` bounds
    the strategy depth-first alone. `wanted`: it ends once it has shown one of these outcomes.
    """

    engine: str = "auto"
    cpus: int | None = None
    operations: int = 2
    modules: int = 2
    strategy: str = MIXED
    schedules: int | None = None
    duration_s: float | None = None
    preemptions: int = 2
    stop_on_violation: bool = False
    wanted: frozenset[str] = frozenset()
    seed: int = attrs.field(factory=lambda: secrets.randbelow(1 << SEED_BITS))

    def __attrs_post_init__(self) -> None:
        """Check what types cannot."""
        for flag, value, least in (
            ("--operations", self.operations, 1),
            ("--modules", self.modules, 0),
            ("--schedules", self.schedules, 1),
            ("--preemptions", self.preemptions, 0),
        ):
            if value is not None and value < least:
                raise UserError(f"{flag} must be at least {least}, not {value}")
        if self.duration_s is not None and self.duration_s <= 0:
            raise UserError(f"--duration must be greater than 0 (got {self.duration_s:g} s)")
        if self.strategy not in (MIXED, *STRATEGIES):
            known = ", ".join((MIXED, *STRATEGIES))
            raise UserError(f"--strategy: there is no strategy {self.strategy!r}; give one of {known}")

    @property
    def seconds(self) -> float | None:
        """The bound in seconds."""
        return DEFAULT_SECONDS if self.duration_s is None and self.schedules is None else self.duration_s

    @property
    def mixture(self) -> tuple[int, ...]:
        """The strategies, in turn."""
        return MIXTURE if self.strategy == MIXED else (STRATEGIES[self.strategy],)


@attrs.frozen
class Found:
    """The first schedule that showed something: after how many others, and what is left of it once it is shrunk."""

    shows: tuple[str, ...]
    number: int
    seconds: float
    seed: int
    original: tuple[Run, ...]
    shrunk: Shrunk
    shrinking_s: float


@attrs.define
class Explored:
    """One scenario's schedules: how many, how many distinct ones, what they showed; the first of each kind."""

    machine: Controlled
    search: Search
    count: int = 0
    seconds: float = 0.0
    steps: int = 0
    shown: Counter[str] = attrs.field(factory=Counter)
    found: dict[tuple[str, ...], Found] = attrs.field(factory=dict)
    is_exhausted: bool = False
    _seen: set[int] = attrs.field(factory=set)

    @property
    def distinct(self) -> int:
        """How many different schedules there were."""
        return len(self._seen)

    @property
    def caught(self) -> Trials:
        """A schedule is a trial; one that showed something is a catch."""
        return Trials(self.count, self.caught_count)

    @property
    def caught_count(self) -> int:
        """The schedules that showed a violation or a stall."""
        return sum(count for name, count in self.shown.items() if name != CUT)

    def try_one(self, mixture: tuple[int, ...]) -> tuple[str, ...]:
        """Run the next schedule; what it showed."""
        strategy = mixture[self.count % len(mixture)]
        # Depth first is one search: all of its schedules have the same draws.
        seed = self.search.seed + (0 if strategy == DEPTH_FIRST else self.count)
        seed %= 1 << SEED_BITS
        began = time.perf_counter()
        shows = self.machine.follow(strategy, seed)
        self.count += 1
        self.steps += self.machine.steps
        if len(self._seen) < MOST_DISTINCT:
            self._seen.add(self.machine.fingerprint)
        if strategy == DEPTH_FIRST:
            self.is_exhausted = bool(self.machine.state(IS_EXHAUSTED))
        self.seconds += time.perf_counter() - began
        if shows:
            self.shown[shows[0]] += 1
            if shows != (CUT,) and shows not in self.found:
                self._keep(shows, seed)
        return shows

    def _keep(self, shows: tuple[str, ...], seed: int) -> None:
        """Shrink the schedule that was run last."""
        original = as_runs(self.machine.made())

        def replay(runs: Sequence[Run]) -> list[Made] | None:
            return self.machine.made() if self.machine.replay(runs, seed) == shows else None

        began = time.perf_counter()
        shrunk = shrink(original, replay)
        if shrunk is None:
            raise HarnessError(
                f"{self.machine.scenario.name}: a schedule showed {' and '.join(shows)} once and not again"
            )
        self.found[shows] = Found(shows, self.count, self.seconds, seed, original, shrunk, time.perf_counter() - began)


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


def cpus_for(scenario: Scenario, cpus: int | None) -> int:
    """The CPUs to explore with: as few as it needs, at least two. UserError for fewer than it needs."""
    if cpus is not None and cpus < scenario.least_cpus:
        raise UserError(f"--cpus {cpus} is too few: {scenario.name} needs at least {scenario.least_cpus}")
    return cpus or max(2, scenario.least_cpus)


def world_of(scenario: Scenario, corpus: Corpus, world: Small) -> World:
    """What readers look up: the few modules of a small world, or nothing but a structure of the scenario's own."""
    return small(corpus, 1 if scenario.structure else world.modules)


def machine_for(scenario: Scenario, symbols: World, engine: str, world: Small, traced: bool = False) -> Controlled:
    """The machine of a scenario in a small world.

    Raises:
        UserError: for a world that cannot be made.
    """
    config = Config(engine=engine, cpus=world.cpus, noise=Fraction(0), pace_s=0.0, seed=world.seed)
    return controlled(scenario, settle(config), symbols, world.operations, traced)


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
    other = Explored(_machine(twin, corpus, search, world), search) if twin else None
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
        if twin and not mine.found and twin.caught_count < 2 * CATCHES_FOR_HELD and twin.count <= mine.count:
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


def judge(mine: Explored, twin: Explored | None) -> Verdict:
    """What the schedules say: "held" only if the twin's rate would have shown a violation 30 times."""
    if mine.found:
        name = VIOLATED if any(shows != (STALLED,) for shows in mine.found) else STALLED
        counts = ", ".join(f"{count:,} {shown}" for shown, count in mine.shown.most_common() if shown != CUT)
        return Verdict(name, f"{counts}, in {mine.count:,} schedules")
    none = f"none in all {mine.count:,} schedules ({mine.distinct:,} distinct) of {_strategy(mine)}{_bounds(mine)}"
    if twin is None:
        return Verdict(INCONCLUSIVE, f"{none}; no twin shows that this search could have seen one")
    rate = twin.caught.lower_95
    if not rate:
        return Verdict(INCONCLUSIVE, f"{none}; the twin showed none either in {twin.count:,}: try more operations")
    if mine.count * rate < CATCHES_FOR_HELD:
        needed = round(CATCHES_FOR_HELD / rate)
        return Verdict(
            INCONCLUSIVE, f"{none}; at the twin's rate it takes {needed:,}: explore longer, or with more operations"
        )
    return Verdict(HELD, f"not reproduced: {none}; the twin's rate would have shown it {CATCHES_FOR_HELD} times")


def _strategy(explored: Explored) -> str:
    """The strategy in words, with its bound."""
    search = explored.search
    if search.strategy != "depth-first":
        return f"strategy {search.strategy}"
    # Interrupts and NMIs are drawn: of those there are more schedules than were tried.
    partly = not explored.is_exhausted or explored.machine.state(WAS_CUT) or explored.machine.state(EVENTS)
    every = "some schedules" if partly else f"every schedule for the draws of seed {search.seed}"
    return f"strategy depth-first, {every} with at most {search.preemptions} preemptions"


def _bounds(explored: Explored) -> str:
    """What was bounded, so that it was not seen."""
    cut = explored.shown[CUT]
    ended = f", {cut:,} of them cut after {explored.machine.budget:,} accesses" if cut else ""
    return f", {explored.search.operations} operations of each CPU{ended}"
