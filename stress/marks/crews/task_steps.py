"""The steps of the tasks of one event loop: whose they are, and noise where an await ends.

A step runs from the end of one await to the next await that really waits. So noise comes only where other tasks may run
anyway: an await that does not wait, as of a lock that is free, lets none run in asyncio, and none here.
"""

import asyncio
import threading
from collections.abc import Coroutine, Generator
from random import Random
from typing import Any
from weakref import ref

import attrs

from stress.marks.bodies import calls_bodies
from stress.marks.crews.loops import frames
from stress.marks.crews.task_player import TaskPlayer
from stress.marks.noise.noise import Noise
from stress.marks.noise.switches import AT_AWAITS, IN_TASKS


@attrs.define
class AwaitNoise:
    """Draws the noise at awaits, and notes it in what the cell's noise did. Only the loop's thread uses it.

    `random` draws for the turns of all tasks too: their order alone decides which draw is whose.
    """

    noise: Noise
    random: Random

    def __attrs_post_init__(self) -> None:
        self.noise.counts.where = IN_TASKS

    def row(self, player: TaskPlayer, coroutine: Any) -> int:
        """For how many rounds of the loop a step of a player's operation waits now."""
        yields = AT_AWAITS.get(player.kind)
        if yields is None or self.random.randrange(yields.period):
            return 0
        own = [frame for frame in frames(coroutine) if self.noise.has(frame.f_code.co_filename)]
        if not own:
            return 0
        code = own[-1].f_code
        self.noise.counts.note(player.cpu.number, code, own[-1].f_lineno, is_line=True)
        return yields.row(self.random)


@attrs.define(eq=False)
class Stepping:
    """What a loop does now: the steps under way, None between two of them. `here.player` is their player meanwhile."""

    noise: AwaitNoise
    here: threading.local
    now: "Steps | None" = None


class Steps(Coroutine[Any, Any, Any]):
    """The coroutine of a task, step by step. `player` is the CPU whose body it is, or whose body made the task.

    `waits_for` is the future that it awaits, None in a step. Another thread asks it and not the task: without a GIL,
    from 3.14 on, each word of a task is locked while a step of it is under way, and a step may never end.
    """

    name = ""
    task: "ref[asyncio.Task[Any]] | None" = None
    waits_for: Any = None

    def __init__(self, coroutine: Any, player: TaskPlayer | None, stepping: Stepping) -> None:
        """No step yet."""
        self.coroutine, self.player = coroutine, player
        self._stepping, self._row = stepping, 0
        self._error: tuple[Any, ...] = ()

    def send(self, value: Any) -> Any:
        """The next step, or a turn of all other tasks instead."""
        if self._waits():
            return None
        error, self._error = self._error, ()
        return self._step(self.coroutine.throw, *error) if error else self._step(self.coroutine.send, value)

    def throw(self, *error: Any) -> Any:
        """A step that begins with an exception, as the end of an await that failed or was cancelled.

        One that comes in a row takes the place of the one before: asyncio cancels like this a task that is to step.
        """
        self._error = error
        return self.send(None)

    def _waits(self) -> bool:
        """Whether all other tasks have a turn now; none has once the run is over."""
        if self.player is None or self.player.is_cancelled:
            self._row = 0
        elif self._row:
            self._row -= 1
        else:
            self._row = self._stepping.noise.row(self.player, self.coroutine)
        return self._row > 0

    def close(self) -> None:
        """Close the coroutine."""
        self.coroutine.close()

    @calls_bodies
    def _step(self, go_on: Any, *given: Any) -> Any:
        """One step."""
        stepping, before = self._stepping, self._stepping.now
        stepping.now, stepping.here.player = self, self.player
        self.waits_for = None
        try:
            self.waits_for = go_on(*given)
            return self.waits_for
        finally:
            stepping.now = before
            stepping.here.player = before.player if before else None

    def __await__(self) -> Generator[Any, Any, Any]:
        """What the coroutine itself has."""
        waiting: Generator[Any, Any, Any] = self.coroutine.__await__()
        return waiting

    def __getattr__(self, name: str) -> Any:
        """Whatever else a coroutine has, as its frame and its name."""
        return getattr(self.coroutine, name)
