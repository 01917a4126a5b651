"""A crew of tasks: all CPUs are tasks of one event loop, which runs on the thread of CPU 0. The other threads rest."""

import asyncio
import threading
import traceback
from collections.abc import Callable, Iterator, Sequence
from contextlib import suppress
from types import FrameType
from typing import Any, ClassVar, cast
from weakref import WeakSet, ref

import attrs

from stress.host import clocks
from stress.machine.loop import UNJUDGED
from stress.machine.seam import Cpu
from stress.marks.bodies import EndThread
from stress.marks.crews import loops
from stress.marks.crews.blocked import Blocked
from stress.marks.crews.crew import Crew, Left, stack_of
from stress.marks.crews.loops import LoopTimers, frames
from stress.marks.crews.monitor import STILL_SECONDS, Activity, Monitor, ThreadSample
from stress.marks.crews.run_end import RunEnd
from stress.marks.crews.task_steps import AwaitNoise, Stepping, Steps
from stress.marks.crews.timers import Timers
from stress.marks.noise.code_under_test import PACKAGE, is_within
from stress.marks.noise.last_switches import Switch
from stress.marks.noise.switches import TASK_KINDS, Kind
from stress.marks.noise.turns import Turns
from stress.marks.operations.positions import Position

TURN_SECONDS = 0.002
"""How long the loop runs between two safepoints of its thread."""
REST_SECONDS = 0.005
STARVED_PART = 0.1
MOST_TRIES = 1000
CANCELLED = "its task was cancelled"
GOES_ON = "its task was cancelled and goes on; it is left behind"
HOST = 0
"""The CPU whose thread runs the loop."""


@attrs.define(eq=False)
class TaskCrew(Crew):
    """The players of a run as tasks of one event loop.

    `noise` delays steps of tasks. `strays` keeps an exception of a task or a callback that nobody waits for.
    """

    kinds: ClassVar[Sequence[Kind]] = TASK_KINDS
    outsiders: ClassVar[tuple[str, str]] = ("thread or task", "threads or tasks")
    noise: AwaitNoise
    strays: Callable[[BaseException], None]
    _stepping: Stepping = attrs.field(init=False)
    _loop: asyncio.AbstractEventLoop | None = attrs.field(init=False, default=None)
    _tasks: list[asyncio.Task[Any]] = attrs.field(init=False, factory=list)
    _steps: list[Steps] = attrs.field(init=False, factory=list)
    _made: WeakSet[Steps] = attrs.field(init=False, factory=WeakSet)
    _unended: list[int] = attrs.field(init=False, factory=list)
    _failed: asyncio.Task[Any] | None = attrs.field(init=False, default=None)

    def __attrs_post_init__(self) -> None:
        self._stepping = Stepping(self.noise, self.here)

    def operation(self, cpu: Cpu) -> int:
        """Run the loop for a short time on the thread of its CPU; let any other thread rest."""
        if cpu.number != HOST:
            clocks.sleep(REST_SECONDS)
            return UNJUDGED
        self._loop = loop = self._loop or self._start(cpu)
        # Made here, past the loop's factory: the harness's own task takes no noise.
        turn = asyncio.Task(asyncio.sleep(TURN_SECONDS), loop=loop)
        try:
            loop.run_until_complete(turn)
        except BaseException as error:  # a task that the code under test made ended the loop, as `sys.exit` does
            turn.cancel()
            if not isinstance(error, EndThread):
                self.strays(error)
        return UNJUDGED

    def _start(self, cpu: Cpu) -> asyncio.AbstractEventLoop:
        """A loop with the tasks of all players."""
        loop = asyncio.new_event_loop()
        loop.set_task_factory(self._task)
        loop.set_exception_handler(self._unheard)
        for player in self.players:
            player.cpu.machine, player.overlaps = cpu, self.players[0].overlaps
            player.turns = Turns(self.noise.random, self.noise.noise.counts)
            self.here.player = player
            self._tasks.append(loop.create_task(player.play(), context=player.context))
            self._steps.append(cast(Steps, self._tasks[-1].get_coro()))
        self.here.player = None
        return loop

    def _task(self, loop: asyncio.AbstractEventLoop, coroutine: Any, **given: Any) -> asyncio.Task[Any]:
        """A task whose steps take noise. The task that a body makes belongs to the body's CPU."""
        steps = Steps(coroutine, getattr(self.here, "player", None), self._stepping)
        task: asyncio.Task[Any] = asyncio.Task(steps, loop=loop, **given)
        steps.name, steps.task = task.get_name(), ref(task)
        self._made.add(steps)
        return task

    def _unheard(self, loop: asyncio.AbstractEventLoop, context: dict[str, Any]) -> None:
        """Keep an exception that nobody waits for."""
        task = context.get("future")
        if error := loops.unheard(loop, context):
            self._failed = task if isinstance(task, asyncio.Task) else None
            self.strays(error)
            self._failed = None

    def outsider(self) -> str:
        """Who runs on the calling thread, if that is no player: the loop itself, or a task that a body has made."""
        if threading.current_thread() is not self.machine.thread(HOST):
            return super().outsider()
        steps = self._failed.get_coro() if self._failed else None
        if self._failed is None or not isinstance(steps, Steps) or steps.player is None:
            return "the event loop"
        return f"task {self._failed.get_name()}, made by {steps.player.who}"

    def monitor(self) -> Monitor:
        """A monitor of the players' progress: the thread's CPU time is that of the task whose step is under way."""
        timers = Timers(LoopTimers(lambda: self._loop).left)
        return Monitor(self.players, TaskLook(self).sample, others=self.other_work(), timers=timers)

    def host_sample(self) -> ThreadSample:
        """What Linux says about the thread that runs the loop."""
        return ThreadSample.at(self.machine.native_id(HOST))

    def stepping(self) -> int | None:
        """The CPU whose body, or whose body's task, has a step under way."""
        now = self._stepping.now
        return None if now is None or now.player is None else now.player.cpu.number

    def positions(self, number: int | None = None) -> Iterator[Position]:
        """Where each task waits now, but for the one that asks."""
        for other in self.players:
            if other.cpu.number != number:
                stack = [(frame.f_code, frame.f_lasti) for frame in self._frames(other.cpu.number)]
                yield Position(other.who, tuple(stack))

    def describe(self, switch: Switch) -> str:
        """A switch for a report, at an await of a CPU or at a line of a thread, and the place."""
        if switch.actor in range(len(self.players)):
            return f"CPU {switch.actor} at {switch.place}"
        is_host = switch.actor == self.machine.thread(HOST).ident
        return f"{'the thread of the event loop' if is_host else 'another thread'} at {switch.place}"

    def leave(self, ending: RunEnd) -> None:
        """Report CPUs that do not end their operation, and cancel their tasks."""
        waiting = [number for number in ending.left if ending.monitor.is_still(number) or self._stands(number, ending)]
        blocked = Blocked({number: self._frames(number) for number in waiting})
        self._unended = [number for number in ending.left if self.players[number].operations] or ending.left
        self.left = [self._told(number, ending, blocked) for number in self._unended]
        self.deadlocks = blocked.cycles()
        threads = {HOST: self.machine.thread(HOST)}
        if any(thread is threads[HOST] for thread in self.power_off()):
            self._end(threads, Blocked({}))
        if HOST in self.still:
            self.players = [player.left_behind() for player in self.players]

    def _stands(self, number: int, ending: RunEnd) -> bool:
        """Whether a task waits for a future that nobody has set, however rarely the loop gets a core."""
        future, now = self._steps[number].waits_for if number < len(self._steps) else None, self._stepping.now
        if now and now.task and now.task() is future:  # it waits for a task that runs on
            return False
        return asyncio.isfuture(future) and not future.done() and ending.monitor.seconds(number) >= STILL_SECONDS

    def _told(self, number: int, ending: RunEnd, blocked: Blocked) -> Left:
        """The report of a CPU that does not end its operation."""
        state = ending.state_of(number, in_a_cycle=number in blocked.cycle(number))
        runs, who, seconds = self.stepping(), self.players[number].who, ending.monitor.seconds(number)
        doing = ending.monitor.doing(number)
        if runs == number:
            keeps = "" if doing is Activity.RUNS else " and does not give the event loop back"
            return Left(who, state, f"{doing.value}{keeps}", seconds, stack_of(self.machine.thread(HOST)))
        does = blocked.describe(number) if number in blocked else doing.value
        if runs is not None and ending.monitor.doing(runs) is not Activity.STARVES:
            keeps = f"on which CPU {runs} runs on"
            if ending.monitor.doing(runs) is Activity.WAITS:
                keeps = f"which CPU {runs} does not give back"
            does = f"waits for the event loop, {keeps}"
        return Left(who, state, does, seconds, tuple(self._stack(number)))

    def _stack(self, number: int) -> Iterator[str]:
        """Where a CPU's task stands, as lines of a traceback, and the tasks that its body made."""
        yield from _lines(self._frames(number))
        for steps in self._of_bodies():
            stack = list(frames(steps.coroutine))[::-1]
            if steps.player is self.players[number] and stack:
                yield f"  its task {steps.name}:\n"
                yield from _lines(stack)

    def _of_bodies(self) -> list[Steps]:
        """The tasks that bodies have made; the thread of the loop may make more meanwhile."""
        for _ in range(MOST_TRIES):
            with suppress(RuntimeError):  # the set has changed while it was read
                return [steps for steps in self._made if steps not in self._steps]
        return []

    def _frames(self, number: int) -> list[FrameType]:
        """The frames of a CPU's operation, innermost first; none between two operations."""
        if number >= len(self._steps) or not self.players[number].is_inside:
            return []
        found = list(frames(self._steps[number]))[::-1]
        return [frame for frame in found if not is_within(frame.f_code.co_filename, PACKAGE)]

    def close(self) -> None:
        """Once the machine is off: cancel all tasks and close the loop, if its thread has ended; tell who goes on."""
        for player in self.players:
            player.is_cancelled = True
        is_over = HOST not in self.still and (self._loop is None or loops.close(self._loop))
        ended = [task.done() for task in self._tasks] or [True] * len(self.players)  # no task: a run cut short at once
        fates = [CANCELLED if is_over and ended[number] else GOES_ON for number in self._unended]
        self.left = [attrs.evolve(left, fate=fate) for left, fate in zip(self.left, fates, strict=True)]


@attrs.define
class Share:
    """What a task has had of its thread: `ran`, in seconds of CPU time, when its thread had `host` of it, at `at`."""

    host: float
    at: float
    ran: float = 0.0


@attrs.define
class TaskLook:
    """Looks at tasks as a monitor looks at threads.

    A task runs while a step of it is under way. It wants a core if its step gets none, or if the loop itself gets none.
    One look at the thread serves all tasks, since each may wait long for a GIL that a task keeps.
    """

    crew: TaskCrew
    _host: ThreadSample = attrs.field(init=False, factory=ThreadSample)
    _at: float = attrs.field(init=False, default=0.0)
    _stepping: int | None = attrs.field(init=False, default=None)
    _seen: set[int] = attrs.field(init=False, factory=set)
    _shares: dict[int, Share] = attrs.field(init=False, factory=dict)

    def sample(self, number: int) -> ThreadSample:
        """The state of the task of CPU `number` since it was last looked at."""
        self._look(number)
        share = self._shares.setdefault(number, Share(self._host.ran, self._at))
        used, elapsed = self._host.ran - share.host, self._at - share.at
        share.host, share.at = self._host.ran, self._at
        share.ran += used if self._stepping == number else 0.0
        loop_starves = self._stepping is None and used < STARVED_PART * elapsed
        return ThreadSample(share.ran, self._host.ready and (self._stepping == number or loop_starves))

    def _look(self, number: int) -> None:
        """Look at the thread, if a task has seen the last look already."""
        if not self._seen or number in self._seen:
            self._seen.clear()
            self._host, self._at, self._stepping = self.crew.host_sample(), clocks.monotonic(), self.crew.stepping()
        self._seen.add(number)


def _lines(found: Sequence[FrameType]) -> list[str]:
    """Frames, innermost first, as lines of a traceback."""
    return traceback.format_list(traceback.StackSummary.extract((one, one.f_lineno) for one in found[::-1]))
