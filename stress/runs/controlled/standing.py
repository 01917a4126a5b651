"""Where an exploration stands, as a value to keep: another process goes on with the schedules that come next."""

from collections import Counter
from collections.abc import Mapping, Sequence

import attrs
from attrs.validators import ge, max_len, min_len

from stress.errors import UserError
from stress.machine.control.words import MOST_CHOICES
from stress.runs.controlled.explored import Explored, Found
from stress.runs.controlled.machine import Controlled
from stress.safe_text import shown
from stress.schedule.schedule import Schedule
from stress.schedule.shrink import Shrunk
from stress.schedule.strategies.depth_first import WAS_CUT
from stress.schedule.strategies.draws import LENGTH

STATE = (LENGTH, WAS_CUT)
"""The words of strategies that later schedules need."""
FROM_THE_START = "explore it from the start"
"""What to do where an exploration cannot be gone on with."""


@attrs.frozen
class Part:
    """The schedules of one scenario that were tried. `state` and `path` are what its strategies go on from."""

    schedules: int = attrs.field(validator=ge(0))
    accesses: int = attrs.field(validator=ge(0))
    seconds: float = attrs.field(validator=ge(0))
    exhausted: bool
    shown: Mapping[str, int]
    state: tuple[int, ...] = attrs.field(validator=[min_len(len(STATE)), max_len(len(STATE))])
    path: tuple[int, ...] = attrs.field(validator=max_len(2 * MOST_CHOICES))

    @classmethod
    def of(cls, explored: Explored) -> "Part":
        """What there is to keep."""
        machine = explored.machine
        state = tuple(machine.state(word) for word in STATE)
        counts = (explored.count, explored.steps, explored.seconds, explored.is_exhausted)
        return cls(*counts, dict(explored.shown), state, machine.path())

    def go_on(self, explored: Explored) -> None:
        """Let an exploration that has not begun go on from here."""
        explored.count, explored.steps, explored.seconds = self.schedules, self.accesses, self.seconds
        explored.is_exhausted, explored.shown = self.exhausted, Counter(self.shown)
        explored.recall()
        for word, value in zip(STATE, self.state, strict=True):
            explored.machine.set_state(word, value)
        explored.machine.set_path(self.path)


@attrs.frozen
class Find:
    """The first schedule that showed something, with the token of what is left of it."""

    shows: tuple[str, ...] = attrs.field(validator=min_len(1))
    schedule: int = attrs.field(validator=ge(1))
    seconds: float = attrs.field(validator=ge(0))
    replays: int = attrs.field(validator=ge(0))
    is_least: bool
    token: str

    def schedule_for(self, cpus: int, where: str) -> Schedule:
        """What is left of it, on so many CPUs.

        Raises:
            UserError: for a token that is damaged, or of another machine.
        """
        try:
            schedule = Schedule.parse(self.token)
        except UserError as error:
            raise UserError(f"{where} is damaged: {error}; {FROM_THE_START}") from None
        if schedule.world.cpus != cpus:
            raise UserError(f"{where}: {shown(self.token)} is of another exploration; {FROM_THE_START}")
        return schedule

    def found(self, machine: Controlled, where: str) -> Found:
        """The find, whose schedule is run once more.

        Raises:
            UserError: as `schedule_for`, and if it does not show the same.
        """
        schedule = self.schedule_for(machine.ram.map.cpus, where)
        if machine.replay(schedule.runs, schedule.world.seed) != self.shows:
            what = f"{shown(self.token)} does not show {shown(' and '.join(self.shows))}"
            raise UserError(f"{where} is damaged: {what}; {FROM_THE_START}")
        shrunk = Shrunk(schedule.runs, tuple(machine.made()), self.replays, self.is_least)
        return Found(self.shows, self.schedule, self.seconds, schedule.world.seed, schedule.runs, shrunk, 0.0)


@attrs.frozen(kw_only=True)
class Standing:
    """Where the exploration of a scenario stands. `wall_s`: the seconds that it took, with those of its twin.

    `twin_digest` is of the twin's files; None without a twin, and where an earlier version wrote none. `where` is what
    it was read from, for errors.
    """

    digests: tuple[str, str]
    wall_s: float
    mine: Part
    twin: Part | None
    twin_digest: str | None = None
    finds: tuple[Find, ...] = ()
    seen: Sequence[int] = ()
    where: str = "the standing"

    def check(self, name: str, cpus: int, digests: tuple[str, str], twin_digest: str | None) -> None:
        """Raise UserError where the code of the scenario of this name is another one now, or a token is not its own."""
        if digests != self.digests:
            raise UserError(f"{self.where}: {name}, or the kernel's code, has changed since; {FROM_THE_START}")
        if self.twin_digest is not None and twin_digest != self.twin_digest:
            raise UserError(f"{self.where}: the twin of {name} has changed since; {FROM_THE_START}")
        for find in self.finds:
            find.schedule_for(cpus, self.where)

    def go_on(self, mine: Explored, twin: Explored | None) -> None:
        """Let explorations that have not begun go on from here.

        Raises:
            UserError: where a find does not show again what it has shown.
        """
        mine.found = {find.shows: find.found(mine.machine, self.where) for find in self.finds}
        mine.seen = set(self.seen)
        self.mine.go_on(mine)
        if twin and self.twin:
            self.twin.go_on(twin)
