"""The crew of a run: what carries the players of the CPUs. Here each has its own thread, which the machine started.

`TaskCrew` is the other one: all CPUs are tasks of one event loop.
"""

import threading
import traceback
from collections.abc import Callable, Hashable, Iterator, Sequence
from functools import partial
from typing import Any, ClassVar

import attrs

from stress.host import clocks
from stress.host.frames import current_frames
from stress.machine.loop import UNJUDGED
from stress.machine.machine import Machine
from stress.machine.seam import Cpu
from stress.marks.crews.async_bodies import LoopBody
from stress.marks.crews.blocked import Blocked
from stress.marks.crews.end_threads import end_followers, end_threads, join_all, withdraw
from stress.marks.crews.loops import LoopTimers
from stress.marks.crews.monitor import Monitor, OtherWork, other_threads
from stress.marks.crews.run_end import EndState, RunEnd
from stress.marks.crews.thread_look import ThreadLook
from stress.marks.crews.timers import Timeouts, Timers
from stress.marks.noise.last_switches import Switch
from stress.marks.noise.switches import KINDS, Kind
from stress.marks.noise.takers import Takers
from stress.marks.operations.positions import Position, frames_in_body, stack_in_body

END_THREADS_SECONDS = 1.0
SPARE_SECONDS = 0.001
"""Between two safepoints of a CPU that has no role: a stop holds it too."""
LEFT_BEHIND = "its thread is left behind"
THREAD_ENDED = "its thread was ended"


@attrs.frozen
class Left:
    """A CPU that has not ended its operation: who, its state, what it does, its stack as lines of a traceback.

    `seconds` is the time for which it was seen in the operation. `fate`: what has become of its thread or its task.
    """

    who: str
    state: EndState
    does: str
    seconds: float
    stack: tuple[str, ...]
    fate: str = LEFT_BEHIND


@attrs.define(eq=False)
class Crew:
    """The players of a run, each on a thread of its own.

    `kinds`: the kinds of noise for it. `outsiders`: one, and several, of what the code under test starts beside the
    players. `machine` has the threads; `power_off` ends it, and returns the threads that go on. `here.player` is the
    player that runs on the calling thread. `takers`: who was seen to take locks. `left`: the CPUs that did not end
    their operation. `deadlocks`: the CPUs that wait for each other's locks in circles. `still`: the CPUs whose threads
    go on after the run.
    """

    kinds: ClassVar[Sequence[Kind]] = KINDS
    outsiders: ClassVar[tuple[str, str]] = ("thread", "threads")
    machine: Machine
    power_off: Callable[[], list[threading.Thread]]
    here: threading.local
    takers: Takers
    players: list[Any] = attrs.field(init=False, factory=list)
    left: list[Left] = attrs.field(init=False, factory=list)
    deadlocks: set[tuple[int, ...]] = attrs.field(init=False, factory=set)
    still: set[int] = attrs.field(init=False, factory=set)

    def operation(self, cpu: Cpu) -> int:
        """Run a CPU's player in the context of the test, which has its warning filters, for example."""
        if cpu.number >= len(self.players):  # the roles have fewer CPUs than the item
            clocks.sleep(SPARE_SECONDS)
            return UNJUDGED
        self.here.player = player = self.players[cpu.number]
        return int(player.context.run(player.operation, cpu))

    def outsider(self) -> str:
        """Who runs on the calling thread, if that is no player."""
        return f"thread {threading.current_thread().name}"

    def hear(self, keep: Callable[[BaseException], None]) -> None:
        """Have `keep` take what tasks of the bodies' own loops raise and nobody waits for."""
        for _, body in self._loop_bodies():
            body.keep = keep

    def monitor(self) -> Monitor:
        """A monitor of the players' progress."""
        monitor = Monitor(self.players, ThreadLook(self.machine).sample, others=self.other_work())
        monitor.timers = Timers(self._timers(monitor))
        return monitor

    def _timers(self, monitor: Monitor) -> Callable[[], dict[Hashable, float]]:
        """The seconds that are left of all timers: of the calls that threads wait in, and of the bodies' own loops."""
        timeouts = Timeouts(self.players, self.machine.thread, monitor.is_still)
        of_loops = [LoopTimers(partial(body.loop, number)).left for number, body in self._loop_bodies()]
        sources = [timeouts.left, *of_loops]
        return lambda: {one: seconds for left in sources for one, seconds in left().items()}

    def other_work(self) -> OtherWork:
        """The work of all threads that are not the machine's, nor the calling one."""
        return OtherWork(lambda: other_threads(self.machine.native_ids))

    def positions(self, number: int | None = None) -> Iterator[Position]:
        """Where each CPU stands now, but for the one that asks."""
        for other in self.players:
            if other.cpu.number != number:
                yield Position(other.who, stack_in_body(self.machine.thread(other.cpu.number).ident))

    def describe(self, switch: Switch) -> str:
        """A switch for a report: the CPU, or that it is another thread, and the place."""
        return f"{self._named(switch.actor)} at {switch.place}"

    def _named(self, ident: int) -> str:
        """A thread for a report."""
        mine = (one for one in range(len(self.players)) if self.machine.thread(one).ident == ident)
        number = next(mine, None)
        return "another thread" if number is None else f"CPU {number}"

    def _last_taker(self, text: str) -> str:
        """Who was last seen to take a lock; empty if nobody was."""
        taker = self.takers.last(text)
        return f"; {self._named(taker.ident)} was last seen to take one of that name ({taker.place})" if taker else ""

    def leave(self, ending: RunEnd) -> None:
        """Report CPUs that do not end their operation. If power-off does not end one, it counts nothing any more."""
        threads = {number: self.machine.thread(number) for number in ending.left}
        blocked = Blocked.of_threads(threads, list(filter(ending.monitor.is_still, threads)), self._last_taker)
        left = {number: self._left(number, thread, ending, blocked) for number, thread in threads.items()}
        still = {number_of(thread) for thread in self.power_off()}
        for number in still:
            self.players[number] = self.players[number].left_behind()
        self._end({number: threads[number] for number in still}, blocked)
        fates = {number: LEFT_BEHIND if number in self.still else THREAD_ENDED for number in still}
        self.left = [attrs.evolve(left[number], fate=fates[number]) for number in sorted(still)]
        self.deadlocks = blocked.cycles()

    def _end(self, threads: dict[int, threading.Thread], blocked: Blocked) -> None:
        """End threads that power-off does not end, if that is possible."""
        asked = end_threads(threads, blocked)
        for number, body in self._loop_bodies():
            if number in threads:
                body.wake(number)
        join_all(asked, END_THREADS_SECONDS)
        if not all(thread.is_alive() for thread in asked):
            waiting = {number: thread for number, thread in threads.items() if thread not in asked}
            look = ThreadLook(self.machine)
            end_followers(waiting, lambda number: look.host_sample(number).ran, END_THREADS_SECONDS)
        withdraw(thread for thread in threads.values() if thread.is_alive())
        self.still = {number for number, thread in threads.items() if thread.is_alive()}

    def close(self) -> None:
        """Once the machine is off: close what the bodies ran on."""
        for _, body in self._loop_bodies():
            body.close(self.still)

    def _left(self, number: int, thread: threading.Thread, ending: RunEnd, blocked: Blocked) -> Left:
        """The report of a CPU that does not end its operation."""
        waits = number in blocked
        state = ending.state_of(number, in_a_cycle=number in blocked.cycle(number))
        does = blocked.describe(number) if waits else ending.monitor.doing(number).value
        stack = [line for one, body in self._loop_bodies() if one == number for line in body.stack(number)]
        if waits and stack:
            does = "waits in its event loop"
        seconds = ending.monitor.seconds(number)
        return Left(self.players[number].who, state, does, seconds, tuple(stack) or stack_of(thread))

    def _loop_bodies(self) -> Iterator[tuple[int, LoopBody]]:
        """The CPUs whose body is `async def`, by number."""
        bodies = ((player.cpu.number, player.role.body) for player in self.players)
        return ((number, body) for number, body in bodies if isinstance(body, LoopBody))


def number_of(thread: threading.Thread) -> int:
    """The number of the CPU that a thread of a machine plays."""
    return int(thread.name.removeprefix("cpu"))


def stack_of(thread: threading.Thread) -> tuple[str, ...]:
    """The stack of a thread in a body as lines, the outermost function first; all of it if it is in no body."""
    frame = current_frames().get(thread.ident or 0)
    if frame is None:
        return ()
    own = traceback.StackSummary.extract((one, one.f_lineno) for one in frames_in_body(frame)[::-1])
    return tuple(traceback.format_list(own or traceback.extract_stack(frame)))
