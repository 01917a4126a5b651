"""A bout: the roles of a test on the CPUs of a machine, slice after slice, for the time of its cell.

Each slice boots a machine of the python engine with noise of another kind. Its CPUs wait at a gate within their first
operation, so that none of that time is lost for the race: a machine can be there before anybody knows the roles.
Nothing waits for ever: a CPU that does not end its operation is told with its stack, and its thread is left behind.
"""

import gc
import sys
import threading
import time
import traceback
from collections.abc import Iterator, Sequence
from itertools import cycle
from pathlib import Path
from random import Random

import attrs

from stress.errors import UserError
from stress.host import make_progress
from stress.kernel.stop_machine import cond_resched
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
from stress.marks.cell import Cell
from stress.marks.cpu import Player, Role, Signals, StressCpu
from stress.marks.noise import KINDS, Kind, Noise
from stress.marks.poison import Deed, Graveyard, Use
from stress.marks.under_test import PACKAGE, UnderTest

SLICES = 20
SHORTEST_SLICE = 0.02
LONGEST_SLICE = 0.25
GRACE_SECONDS = 3.5
"""What an operation may take on after the end of its slice; together with all else less than five seconds."""
SPUN_SECONDS = 0.25
"""For how long a CPU has only spun that is told as stalled when the grace is over. On a busy host it rarely runs."""
LAST_SECONDS = 0.5
LOOK_SECONDS = 0.001
PAGE = 4096


@attrs.frozen
class Stuck:
    """A CPU that does not end its operation: who, and where it is, as lines of a traceback."""

    who: str
    stack: tuple[str, ...]


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
    """One run of a cell's roles. `graveyard` knows what was freed; the rest is read when `run` has returned.

    Whoever calls `prepare` before it, to have a machine at hand, calls `close` at the end.
    `stray` is a use of something freed by a thread that is no CPU, `stall` a stop that nobody ends.
    """

    cell: Cell
    first_only: bool
    graveyard: Graveyard = attrs.field(init=False)
    players: list[Player] = attrs.field(init=False, factory=list)
    stuck: list[Stuck] = attrs.field(init=False, factory=list)
    stall: str | None = attrs.field(init=False, default=None)
    seconds: float = attrs.field(init=False, default=0.0)
    stray: Use | None = attrs.field(init=False, default=None)
    noise: Noise | None = attrs.field(init=False, default=None)
    _machine: Machine | None = attrs.field(init=False, default=None)
    _gate: threading.Event = attrs.field(init=False, factory=threading.Event)
    _over: threading.Event = attrs.field(init=False, factory=threading.Event)
    _signals: Signals = attrs.field(init=False, factory=Signals)
    _here: threading.local = attrs.field(init=False, factory=threading.local)

    def __attrs_post_init__(self) -> None:
        self.graveyard = Graveyard(self._deed, self._used)

    def prepare(self) -> None:
        """Boot the machine of the first slice."""
        collect_what_is_due()
        try:
            self._boot(KINDS[0], 0)
        except BaseException:
            self.close()
            raise

    def run(self, roles: Sequence[Role], acceptable: frozenset[str], under_test: UnderTest) -> None:
        """Run until the time is up, an exception or the first violation that was asked for, or a CPU is stuck."""
        began = time.monotonic()
        for number, role in enumerate(deal(roles, self.cell.cpus)):
            cpu = StressCpu(number, role.name, Random(seed_of(self.cell.seed, 0, number)))
            self.players.append(Player(cpu, role, acceptable, time.monotonic_ns(), self._stop, self.first_only))
        self.noise = noise = Noise(under_test, self.cell.seed, [role.body for role in roles])
        try:
            for at, (kind, seconds) in enumerate(self._slices(began)):
                self._slice(noise, kind, seconds, at)
        finally:
            self.seconds = time.monotonic() - began

    def _slices(self, began: float) -> Iterator[tuple[Kind, float]]:
        """The kind and length of each slice, until it is over."""
        length = min(max(self.cell.duration_s / SLICES, SHORTEST_SLICE), LONGEST_SLICE)
        for kind in cycle(KINDS):
            left = began + self.cell.duration_s - time.monotonic()
            if left <= 0 or self._over.is_set() or self.stuck or self.stall:
                return
            yield kind, min(length, left)

    def _slice(self, noise: Noise, kind: Kind, seconds: float, at: int) -> None:
        """Let a machine run, booted now unless it is there, and end it."""
        make_progress()
        self._signals, heard, last = Signals(), noise.slice(kind), LAST_SECONDS
        for player in self.players:
            player.slice(kind, heard.around(player.role.body), self._signals)
        try:
            machine = self._machine or self._boot(kind, at)
            machine.ram.poke(WRITERS, sum(player.role.writes for player in self.players))
            with heard.everywhere():
                self._gate.set()
                last += self._wait(machine, seconds)
        finally:
            self.stuck = [self._stuck(thread) for thread in self.close(last)]
        machine.check()

    def _boot(self, kind: Kind, at: int) -> Machine:
        """A machine whose CPUs run and wait at the gate."""
        self._gate = threading.Event()
        machine = Machine(self._ram(kind, at), [self._play(self._gate)] * self.cell.cpus)
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

    def _stop(self) -> None:
        """End the run, called by any CPU: no body is called any more."""
        self._over.set()
        self._signals.end()

    def _ram(self, kind: Kind, at: int) -> Ram:
        """RAM without a kernel, for the words of stops and windows."""
        ram = Ram(RamMap(self.cell.cpus, PAGE, PAGE, PAGE))
        ram.poke(YIELD_MASK, yield_mask("python", self.cell.cpus, 0.0 if kind is Kind.BARE else 1.0))
        for number in range(self.cell.cpus):
            ram.poke(ram.map.log(number) + RANDOM, seed_of(self.cell.seed, at, number))
        return ram

    def _play(self, gate: threading.Event) -> Play:
        """What plays a CPU on its thread: the player of its number, once the gate is open."""

        def operation(cpu: Cpu) -> int:
            gate.wait()
            return self._operation(cpu) if cpu.peek(BOUND) else UNJUDGED

        return PythonEngine().program(operation, cond_resched, Features(kasan=False))

    def _operation(self, cpu: Cpu) -> int:
        """A CPU's player plays, in the context of the test: its warning filters, say."""
        self._here.player = player = self.players[cpu.number]
        return player.context.run(player.operation, cpu)

    def _wait(self, machine: Machine, seconds: float) -> float:
        """Wait on the test's thread, which runs no CPU, until the slice is over and every CPU rests.

        CPUs that rest go on passing safepoints, so that no stop is cut short, and what it protects with it. Returns how
        many seconds of the grace are left.
        """
        programs, stall = [player.role.name for player in self.players], None
        watchdog = Watchdog(machine.ram, programs, SPUN_SECONDS)
        self._over.wait(seconds)
        self._signals.end()
        deadline = time.monotonic() + GRACE_SECONDS
        while (left := deadline - time.monotonic()) > 0 and not machine.errors:
            if all(player.rests for player in self.players):
                return left
            time.sleep(LOOK_SECONDS)
            stall = watchdog.sample()
        self.stall = stall.text if stall else None
        return 0.0

    def _stuck(self, thread: threading.Thread) -> Stuck:
        """What a thread that does not end is doing."""
        player = self.players[int(thread.name.removeprefix("cpu"))]
        frame = sys._current_frames().get(thread.ident or 0)
        frames = traceback.extract_stack(frame) if frame else []
        inner = [at for at, one in enumerate(frames) if Path(one.filename).is_relative_to(PACKAGE)]
        own = frames[inner[-1] + 1 :] if inner else frames
        return Stuck(player.who, tuple(traceback.format_list(own or frames)))

    def _deed(self, stack: RawStack) -> Deed:
        """What the calling thread does now."""
        player: Player | None = getattr(self._here, "player", None)
        who = player.who if player else f"thread {threading.current_thread().name}"
        return Deed(who, time.monotonic_ns(), stack)

    def _used(self, use: Use) -> None:
        """The calling thread uses something freed."""
        player: Player | None = getattr(self._here, "player", None)
        if player:
            player.used(use)
        else:
            self.stray = self.stray or use

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
