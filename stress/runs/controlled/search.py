"""What to explore: how many schedules, by which strategies, of which small world."""

import secrets
from collections.abc import Mapping

import attrs

from stress.config import DEFAULT_SECONDS
from stress.errors import UserError
from stress.scenario import Scenario
from stress.schedule.choosing import PCT, POS, RANDOM, STRATEGIES, SURW
from stress.schedule.schedule import MOST_OPERATIONS

MIXED, IN_DEPTH = "mixed", "depth-first"
MIXTURE = (RANDOM, PCT, POS, SURW, RANDOM, PCT)
"""The strategies of `mixed`, in turn."""
SEED_BITS = 31
MOST = 10**12
"""Of schedules, preemptions and modules: more than any search can come to."""


@attrs.frozen(kw_only=True)
class Search:
    """What to explore: at most `schedules` of them, for at most `duration_s` seconds; None for no bound.

    Without either it takes DEFAULT_SECONDS.
    `operations` is how many each CPU runs, `modules` how many are loaded (0: the whole corpus). `preemptions` bounds
    the strategy depth-first alone. `wanted`: it ends once it has shown one of these outcomes; if it `keeps_others`, it
    keeps what else it finds, shrunk, which may take longer than to find what is wanted.
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
    keeps_others: bool = True
    seed: int = attrs.field(factory=lambda: secrets.randbelow(1 << SEED_BITS))

    def __attrs_post_init__(self) -> None:
        """Check what types cannot."""
        for flag, value, least, most in (
            ("--operations", self.operations, 1, MOST_OPERATIONS),
            ("--modules", self.modules, 0, MOST),
            ("--schedules", self.schedules, 1, MOST),
            ("--preemptions", self.preemptions, 0, MOST),
        ):
            if value is not None and value < least:
                raise UserError(f"{flag} must be at least {least}, not {value}")
            if value is not None and value > most:
                raise UserError(f"{flag} must be at most {most:,}, not {value:,}")
        if self.duration_s is not None and self.duration_s <= 0:
            raise UserError(f"--duration must be greater than 0 (got {self.duration_s:g} s)")
        if self.strategy not in (MIXED, *STRATEGIES):
            known = ", ".join((MIXED, *STRATEGIES))
            raise UserError(f"--strategy: there is no strategy {self.strategy!r}; give one of {known}")

    def keeps(self, shows: tuple[str, ...]) -> bool:
        """Whether the first schedule that shows this is kept."""
        return self.keeps_others or not self.wanted.isdisjoint(shows)

    @property
    def seconds(self) -> float | None:
        """The bound in seconds."""
        return DEFAULT_SECONDS if self.duration_s is None and self.schedules is None else self.duration_s

    @property
    def mixture(self) -> tuple[int, ...]:
        """The strategies, in turn."""
        return MIXTURE if self.strategy == MIXED else (STRATEGIES[self.strategy],)


@attrs.frozen(kw_only=True)
class Plan:
    """What one call is to explore: scenarios by their names, with what `corpus`, a file, has; None for the bundled one.

    `wanted` has the outcomes that are looked for, by the name of the scenario.
    """

    search: Search
    scenarios: tuple[str, ...]
    corpus: str | None = None
    wanted: Mapping[str, frozenset[str]] = attrs.field(factory=dict)

    def search_of(self, scenario: Scenario) -> Search:
        """What to explore of one of them."""
        return attrs.evolve(self.search, wanted=self.wanted.get(scenario.name, frozenset()))


def check_strategy(scenario: Scenario, search: Search) -> None:
    """UserError for a search in depth of a scenario that has interrupts or NMIs."""
    drawn = ("interrupts", scenario.hardware.interrupt), ("NMIs", scenario.hardware.nmi)
    events = " and ".join(name for name, odds in drawn if odds > 0)
    if search.strategy == IN_DEPTH and events:
        raise UserError(
            f"--strategy {IN_DEPTH}: {scenario.name} has {events}, which are drawn, so it cannot try every order; "
            "give another strategy"
        )


def cpus_for(scenario: Scenario, cpus: int | None) -> int:
    """The CPUs to explore with: as few as it needs, at least two. UserError for fewer than it needs."""
    if cpus is not None and cpus < scenario.least_cpus:
        raise UserError(f"--cpus {cpus} is too few: {scenario.name} needs at least {scenario.least_cpus}")
    return cpus or max(2, scenario.least_cpus)
