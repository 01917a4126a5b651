"""Event loops of the harness: where their coroutines wait, and how they are closed."""

import asyncio
import sys
from collections.abc import Callable, Iterator
from contextlib import suppress
from types import FrameType
from typing import Any

import attrs

from stress.host import threads
from stress.machine.gil import gil_enabled

CLOSE_SECONDS = 0.5
"""How long the tasks of a loop may take to end once they are cancelled, and then its asynchronous generators."""
JOIN_SECONDS = 3 * CLOSE_SECONDS
FAR_SECONDS = 0.3
"""A timer that goes off later than that is no part of a loop that looks again and again whether it may go on."""
LOCKS_TASKS = sys.version_info >= (3, 14) and not gil_enabled()
"""Whether each word of a task is locked while a step of it is under way."""


@attrs.define
class Timers:
    """The timers of another thread's event loop that were far off when they were looked at: they may end a wait.

    Behind the last of them the loop gets FAR_SECONDS to go on: the timer is gone before what it wakes has run. asyncio
    has no public list of them; a loop that keeps none under asyncio's name has none here.
    """

    loop: Callable[[], asyncio.AbstractEventLoop | None] = lambda: None
    _far: dict[int, asyncio.TimerHandle] = attrs.field(init=False, factory=dict)
    _until: float = attrs.field(init=False, default=0.0)
    _pending: bool = attrs.field(init=False, default=False)
    _first: set[int] | None = attrs.field(init=False, default=None)

    def look(self) -> None:
        """Look which ones are far off, so that they are known once they are close."""
        loop = self.loop()
        known = getattr(loop, "_scheduled", ())
        waiting = {id(one): one for one in list(known) if not one.cancelled()}
        now = loop.time() if loop else 0.0
        far = now + FAR_SECONDS
        self._far = {at: one for at, one in waiting.items() if one.when() > far or self._far.get(at) is one}
        self._until = far if self._far else self._until
        self._pending = now < self._until

    def pend(self) -> bool:
        """Look at them; whether one that was far off has still to go off, or has just done so."""
        self.look()
        self._first = set(self._far) if self._first is None else self._first & set(self._far)
        return self._pending

    @property
    def stand(self) -> bool:
        """Whether one that pended when it was first asked did so at the last look."""
        return bool(self._first)


def frames(coroutine: Any) -> Iterator[FrameType]:
    """The frames of a coroutine that waits, and of what it awaits, outermost first."""
    while coroutine is not None:
        frame = getattr(coroutine, "cr_frame", None) or getattr(coroutine, "gi_frame", None)
        if frame is None:
            return
        yield frame
        coroutine = getattr(coroutine, "cr_await", None) or getattr(coroutine, "gi_yieldfrom", None)


def tasks_of(loop: asyncio.AbstractEventLoop) -> set[asyncio.Task[Any]]:
    """The tasks of a loop of another thread; none if a step is under way, where it locks its task: it may never end."""
    if LOCKS_TASKS and asyncio.current_task(loop) is not None:
        return set()
    return asyncio.all_tasks(loop)


def unheard(loop: asyncio.AbstractEventLoop, context: dict[str, Any]) -> BaseException | None:
    """The exception that a loop reports since nobody waits for it; None for another message, which asyncio logs."""
    error = context.get("exception")
    if isinstance(error, BaseException):
        return error
    loop.default_exception_handler(context)
    return None


def close(loop: asyncio.AbstractEventLoop) -> bool:
    """Cancel the tasks of a loop that does not run, and close it. One that does not end in time is left behind.

    Whether it is closed.
    """
    if loop.is_closed() or loop.is_running():
        return loop.is_closed()
    # On a thread of its own: a task may run on for ever when it is cancelled.
    closes = threads.new_thread(_close, (loop,), "closes a loop")
    closes.start()
    closes.join(JOIN_SECONDS)
    return not closes.is_alive()


def _close(loop: asyncio.AbstractEventLoop) -> None:
    """Cancel, wait, close; what tasks raise meanwhile belongs to no operation."""
    loop.set_exception_handler(lambda loop, context: None)
    loop.set_task_factory(None)
    with suppress(BaseException):
        loop.run_until_complete(_end(asyncio.all_tasks(loop)))
    loop.close()


async def _end(tasks: set[asyncio.Task[Any]]) -> None:
    """Cancel tasks, and close the asynchronous generators, as `asyncio.run` does; but not for longer than a while.

    `asyncio.wait`, since a timeout around anything else waits on for tasks that take no cancellation.
    """
    for task in tasks:
        task.cancel()
    if tasks:
        await asyncio.wait(tasks, timeout=CLOSE_SECONDS)
    generators = asyncio.ensure_future(asyncio.get_running_loop().shutdown_asyncgens())
    await asyncio.wait([generators], timeout=CLOSE_SECONDS)
