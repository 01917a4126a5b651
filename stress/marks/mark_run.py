"""The run of a mark: the roles of a test on the CPUs of a machine, slice after slice, for the time of its cell.

The machine has the python engine. It boots before the roles are known, and its CPUs wait at a gate in their first
operation, so that the boot takes no time from the race. Each slice has another kind of noise. Between two slices the
CPUs rest, except those that wait for each other.
"""

import threading
from collections import Counter
from collections.abc import Callable, Collection, Sequence
from contextlib import suppress
from functools import partial
from random import Random
from typing import Any

import attrs

from stress.errors import HarnessError, UserError
from stress.host import clocks, threads
from stress.host.cores import make_progress
from stress.kernel.modlist import STOPPED
from stress.machine.engines import NEVER, cores_for, yield_mask
from stress.machine.features import Features
from stress.machine.gil import collect_what_is_due
from stress.machine.loop import UNJUDGED
from stress.machine.machine import Machine, Play
from stress.machine.python_engine import PythonEngine
from stress.machine.random import seed_of
from stress.machine.seam import Cpu
from stress.machine.stacks import RawStack
from stress.machine.watchdog import Watchdog
from stress.machine.words import BOUND, WRITERS, YIELD_MASK
from stress.marks.cell import Cell
from stress.marks.crews.crew import Crew, Left, number_of
from stress.marks.crews.finalizers import Finalizers
from stress.marks.crews.monitor import Monitor
from stress.marks.crews.run_end import STALLED_SECONDS, EndState, RunEnd
from stress.marks.crews.task_crew import TaskCrew
from stress.marks.crews.task_player import TaskCpu, TaskPlayer, TaskRoundPlayer
from stress.marks.crews.task_steps import AwaitNoise
from stress.marks.crews.withheld import Withheld
from stress.marks.noise.code_under_test import CodeUnderTest
from stress.marks.noise.core_yield import CoreYield
from stress.marks.noise.noise import Noise
from stress.marks.noise.other_threads import OtherThreads
from stress.marks.noise.slices import Slices
from stress.marks.noise.switches import Kind
from stress.marks.operations.cpu import Signals, StressCpu
from stress.marks.operations.player import REST_LOOK_SECONDS, Player
from stress.marks.operations.poison import Action, FreedObjects, Use
from stress.marks.operations.roles import Duty, Role, deal
from stress.marks.operations.round_player import RoundPlayer
from stress.marks.operations.rounds import Rounds
from stress.marks.operations.small_ram import small_ram
from stress.marks.operations.tally import First, Judging, Tally, firsts_of

REST_SECONDS = 0.005
"""How long the end of a slice waits for operations under way, so that noise mostly changes between operations."""
SPUN_SECONDS = 0.25
"""A CPU that has only spun for so long when the grace is over has stalled. On a busy host it rarely runs."""
LAST_SECONDS = 0.5
MORE_SECONDS = 2.0
"""How much longer a run goes on, at most, for the time that a busy host withheld, or while nothing has overlapped."""
NO_ROLE = "no role"


@attrs.define
class Plan:
    """What a test asks for: its roles, and for rounds what makes the object of each, and what judges it."""

    roles: list[Role] = attrs.field(factory=list)
    fresh: Callable[[], Any] | None = None
    final: Callable[[Any, Sequence[Any]], Any] | None = None


@attrs.define(eq=False)
class MarkRun:
    """One run of a cell's roles. `freed_objects` knows what was freed; the other fields are read after `run`.

    A caller of `prepare`, which boots the machine early, must call `close` at the end. `stray`: a use of something
    freed by a thread that is not a CPU. `stall`: a stop that no CPU ends, in a line. `others` hears of threads that are
    no CPUs, and `outside` has the exceptions that ended them. `ignored` has those that Python ignored. `cut`: the
    exception on the test's thread that ended the run before its time, as Ctrl-C does. `withheld`: the time that a busy
    host withheld.
    """

    cell: Cell
    first_only: bool
    others: OtherThreads | None = None
    freed_objects: FreedObjects = attrs.field(init=False)
    outside: Tally | None = attrs.field(init=False, default=None)
    ignored: Tally | None = attrs.field(init=False, default=None)
    rounds: Rounds | None = attrs.field(init=False, default=None)
    stall: str | None = attrs.field(init=False, default=None)
    cut: BaseException | None = attrs.field(init=False, default=None)
    seconds: float = attrs.field(init=False, default=0.0)
    stray: Use | None = attrs.field(init=False, default=None)
    noise: Noise | None = attrs.field(init=False, default=None)
    withheld: Withheld = attrs.field(init=False, factory=lambda: Withheld((), 1))
    _machine: Machine | None = attrs.field(init=False, default=None)
    _gate: threads.Flag = attrs.field(init=False, factory=threads.Flag)
    _signals: Signals = attrs.field(init=False, factory=Signals)
    _kind: Kind = attrs.field(init=False, default=Kind.BARE)
    _crew: Crew | None = attrs.field(init=False, default=None)
    _finish: Callable[[], None] | None = attrs.field(init=False, default=None)
    _here: threading.local = attrs.field(init=False, factory=threading.local)

    def __attrs_post_init__(self) -> None:
        self.freed_objects = FreedObjects(self._action, self._used)

    def prepare(self) -> None:
        """Boot the machine."""
        collect_what_is_due()
        try:
            self._boot()
        except BaseException:
            self.close()
            raise

    def run(self, plan: "Plan", acceptable: frozenset[str], under_test: CodeUnderTest) -> None:
        """Run until the time is up, an exception, the first violation if `first_only`, or no CPU makes progress."""
        began = clocks.monotonic()
        judging = Judging(acceptable, clocks.monotonic_ns(), self._signals.stop, self.first_only)
        roles = deal(plan.roles, self.cell.cpus)
        self.noise = noise = Noise(under_test, self.cell.seed, [role.body for role in roles], self.others)
        self.outside = outside = Tally(judging, "a thread that is no CPU", self._outsider)
        if plan.fresh:
            self.rounds = Rounds(len(roles), plan.fresh, plan.final, judging, noise.counts.last)
        try:
            if self.others:
                self.others.hook.install(lambda error: outside.keep(error, self._kind))
            machine = self._machine or self._boot()
            noise.counts.cpus = frozenset(machine.thread(number).ident for number in range(self.cell.cpus))
            self._crew = crew = self._recruit(machine, roles, noise)
            crew.players += [self._player(number, role, judging, crew, noise.core) for number, role in enumerate(roles)]
            self._signals.hearers = crew.players
            outside.others = crew.positions
            crew.hear(self._stray_error)
            with self._finalizers(noise.counts.cpus, judging, under_test).heard():
                self._run(machine, crew, noise, began)
        except BaseException as error:
            self._cut_short(error)
            raise
        finally:
            if self.others:
                self.others.end()
            self._close_all()
            noise.close()
            self.seconds = clocks.monotonic() - began

    def _recruit(self, machine: Machine, roles: Sequence[Role], noise: Noise) -> Crew:
        """The crew, whose players are still to come."""
        takers = noise.counts.takers
        if any(role.duty is Duty.TASK for role in roles):
            awaits = AwaitNoise(noise, Random(seed_of(self.cell.seed, 2, 0)))
            return TaskCrew(machine, self.close, self._here, takers, noise=awaits, strays=self._stray_error)
        return Crew(machine, self.close, self._here, takers)

    def _player(self, number: int, role: Role, judging: Judging, crew: Crew, core: CoreYield) -> Player:
        """The player of a CPU."""
        is_task, rounds = role.duty is Duty.TASK, self.rounds
        random = Random(seed_of(self.cell.seed, 0, number))
        cpu = (TaskCpu if is_task else StressCpu)(number, role.name, random, self._signals)
        if rounds is None:
            player: Player = (TaskPlayer if is_task else Player)(cpu, role, judging)
        else:
            random = Random(seed_of(self.cell.seed, 1, number))
            kind = TaskRoundPlayer if is_task else RoundPlayer
            player = kind(cpu, role, judging, rounds=rounds, random=random, describe=crew.describe, core=core)
        player.tally.others = partial(crew.positions, number)
        return player

    def _finalizers(self, cpus: Collection[int | None], judging: Judging, under_test: CodeUnderTest) -> Finalizers:
        """Hears of what finalizers raise on the CPUs' threads, and on those that the code under test has started."""
        judging = attrs.evolve(judging, stop=self._signals.end)  # it takes no lock
        self.ignored = ignored = Tally(judging, "a finalizer", self._who)
        return Finalizers(
            ignored,
            lambda error: ignored.keep(error, self._kind),
            under_test.answers_for,
            lambda: threading.get_ident() in cpus or (self.others is not None and self.others.is_one()),
        )

    def _stray_error(self, error: BaseException) -> None:
        """Keep an exception that nobody waits for."""
        if self.outside:
            self.outside.keep(error, self._kind)

    def _close_all(self) -> None:
        """End the machine, and what the bodies ran on."""
        still = {number_of(thread) for thread in self.close()}
        if self._crew:
            self._crew.still |= still
            self._crew.close()

    def _run(self, machine: Machine, crew: Crew, noise: Noise, began: float) -> None:
        """Run all slices, then end the run."""
        monitor = crew.monitor()
        names = [player.role.name for player in self.players] + [NO_ROLE] * self.unused
        watchdog = Watchdog(machine.ram, names, SPUN_SECONDS)
        machine.ram.poke(WRITERS, sum(player.role.writes for player in self.players))
        slices = Slices(self.cell.duration_s, crew.kinds)
        self.withheld.begin()
        self._finish = partial(self._end, machine, crew, noise, monitor, watchdog)
        for kind, seconds in slices:
            left = self._left(began)
            if left <= 0 or self._signals.over.is_set() or machine.errors or monitor.may_give_up(STALLED_SECONDS):
                break
            before = self.violations
            self._slice(machine, noise, kind, min(seconds, left))
            if self.ignored and self.ignored.errors:
                self._signals.stop()
            if self.violations > before:
                slices.found(kind)
            monitor.sample(calm=noise.is_calm(kind))
            watchdog.sample()
            self.withheld.sample()
            noise.core.adapt(self.withheld.is_crowded)
        self._finish()

    def _cut_short(self, error: BaseException) -> None:
        """End a run that an exception on the test's thread has cut short, and see where each CPU stands."""
        self.cut = error
        self._signals.stop()
        if self._machine and self._finish and not isinstance(error, HarnessError | UserError):
            with suppress(HarnessError, UserError):  # the test tells what ended the run
                self._finish()

    def _left(self, began: float) -> float:
        """The seconds that are left of a run that began then; more for what was withheld, or if nothing overlapped."""
        can_overlap = len(self.players) > 1 and any(player.role.writes for player in self.players)
        lost = MORE_SECONDS if can_overlap and not self.overlapped else self.withheld.seconds
        return began + self.cell.duration_s + min(lost, MORE_SECONDS) - clocks.monotonic()

    def _slice(self, machine: Machine, noise: Noise, kind: Kind, seconds: float) -> None:
        """Let all CPUs run with noise of a kind, then rest if they can."""
        self._kind = kind
        make_progress()
        heard = noise.slice(kind)
        mask = yield_mask("python", self.cell.cpus, 0.0 if kind is Kind.BARE else 1.0)
        machine.ram.poke(YIELD_MASK, NEVER if noise.core.naps else mask)
        with heard.everywhere():
            # `ending` is cleared first: a CPU that saw it set after it was let run on would rest again, and count as
            # at rest for all of this slice.
            self._signals.begin(seconds)
            for player in self.players:  # of a round each has one operation, which opens a window only with noise
                player.slice(kind, heard.around(player.role.body, every=self.rounds is not None))
            self._gate.set()
            self._signals.over.wait(seconds)
            self._signals.end()
            self._rest(machine)
        for player in self.players:
            player.bare()

    def _rest(self, machine: Machine) -> None:
        """Wait on the test's thread, which runs no CPU, until every CPU rests, at most for REST_SECONDS.

        CPUs that rest still pass safepoints, so that a stop under way can go on.
        """
        deadline = clocks.monotonic() + REST_SECONDS
        while not all(player.rests for player in self.players) and not machine.errors:
            if clocks.monotonic() > deadline:
                return
            clocks.sleep(REST_LOOK_SECONDS)

    def _end(self, machine: Machine, crew: Crew, noise: Noise, monitor: Monitor, watchdog: Watchdog) -> None:
        """Wait until every CPU rests; report the others, and end their threads if that is possible."""
        if self.others:
            self.others.is_over = True
        ending = RunEnd(monitor, self._signals.over, self.rounds is not None)
        stall = watchdog.sample()
        while ending.goes_on() and not machine.errors:
            stall = watchdog.sample()
        machine.check()
        self.withheld.sample()
        if ending.left:
            # A crowded host may have given too little to a CPU that the stop waits for, unless that one waits itself.
            is_sure = stall and (not self.withheld.is_crowded or monitor.waits(stall.links[-1].cpu))
            if stall and is_sure and len(ending.left) == len(self.players):
                self.stall = stall.text
            with noise.interval.short():  # a CPU that runs on for ever would keep the GIL from each look
                crew.leave(ending)

    def _boot(self) -> Machine:
        """A machine whose CPUs run and wait at the gate."""
        self._gate = threads.Flag()
        machine = Machine(small_ram(self.cell.cpus, self.cell.seed), [self._play(self._gate)] * self.cell.cpus)
        self._machine = machine
        machine.boot()
        self.withheld = Withheld(machine.native_ids, cores_for("python"))
        return machine

    def close(self, seconds: float = LAST_SECONDS) -> list[threading.Thread]:
        """End the machine, if there is one; the threads that do not end within `seconds`, which go on running."""
        machine, self._machine = self._machine, None
        if machine is None:
            return []
        machine.ram.power_off()
        self._gate.set()
        return machine.end(seconds)

    def _play(self, gate: threads.Flag) -> Play:
        """A function that plays a CPU on its thread: the player of its number, once the gate is open."""

        def operation(cpu: Cpu) -> int:
            gate.wait()
            return self._crew.operation(cpu) if self._crew and cpu.peek(BOUND) else UNJUDGED

        return PythonEngine().program(operation, STOPPED.safepoint, Features(kasan=False))

    def _outsider(self) -> str:
        """Who runs on the calling thread, if that is no CPU."""
        return self._crew.outsider() if self._crew else f"thread {threading.current_thread().name}"

    def _who(self) -> str:
        """Who runs on the calling thread."""
        player: Player | None = getattr(self._here, "player", None)
        return player.who if player else self._outsider()

    def _action(self, stack: RawStack) -> Action:
        """An action of the calling thread, now."""
        return Action(self._who(), clocks.monotonic_ns(), stack)

    def _used(self, use: Use) -> None:
        """Note that the calling thread uses something freed."""
        player: Player | None = getattr(self._here, "player", None)
        if player:
            player.used(use)
        else:
            self.stray = self.stray or use

    @property
    def players(self) -> list[Player]:
        """The players of all CPUs."""
        return self._crew.players if self._crew else []

    @property
    def unused(self) -> int:
        """The number of CPUs of the cell that no role has."""
        return self.cell.cpus - len(self.players) if self.players else 0

    @property
    def cpus(self) -> int:
        """The number of CPUs that run bodies."""
        return self.cell.cpus - self.unused

    @property
    def outsiders(self) -> tuple[str, str]:
        """What the code under test starts beside the CPUs, one and several."""
        return self._crew.outsiders if self._crew else Crew.outsiders

    @property
    def left(self) -> list[Left]:
        """The CPUs that did not end their operation."""
        return self._crew.left if self._crew else []

    @property
    def deadlocks(self) -> set[tuple[int, ...]]:
        """The CPUs that wait for each other's locks, in circles."""
        return self._crew.deadlocks if self._crew else set()

    def left_in(self, state: EndState) -> list[Left]:
        """The CPUs that did not end their operation, of one state."""
        return [one for one in self.left if one.state is state]

    @property
    def operations(self) -> int:
        """The number of operations of all CPUs."""
        return sum(player.operations for player in self.players)

    @property
    def overlapped(self) -> int:
        """The number of operations that overlapped a writer's."""
        return sum(player.overlapped for player in self.players)

    @property
    def tallies(self) -> list[Tally]:
        """The tallies of all CPUs, of the rounds if there are any, of other threads and of finalizers."""
        more = (self.rounds.tally if self.rounds else None, self.outside, self.ignored)
        return [*(player.tally for player in self.players), *filter(None, more)]

    @property
    def errors(self) -> list[BaseException]:
        """All exceptions that were raised."""
        return [error for tally in self.tallies for error in tally.errors]

    @property
    def forbidden(self) -> Counter[str]:
        """The number of operations or rounds with each outcome that is not acceptable."""
        return sum((tally.forbidden for tally in self.tallies), start=Counter())

    @property
    def violations(self) -> int:
        """The number of operations or rounds with an outcome that is not acceptable."""
        return self.forbidden.total()

    @property
    def firsts(self) -> list[First]:
        """The first violation of each outcome and the first exception, in the order of time."""
        return firsts_of(self.tallies)
