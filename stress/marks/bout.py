"""A bout: the roles of a test on the CPUs of a machine, slice after slice, for the time of its cell.

The machine is one of the python engine. Its CPUs wait at a gate within their first operation, so that none of that time
is lost for the race: it can be there before anybody knows the roles. Each slice has noise of another kind. CPUs come to
rest between two of them, but for those that wait for each other.
"""

import gc
import sys
import threading
import traceback
from collections.abc import Iterator, Sequence
from itertools import cycle
from pathlib import Path
from random import Random

import attrs

from stress.errors import UserError
from stress.host import clocks
from stress.host.cores import make_progress
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
from stress.marks.blocked import Blocked
from stress.marks.cell import Cell
from stress.marks.code_under_test import PACKAGE, CodeUnderTest
from stress.marks.cpu import Player, Role, Signals, StressCpu
from stress.marks.end_threads import end_threads, withdraw
from stress.marks.monitor import Monitor
from stress.marks.noise import KINDS, Kind, Noise
from stress.marks.poison import Action, FreedObjects, Use
from stress.marks.run_end import GRACE_SECONDS, LOOK_SECONDS, EndState, RunEnd

SLICES = 20
SHORTEST_SLICE = 0.02
LONGEST_SLICE = 0.25
REST_SECONDS = 0.005
"""How long a slice's end waits for operations under way, so that most noise changes while nobody is within one."""
SPUN_SECONDS = 0.25
"""For how long a CPU has only spun that is told as stalled when the grace is over. On a busy host it rarely runs."""
LAST_SECONDS = 0.5
LET_GO_SECONDS = 0.2
PAGE = 4096


@attrs.frozen
class Left:
    """A CPU that has not ended its operation: who, what becomes of it, what it does, its stack as lines of a traceback.

    `seconds` is for how long it was seen in it. `ended` says whether its thread could be ended.
    """

    who: str
    state: EndState
    does: str
    seconds: float
    stack: tuple[str, ...]
    ended: bool = False


def deal(roles: Sequence[Role], cpus: int) -> list[Role]:
    """The role of each CPU, writers first.

    Raises:
        UserError: when there are too few CPUs, or none is left for a role.
    """
    if not roles:
        raise UserError("stress.run(): no role; decorate a body with @stress.reader, another with @stress.writer")
    fixed = sum(role.count or 0 for role in roles)
    open_roles = [role for role in roles if role.count is None]
    if fixed + len(open_roles) > cpus:
        needed = fixed + len(open_roles)
        raise UserError(f"stress.run(): the roles need at least {needed} CPUs, not {cpus}; give cpus={needed} or more")
    spare = cpus - fixed
    dealt: list[Role] = []
    for role in sorted(roles, key=lambda role: not role.writes):
        share = role.count
        if share is None:
            share = -(-spare // len(open_roles))
            spare -= share
            open_roles.pop()
        dealt += [role] * share
    return dealt


def collect_what_is_due() -> None:
    """Collect young garbage, so that this does not hold all CPUs in their first milliseconds, by chance.

    What is new since the last few items takes milliseconds, and is looked at no more often than it would be anyway.
    """
    if gil_enabled() and gc.isenabled():
        gc.collect(int(gc.get_count()[1] >= gc.get_threshold()[1]))


@attrs.define(eq=False)
class Bout:
    """One run of a cell's roles. `freed_objects` knows what was freed; the rest is read when `run` has returned.

    Whoever calls `prepare` before it, to have a machine at hand, calls `close` at the end.
    `left` has who did not end its operation, `deadlocks` the CPUs that wait for each other's locks in circles. `stray`
    is a use of something freed by a thread that is no CPU, `stall` a stop that nobody ends.
    """

    cell: Cell
    first_only: bool
    freed_objects: FreedObjects = attrs.field(init=False)
    players: list[Player] = attrs.field(init=False, factory=list)
    left: list[Left] = attrs.field(init=False, factory=list)
    deadlocks: set[tuple[int, ...]] = attrs.field(init=False, factory=set)
    stall: str | None = attrs.field(init=False, default=None)
    seconds: float = attrs.field(init=False, default=0.0)
    stray: Use | None = attrs.field(init=False, default=None)
    noise: Noise | None = attrs.field(init=False, default=None)
    _machine: Machine | None = attrs.field(init=False, default=None)
    _gate: threading.Event = attrs.field(init=False, factory=threading.Event)
    _signals: Signals = attrs.field(init=False, factory=Signals)
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

    def run(self, roles: Sequence[Role], acceptable: frozenset[str], under_test: CodeUnderTest) -> None:
        """Run until the time is up, an exception or the first violation that was asked for, or nobody gets on."""
        began = clocks.monotonic()
        for number, role in enumerate(deal(roles, self.cell.cpus)):
            cpu = StressCpu(number, role.name, Random(seed_of(self.cell.seed, 0, number)))
            stop = self._signals.stop
            self.players.append(Player(cpu, role, acceptable, clocks.monotonic_ns(), stop, self.first_only))
        self.noise = noise = Noise(under_test, self.cell.seed, [role.body for role in roles])
        try:
            self._run(self._machine or self._boot(), noise, began)
        finally:
            self.close()
            self.seconds = clocks.monotonic() - began

    def _run(self, machine: Machine, noise: Noise, began: float) -> None:
        """Run all slices, and end."""
        monitor = Monitor(self.players, machine.native_id)
        watchdog = Watchdog(machine.ram, [player.role.name for player in self.players], SPUN_SECONDS)
        machine.ram.poke(WRITERS, sum(player.role.writes for player in self.players))
        for kind, seconds in self._slices(began):
            self._slice(machine, noise, kind, seconds)
            monitor.sample()
            watchdog.sample()
            if machine.errors or monitor.has_stalled(GRACE_SECONDS):
                break
        self._end(machine, RunEnd(monitor, self._signals.over), watchdog)

    def _slices(self, began: float) -> Iterator[tuple[Kind, float]]:
        """The kind and length of each slice, until it is over."""
        length = min(max(self.cell.duration_s / SLICES, SHORTEST_SLICE), LONGEST_SLICE)
        for kind in cycle(KINDS):
            left = began + self.cell.duration_s - clocks.monotonic()
            if left <= 0 or self._signals.over.is_set():
                return
            yield kind, min(length, left)

    def _slice(self, machine: Machine, noise: Noise, kind: Kind, seconds: float) -> None:
        """Let all CPUs run with noise of a kind, and come to rest if they can."""
        make_progress()
        heard = noise.slice(kind)
        machine.ram.poke(YIELD_MASK, yield_mask("python", self.cell.cpus, 0.0 if kind is Kind.BARE else 1.0))
        for player in self.players:
            player.slice(kind, heard.around(player.role.body), self._signals)
        with heard.everywhere():
            self._signals.begin()
            self._gate.set()
            self._signals.over.wait(seconds)
            self._signals.end()
            self._rest(machine)
        for player in self.players:
            player.bare()

    def _rest(self, machine: Machine) -> None:
        """Wait on the test's thread, which runs no CPU, until every CPU rests, but not for long.

        CPUs that rest go on passing safepoints, so that no stop is cut short, and what it protects with it.
        """
        deadline = clocks.monotonic() + REST_SECONDS
        while not all(player.rests for player in self.players) and not machine.errors:
            if clocks.monotonic() > deadline:
                return
            clocks.sleep(LOOK_SECONDS)

    def _end(self, machine: Machine, ending: RunEnd, watchdog: Watchdog) -> None:
        """Wait until every CPU rests; tell of those that do not, end them if they can be, and leave them else."""
        stall = None
        while ending.goes_on() and not machine.errors:
            stall = watchdog.sample()
        machine.check()
        if ending.left:
            self.stall = stall.text if stall and len(ending.left) == len(self.players) else None
            self._leave({number: machine.thread(number) for number in ending.left}, ending)

    def _leave(self, threads: dict[int, threading.Thread], ending: RunEnd) -> None:
        """Tell of CPUs that do not end their operation; those that power-off does not end count nothing any more."""
        blocked = Blocked({number: thread for number, thread in threads.items() if ending.waits(number)})
        told = {number: self._left(number, thread, ending, blocked) for number, thread in threads.items()}
        cycles = {number: blocked.cycle(number) for number in blocked.threads}
        still = {_number(thread) for thread in self.close()}
        for number in still:
            self.players[number] = self.players[number].left_behind()
        end_threads({number: threads[number] for number in still}, blocked)
        clocks.sleep(LET_GO_SECONDS if still else 0)
        withdraw(threads[number] for number in still if threads[number].is_alive())
        self.left = [attrs.evolve(told[number], ended=not threads[number].is_alive()) for number in sorted(still)]
        self.deadlocks = {cycle for number, cycle in cycles.items() if number == min(cycle, default=None)}

    def _boot(self) -> Machine:
        """A machine whose CPUs run and wait at the gate."""
        self._gate = threading.Event()
        machine = Machine(self._ram(), [self._play(self._gate)] * self.cell.cpus)
        self._machine = machine
        machine.boot()
        return machine

    def close(self, seconds: float = LAST_SECONDS) -> list[threading.Thread]:
        """End the machine, if there is one; the threads that do not end within `seconds`, which are left."""
        machine, self._machine = self._machine, None
        if machine is None:
            return []
        machine.ram.power_off()
        self._gate.set()
        return machine.end(seconds)

    def _ram(self) -> Ram:
        """RAM without a kernel, for the words of stops and windows."""
        ram = Ram(RamMap(self.cell.cpus, PAGE, PAGE, PAGE))
        for number in range(self.cell.cpus):
            ram.poke(ram.map.log(number) + RANDOM, seed_of(self.cell.seed, 0, number))
        return ram

    def _play(self, gate: threading.Event) -> Play:
        """What plays a CPU on its thread: the player of its number, once the gate is open."""

        def operation(cpu: Cpu) -> int:
            gate.wait()
            return self._operation(cpu) if cpu.peek(BOUND) else UNJUDGED

        return PythonEngine().program(operation, STOPPED.safepoint, Features(kasan=False))

    def _operation(self, cpu: Cpu) -> int:
        """A CPU's player plays, in the context of the test: its warning filters, say."""
        self._here.player = player = self.players[cpu.number]
        return player.context.run(player.operation, cpu)

    def _left(self, number: int, thread: threading.Thread, ending: RunEnd, blocked: Blocked) -> Left:
        """What a CPU that does not end its operation is doing."""
        waits = number in blocked.threads
        state = ending.state_of(number, in_a_cycle=number in blocked.cycle(number))
        does = blocked.describe(number) if waits else ending.monitor.doing(number).value
        seconds = ending.monitor.seconds(number)
        return Left(self.players[number].who, state, does, seconds, _stack(thread))

    def _action(self, stack: RawStack) -> Action:
        """What the calling thread does now."""
        player: Player | None = getattr(self._here, "player", None)
        who = player.who if player else f"thread {threading.current_thread().name}"
        return Action(who, clocks.monotonic_ns(), stack)

    def _used(self, use: Use) -> None:
        """The calling thread uses something freed."""
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
        """The CPUs of which nothing can be said."""
        return [one for one in self.left if one.state is EndState.UNKNOWN]

    @property
    def waiting(self) -> list[Left]:
        """The CPUs that still waited for others when these had gone on long enough."""
        return [one for one in self.left if one.state is EndState.WAITS]

    @property
    def operations(self) -> int:
        """How many there were."""
        return sum(player.operations for player in self.players)

    @property
    def overlapped(self) -> int:
        """How many of them overlapped a writer's."""
        return sum(player.overlapped for player in self.players)

    @property
    def errors(self) -> list[BaseException]:
        """All that bodies have raised."""
        return [error for player in self.players for error in player.errors]

    @property
    def violations(self) -> int:
        """How many operations ended in an outcome that is not acceptable."""
        return sum(
            count
            for player in self.players
            for outcome, count in player.outcomes.items()
            if outcome not in player.acceptable
        )


def _number(thread: threading.Thread) -> int:
    """The CPU that a thread is."""
    return int(thread.name.removeprefix("cpu"))


def _stack(thread: threading.Thread) -> tuple[str, ...]:
    """The stack of a thread, from what the harness calls on."""
    frame = sys._current_frames().get(thread.ident or 0)
    frames = traceback.extract_stack(frame) if frame else []
    inner = [at for at, one in enumerate(frames) if Path(one.filename).is_relative_to(PACKAGE)]
    own = frames[inner[-1] + 1 :] if inner else frames
    return tuple(traceback.format_list(own or frames))
