"""The end of a run: CPUs that rest run on to help those that wait, until all CPUs are between operations at once.

Roles end after different numbers of operations, so a CPU that waits in a queue, at a barrier or for an event needs
others to run on. One resting CPU at a time runs on, the one that helped last first, so that the numbers can meet. If
they do not meet, evidence decides what becomes of each CPU that is left.
"""

import enum
from collections.abc import Callable, Sequence
from random import Random

import attrs

from stress.host import clocks
from stress.host.threads import Flag
from stress.marks.crews.monitor import Activity, Monitor
from stress.marks.operations.player import Player

LOOK_SECONDS = 0.001
SAMPLE_SECONDS = 0.05
GRACE_SECONDS = 3.0
"""How long all operations together may go on after the end."""
LONGEST_GRACE_SECONDS = 6.0
"""The same where a CPU has had too little CPU time without noise; with everything else it is less than ten seconds."""
STALLED_SECONDS = 3.0
"""Before the end of the grace: no CPU has made progress for this long, though each had a core, if none ever will."""
IDLE_SECONDS = 1.0
"""At the end of the grace, no CPU has made progress for this long if none ever will."""
OVER_SECONDS = 0.5
"""Once the run is over and not all CPUs may run on: how long the others are left in their operation."""
SHORTEST_PATIENCE = 0.002
LONGEST_PATIENCE = GRACE_SECONDS / 2
STEP_SECONDS = 0.005
LONGEST_STEP = 0.25


class EndState(enum.Enum):
    """The state of a CPU that has not ended its operation.

    STALLED is a verdict, WAITS a note; the others are inconclusive.
    """

    STALLED = "does not end its operation"
    WAITS = "is still in its operation at the end"
    UNKNOWN = "got no core to finish its operation on"
    CROWDED = "waits, and a CPU that may end its wait got no core"
    HELPED = "waits, and other threads that may end its wait still work"
    TIMED = "waits, and a timeout or a timer that may end its wait is not over"
    LONG = "has not been in its operation for as long as an earlier one took"


@attrs.define
class Helpers:
    """Lets resting CPUs run on, one at a time; each round has a random order, so that no pattern repeats for ever."""

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
    _longest_ns: int = attrs.field(init=False)

    def __attrs_post_init__(self) -> None:
        self._be_patient()

    def _be_patient(self) -> None:
        """Wait for what is under way: it may take as long as the longest operation so far, and as long again."""
        self._longest_ns = max(player.longest_ns for player in self.players)
        self._pause = min(max(2 * self._longest_ns / 1e9, SHORTEST_PATIENCE), LONGEST_PATIENCE)
        self._last = self.clock()

    def help(self) -> None:
        """Let the CPU that helped last run on again; if that ends no wait for a while, let the next one run on.

        A CPU that had to wait itself when it ran on again gets only its turn in the round from then on.
        """
        if max(player.longest_ns for player in self.players) > 2 * self._longest_ns:
            self._be_patient()
        helper = self._helper
        if helper and helper.may_go_on and helper not in self._once and any(one.rests for one in self._waited):
            self._run_on(helper, again=True)
        elif self.clock() - self._last >= self._pause:
            if helper and self._is_again and not helper.rests:
                self._once.add(helper)
            self._run_on_next()

    def _run_on_next(self) -> None:
        """Let the next CPU of this round run on. Each round is slower than the last, since operations may be long."""
        if not self._round:
            self._step = min(self._step * 2, LONGEST_STEP)
            self._round = self.random.sample(self.players, len(self.players))
        self._pause, self._last = self._step, self.clock()
        while self._round:
            player = self._round.pop()
            if player.may_go_on:
                self._run_on(player, again=False)
                return

    def _run_on(self, player: Player, again: bool) -> None:
        """Let one CPU run on for one operation."""
        self._waited = [one for one in self.players if not one.rests]
        self._helper, self._is_again, self._last = player, again, self.clock()
        player.go_on()


@attrs.define
class RunEnd:
    """Waits until every CPU rests, and says the state of those that never do.

    `in_rounds`: a CPU that rests has done its operation of the open round, so it can help nobody by running on.
    """

    monitor: Monitor
    over: Flag
    in_rounds: bool = False
    _helpers: Helpers = attrs.field(init=False)
    _seconds: float = attrs.field(init=False, default=0.0)

    def __attrs_post_init__(self) -> None:
        self._helpers = Helpers(self.monitor.players)
        for number, player in enumerate(self.monitor.players):
            if self.monitor.seconds(number) >= OVER_SECONDS:  # the next one would take as long again
                player.begin_no_more()

    @property
    def left(self) -> list[int]:
        """The numbers of the CPUs that have not ended their operation."""
        return [player.cpu.number for player in self.monitor.players if not player.rests]

    def goes_on(self) -> bool:
        """Help CPUs that wait, and sample them; whether to go on waiting."""
        if not self.left:
            return False
        is_late = self._seconds >= GRACE_SECONDS
        if not is_late:  # then nobody begins anything more
            self._helpers.help()
        clocks.sleep(LOOK_SECONDS)
        if self.monitor.due(SAMPLE_SECONDS):
            self._seconds += self.monitor.sample()
        if self.over.is_set() and self._is_settled():
            return False
        enough = is_late or self.monitor.has_stalled(STALLED_SECONDS)
        pend = self.monitor.timers.pend()
        may_end = (
            pend or self.monitor.is_helped or any(self.monitor.may_end(one) or self._is_usual(one) for one in self.left)
        )
        return not enough or (self._seconds < LONGEST_GRACE_SECONDS and may_end)

    def _is_settled(self) -> bool:
        """Whether all CPUs that are left have been in their operation for long, and had a core."""
        return not self.monitor.starves and all(self.monitor.seconds(number) >= OVER_SECONDS for number in self.left)

    def _is_slowed(self, number: int) -> bool:
        """Whether a CPU runs on, but noise may be why it has not ended its operation."""
        return self.monitor.doing(number) is Activity.RUNS and self.monitor.may_end(number)

    def _is_usual(self, number: int) -> bool:
        """Whether an operation that has ended took longer than that of a CPU has lasted."""
        return self.monitor.seconds(number) < self.monitor.longest

    def state_of(self, number: int, in_a_cycle: bool) -> EndState:
        """The state of a CPU that is left. In a cycle of locks it is STALLED, whatever the others do."""
        doing = self.monitor.doing(number)
        no_help = self.in_rounds or len(self.left) == len(self.monitor.players)
        stands = self.monitor.idle >= IDLE_SECONDS and no_help
        if in_a_cycle:
            return EndState.STALLED
        if self.over.is_set():
            return EndState.WAITS
        if doing is Activity.STARVES or self._is_slowed(number):
            return EndState.UNKNOWN
        if stands and (self.monitor.starves or any(map(self._is_slowed, self.left))):
            return EndState.CROWDED
        if stands and self.monitor.is_helped:
            return EndState.HELPED
        if stands and doing is Activity.WAITS and self.monitor.timers.stand:
            return EndState.TIMED
        stalls = stands or doing is Activity.RUNS
        if stalls and self._is_usual(number):
            return EndState.LONG
        return EndState.STALLED if stalls else EndState.WAITS
