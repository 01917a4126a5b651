"""The end of a run: CPUs that rest go on for the sake of those that wait, until all are between operations at once.

Roles end at different operation counts: what waits in a queue, at a barrier or for an event needs others to go on. One
that rests is let go on at a time, whoever helped last first, so that counts can meet. If they do not, what each CPU
does that is left is told by evidence.
"""

import enum
import threading
from collections.abc import Callable, Sequence
from random import Random

import attrs

from stress.host import clocks
from stress.marks.cpu import Player
from stress.marks.vigil import Doing, Vigil

LOOK_SECONDS = 0.001
SAMPLE_SECONDS = 0.05
GRACE_SECONDS = 3.0
"""What all operations may take on together after the end; with all else less than five seconds."""
IDLE_SECONDS = 1.0
"""For how long nobody has got on at the end of the grace, if nobody will."""
OVER_SECONDS = 0.5
"""For how long those that are left stay in their operation once the run is over, and not all may go on."""
STILL_SECONDS = 0.3
"""For how long a thread has waited whose frames are looked at."""
SHORTEST_PATIENCE = 0.002
LONGEST_PATIENCE = GRACE_SECONDS / 2
STEP_SECONDS = 0.005
LONGEST_STEP = 0.25


class Fate(enum.Enum):
    """What becomes of a CPU that has not ended its operation: a verdict, a note, or nothing that can be said."""

    STALLED = "does not end its operation"
    WAITS = "is still in its operation at the end"
    UNKNOWN = "got no core to finish its operation on"


@attrs.define
class Helpers:
    """Lets CPUs that rest go on, one at a time; each round has an order of its own, so that nothing goes in circles."""

    players: Sequence[Player]
    clock: Callable[[], float] = clocks.monotonic
    random: Random = attrs.field(factory=lambda: Random(0))
    _pause: float = attrs.field(init=False)
    _last: float = attrs.field(init=False)
    _step: float = attrs.field(init=False, default=STEP_SECONDS / 2)
    _round: list[Player] = attrs.field(init=False, factory=list)
    _helper: Player | None = attrs.field(init=False, default=None)
    _waited: list[Player] = attrs.field(init=False, factory=list)
    _is_again: bool = attrs.field(init=False, default=False)
    _once: set[Player] = attrs.field(init=False, factory=set)

    def __attrs_post_init__(self) -> None:
        longest = max(player.longest_ns for player in self.players) / 1e9
        self._pause = min(max(2 * longest, SHORTEST_PATIENCE), LONGEST_PATIENCE)
        self._last = self.clock()

    def help(self) -> None:
        """Let the one that helped last go on again, or the next one once nobody has ended for a while.

        One that came to wait itself when it was let go on again has its turn with all others from then on.
        """
        helper = self._helper
        if helper and helper.may_go_on and helper not in self._once and any(one.rests for one in self._waited):
            self._let_go(helper, again=True)
        elif self.clock() - self._last >= self._pause:
            if helper and self._is_again and not helper.rests:
                self._once.add(helper)
            self._let_next_go()

    def _let_next_go(self) -> None:
        """Let the next one of this round go on; each round takes longer, for operations that only take their time."""
        if not self._round:
            self._step = min(self._step * 2, LONGEST_STEP)
            self._round = self.random.sample(self.players, len(self.players))
        self._pause, self._last = self._step, self.clock()
        while self._round:
            player = self._round.pop()
            if player.may_go_on:
                self._let_go(player, again=False)
                return

    def _let_go(self, player: Player, again: bool) -> None:
        """Let one go on for one operation."""
        self._waited = [one for one in self.players if not one.rests]
        self._helper, self._is_again, self._last = player, again, self.clock()
        player.go_on()


@attrs.define
class Ending:
    """Waits until every CPU rests, and says what becomes of those that do not come to it."""

    vigil: Vigil
    over: threading.Event
    _helpers: Helpers = attrs.field(init=False)
    _seconds: float = attrs.field(init=False, default=0.0)

    def __attrs_post_init__(self) -> None:
        self._helpers = Helpers(self.vigil.players)

    @property
    def left(self) -> list[int]:
        """The CPUs that have not ended their operation."""
        return [player.cpu.number for player in self.vigil.players if not player.rests]

    def goes_on(self) -> bool:
        """Help those that wait, and look at them; whether there is still something to wait for."""
        if not self.left:
            return False
        self._helpers.help()
        clocks.sleep(LOOK_SECONDS)
        if self.vigil.due(SAMPLE_SECONDS):
            self._seconds += self.vigil.sample()
        enough = self._seconds >= GRACE_SECONDS or self.vigil.has_stalled(GRACE_SECONDS)
        return not enough and not (self.over.is_set() and self._is_settled())

    def _is_settled(self) -> bool:
        """Whether all that are left have been in their operation for long, and not for want of a core."""
        return not self.vigil.starves and all(self.vigil.seconds(number) >= OVER_SECONDS for number in self.left)

    def waits(self, number: int) -> bool:
        """Whether a CPU was seen to wait in its operation for so long that it does not move while it is looked at."""
        return self.vigil.doing(number) is Doing.WAITS and self.vigil.seconds(number) >= STILL_SECONDS

    def fate(self, number: int, in_a_cycle: bool) -> Fate:
        """What becomes of a CPU that is left; one of a cycle of locks is stalled whatever the others do."""
        doing = self.vigil.doing(number)
        stands = self.vigil.idle >= IDLE_SECONDS and len(self.left) == len(self.vigil.players)
        if in_a_cycle:
            return Fate.STALLED
        if self.over.is_set():
            return Fate.WAITS
        if doing is Doing.STARVES or (stands and self.vigil.starves):
            return Fate.UNKNOWN
        return Fate.STALLED if stands or doing is Doing.RUNS else Fate.WAITS
