"""The run of a mark: the roles of a test on the CPUs of a machine, slice after slice, for the time of its cell.

The machine has the python engine. It boots before the roles are known, and its CPUs wait at a gate in their first
operation, so that the boot takes no time from the race. Each slice has another kind of noise. Between two slices the
CPUs rest, except those that wait for each other.
"""

import gc
import threading
import traceback
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from functools import partial
from pathlib import Path
from random import Random
from typing import Any

import attrs

from stress.host import clocks
from stress.host.cores import make_progress
from stress.host.frames import current_frames
from stress.kernel.modlist import STOPPED
from stress.machine.engines import yield_mask
from stress.machine.features import Features
from stress.machine.loop import UNJUDGED
from stress.machine.machine import Machine, Play
from stress.machine.python_engine import PythonEngine, gil_enabled
from stress.machine.ram import Ram, RamMap
from stress.machine.random import seed_of
from stress.machine.seam import Cpu
from stress.machine.stacks import RawStack
from stress.machine.watchdog import Watchdog
from stress.machine.words import BOUND, RANDOM, WRITERS, YIELD_MASK
from stress.marks.async_bodies import LoopBody
from stress.marks.blocked import Blocked
from stress.marks.cell import Cell
from stress.marks.code_under_test import PACKAGE, CodeUnderTest
from stress.marks.cpu import Signals, StressCpu
from stress.marks.end_threads import end_threads, withdraw
from stress.marks.monitor import Monitor
from stress.marks.noise import Noise
from stress.marks.other_threads import OtherThreads
from stress.marks.player import Player
from stress.marks.poison import Action, FreedObjects, Use
from stress.marks.positions import Position, stack_in_body
from stress.marks.roles import Role, deal
from stress.marks.round_player import RoundPlayer
from stress.marks.rounds import Rounds
from stress.marks.run_end import GRACE_SECONDS, LOOK_SECONDS, EndState, RunEnd
from stress.marks.slices import Slices
from stress.marks.switches import KINDS, Kind, Switch
from stress.marks.tally import First, Judging, Tally

REST_SECONDS = 0.005
"""How long the end of a slice waits for operations under way, so that noise mostly changes between operations."""
SPUN_SECONDS = 0.25
"""A CPU that has only spun for so long when the grace is over has stalled. On a busy host it rarely runs."""
LAST_SECONDS = 0.5
END_THREADS_SECONDS = 0.2
PAGE = 4096


@attrs.define
class Plan:
    """What a test asks for: its roles, and for rounds what makes the object of each, and what judges it."""

    roles: list[Role] = attrs.field(factory=list)
    fresh: Callable[[], Any] | None = None
    final: Callable[[Any, Sequence[Any]], Any] | None = None


@attrs.frozen
class Left:
    """A CPU that has not ended its operation: who, its state, what it does, its stack as lines of a traceback.

    `seconds` is the time for which it was seen in the operation. `ended`: its thread could be ended.
    """

    who: str
    state: EndState
    does: str
    seconds: float
    stack: tuple[str, ...]
    ended: bool = False


def collect_what_is_due() -> None:
    """Collect young garbage now, so that a collection does not stop all CPUs in their first milliseconds.

    The older generation takes milliseconds, so it is collected only if it is due anyway.
    """
    if gil_enabled() and gc.isenabled():
        gc.collect(int(gc.get_count()[1] >= gc.get_threshold()[1]))


@attrs.define(eq=False)
class MarkRun:
    """One run of a cell's roles. `freed_objects` knows what was freed; the other fields are read after `run`.

    A caller of `prepare`, which boots the machine early, must call `close` at the end. `left`: the CPUs that did not
    end their operation. `deadlocks`: the CPUs that wait for each other's locks in circles. `stray`: a use of something
    freed by a thread that is not a CPU. `stall`: a stop that no CPU ends, in a line. `others` hears of threads that are
    no CPUs, and `outside` has the exceptions that ended them. `_still`: the CPUs whose threads go on after the run.
    """

    cell: Cell
    first_only: bool
    others: OtherThreads | None = None
    freed_objects: FreedObjects = attrs.field(init=False)
    outside: Tally | None = attrs.field(init=False, default=None)
    players: list[Player] = attrs.field(init=False, factory=list)
    rounds: Rounds | None = attrs.field(init=False, default=None)
    left: list[Left] = attrs.field(init=False, factory=list)
    deadlocks: set[tuple[int, ...]] = attrs.field(init=False, factory=set)
    stall: str | None = attrs.field(init=False, default=None)
    seconds: float = attrs.field(init=False, default=0.0)
    stray: Use | None = attrs.field(init=False, default=None)
    noise: Noise | None = attrs.field(init=False, default=None)
    _machine: Machine | None = attrs.field(init=False, default=None)
    _gate: threading.Event = attrs.field(init=False, factory=threading.Event)
    _signals: Signals = attrs.field(init=False, factory=Signals)
    _kind: Kind = attrs.field(init=False, default=Kind.BARE)
    _still: set[int] = attrs.field(init=False, factory=set)
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
        others = self.others
        self.noise = noise = Noise(under_test, self.cell.seed, [role.body for role in roles], others)
        self.outside = outside = Tally(
            judging, "a thread that is no CPU", lambda: f"thread {threading.current_thread().name}"
        )
        if others:
            others.keep = lambda error: outside.keep(error, self._kind)
        if plan.fresh:
            self.rounds = Rounds(self.cell.cpus, plan.fresh, plan.final, judging, noise.counts.last)
        self.players = [self._player(number, role, judging) for number, role in enumerate(roles)]
        self._signals.hearers = self.players
        try:
            self._run(self._machine or self._boot(), noise, began)
        finally:
            if others:
                others.keep = None
            self._still |= {_number(thread) for thread in self.close()}
            for _, body in self._loop_bodies():
                body.close(self._still)
            self.seconds = clocks.monotonic() - began

    def _player(self, number: int, role: Role, judging: Judging) -> Player:
        """The player of a CPU."""
        cpu = StressCpu(number, role.name, Random(seed_of(self.cell.seed, 0, number)))
        if self.rounds is None:
            player = Player(cpu, role, judging)
        else:
            random = Random(seed_of(self.cell.seed, 1, number))
            player = RoundPlayer(cpu, role, judging, rounds=self.rounds, random=random, describe=self._describe)
        player.tally.others = partial(self._positions, number)
        return player

    def _positions(self, number: int) -> Iterator[Position]:
        """Where each CPU but one stands now."""
        for other in self.players:
            if other.cpu.number != number and self._machine:
                yield Position(other.who, stack_in_body(self._machine.thread(other.cpu.number).ident))

    def _describe(self, switch: Switch) -> str:
        """A switch for a report: the CPU, or the name of another thread, and the place."""
        machine = self._machine
        mine = (number for number in range(self.cell.cpus) if machine and machine.thread(number).ident == switch.thread)
        number = next(mine, None)
        return f"{'another thread' if number is None else f'CPU {number}'} at {switch.place}"

    def _run(self, machine: Machine, noise: Noise, began: float) -> None:
        """Run all slices, then end the run."""
        monitor = Monitor(self.players, machine.native_id)
        watchdog = Watchdog(machine.ram, [player.role.name for player in self.players], SPUN_SECONDS)
        machine.ram.poke(WRITERS, sum(player.role.writes for player in self.players))
        slices = Slices(self.cell.duration_s, KINDS)
        for kind, seconds in slices:
            left = began + self.cell.duration_s - clocks.monotonic()
            if left <= 0 or self._signals.over.is_set() or machine.errors or monitor.has_stalled(GRACE_SECONDS):
                break
            before = self.violations
            self._slice(machine, noise, kind, min(seconds, left))
            if self.violations > before:
                slices.found(kind)
            monitor.sample()
            watchdog.sample()
        self._end(machine, RunEnd(monitor, self._signals.over, self.rounds is not None), watchdog)

    def _slice(self, machine: Machine, noise: Noise, kind: Kind, seconds: float) -> None:
        """Let all CPUs run with noise of a kind, then rest if they can."""
        self._kind = kind
        make_progress()
        heard = noise.slice(kind)
        machine.ram.poke(YIELD_MASK, yield_mask("python", self.cell.cpus, 0.0 if kind is Kind.BARE else 1.0))
        with heard.everywhere():
            # `ending` is cleared first: a CPU that saw it set after it was let run on would rest again, and count as
            # at rest for all of this slice.
            self._signals.begin(seconds)
            for player in self.players:
                player.slice(kind, heard.around(player.role.body), self._signals)
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
            clocks.sleep(LOOK_SECONDS)

    def _end(self, machine: Machine, ending: RunEnd, watchdog: Watchdog) -> None:
        """Wait until every CPU rests; report the others, and end their threads if that is possible."""
        stall = None
        while ending.goes_on() and not machine.errors:
            stall = watchdog.sample()
        machine.check()
        if ending.left:
            self.stall = stall.text if stall and len(ending.left) == len(self.players) else None
            self._leave({number: machine.thread(number) for number in ending.left}, ending)

    def _leave(self, threads: dict[int, threading.Thread], ending: RunEnd) -> None:
        """Report CPUs that do not end their operation. If power-off does not end one, it counts nothing any more."""
        blocked = Blocked({number: thread for number, thread in threads.items() if ending.waits(number)})
        left = {number: self._left(number, thread, ending, blocked) for number, thread in threads.items()}
        cycles = {number: blocked.cycle(number) for number in blocked.threads}
        still = {_number(thread) for thread in self.close()}
        for number in still:
            self.players[number] = self.players[number].left_behind()
        end_threads({number: threads[number] for number in still}, blocked)
        for number, body in self._loop_bodies():
            if number in still:
                body.wake(number)
        clocks.sleep(END_THREADS_SECONDS if still else 0)
        withdraw(threads[number] for number in still if threads[number].is_alive())
        self._still = {number for number in still if threads[number].is_alive()}
        self.left = [attrs.evolve(left[number], ended=number not in self._still) for number in sorted(still)]
        self.deadlocks = {cycle for number, cycle in cycles.items() if number == min(cycle, default=None)}

    def _boot(self) -> Machine:
        """A machine whose CPUs run and wait at the gate."""
        self._gate = threading.Event()
        machine = Machine(self._ram(), [self._play(self._gate)] * self.cell.cpus)
        self._machine = machine
        machine.boot()
        return machine

    def close(self, seconds: float = LAST_SECONDS) -> list[threading.Thread]:
        """End the machine, if there is one; the threads that do not end within `seconds`, which go on running."""
        machine, self._machine = self._machine, None
        if machine is None:
            return []
        machine.ram.power_off()
        self._gate.set()
        return machine.end(seconds)

    def _ram(self) -> Ram:
        """RAM without a kernel: only the words of stops, edges and draws are used."""
        ram = Ram(RamMap(self.cell.cpus, PAGE, PAGE, PAGE))
        for number in range(self.cell.cpus):
            ram.poke(ram.map.log(number) + RANDOM, seed_of(self.cell.seed, 0, number))
        return ram

    def _play(self, gate: threading.Event) -> Play:
        """A function that plays a CPU on its thread: the player of its number, once the gate is open."""

        def operation(cpu: Cpu) -> int:
            gate.wait()
            return self._operation(cpu) if cpu.peek(BOUND) else UNJUDGED

        return PythonEngine().program(operation, STOPPED.safepoint, Features(kasan=False))

    def _operation(self, cpu: Cpu) -> int:
        """Run a CPU's player in the context of the test, which has its warning filters, for example."""
        self._here.player = player = self.players[cpu.number]
        return player.context.run(player.operation, cpu)

    def _left(self, number: int, thread: threading.Thread, ending: RunEnd, blocked: Blocked) -> Left:
        """The report of a CPU that does not end its operation."""
        waits = number in blocked.threads
        state = ending.state_of(number, in_a_cycle=number in blocked.cycle(number))
        does = blocked.describe(number) if waits else ending.monitor.doing(number).value
        stack = [line for one, body in self._loop_bodies() if one == number for line in body.stack(number)]
        if waits and stack:
            does = "waits in its event loop"
        seconds = ending.monitor.seconds(number)
        return Left(self.players[number].who, state, does, seconds, tuple(stack) or _stack(thread))

    def _loop_bodies(self) -> Iterator[tuple[int, LoopBody]]:
        """The CPUs whose body is `async def`, by number."""
        bodies = ((player.cpu.number, player.role.body) for player in self.players)
        return ((number, body) for number, body in bodies if isinstance(body, LoopBody))

    def _action(self, stack: RawStack) -> Action:
        """An action of the calling thread, now."""
        player: Player | None = getattr(self._here, "player", None)
        who = player.who if player else f"thread {threading.current_thread().name}"
        return Action(who, clocks.monotonic_ns(), stack)

    def _used(self, use: Use) -> None:
        """Note that the calling thread uses something freed."""
        player: Player | None = getattr(self._here, "player", None)
        if player:
            player.used(use)
        else:
            self.stray = self.stray or use

    @property
    def stuck(self) -> list[Left]:
        """The CPUs that have stalled."""
        return [one for one in self.left if one.state is EndState.STALLED]

    @property
    def starved(self) -> list[Left]:
        """The CPUs that got no core, so that their state is unknown."""
        return [one for one in self.left if one.state is EndState.UNKNOWN]

    @property
    def waiting(self) -> list[Left]:
        """The CPUs that still waited for others after those had run on long enough."""
        return [one for one in self.left if one.state is EndState.WAITS]

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
        """The tallies of all CPUs, of the rounds if there are any, and of other threads."""
        more = (self.rounds.tally if self.rounds else None, self.outside)
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
        seen = [first for tally in self.tallies for first in (*tally.firsts.values(), *filter(None, [tally.raised]))]
        seen.sort(key=lambda first: first.seconds, reverse=True)
        return sorted({first.outcome: first for first in seen}.values(), key=lambda first: first.seconds)


def _number(thread: threading.Thread) -> int:
    """The number of the CPU that a thread plays."""
    return int(thread.name.removeprefix("cpu"))


def _stack(thread: threading.Thread) -> tuple[str, ...]:
    """The stack of a thread as lines, without the harness's frames."""
    frame = current_frames().get(thread.ident or 0)
    frames = traceback.extract_stack(frame) if frame else []
    inner = [at for at, one in enumerate(frames) if Path(one.filename).is_relative_to(PACKAGE)]
    own = frames[inner[-1] + 1 :] if inner else frames
    return tuple(traceback.format_list(own or frames))
