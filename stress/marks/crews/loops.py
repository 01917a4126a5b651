"""Event loops of the harness: where their coroutines wait, and how they are closed."""

import asyncio
import sys
from collections.abc import Callable, Hashable, Iterator
from contextlib import suppress
from types import FrameType
from typing import Any

import attrs

from stress.host import threads
from stress.machine.gil import gil_enabled

CLOSE_SECONDS = 0.5
"""How long the tasks of a loop may take to end once they are cancelled, and then its asynchronous generators."""
JOIN_SECONDS = 3 * CLOSE_SECONDS
LOCKS_TASKS = sys.version_info >= (3, 14) and not gil_enabled()
"""Whether each word of a task is locked while a step of it is under way."""


@attrs.define
class LoopTimers:
    """The timers of another thread's event loop.

    asyncio has no public list of them; a loop that keeps none under asyncio's name has none here.
    """

    loop: Callable[[], asyncio.AbstractEventLoop | None]
    _known: list[asyncio.TimerHandle] = attrs.field(init=False, factory=list)

    def left(self) -> dict[Hashable, float]:
        """The seconds until each goes off, by its identity, which no other one can have before the next look."""
        loop = self.loop()
        self._known = [one for one in list(getattr(loop, "_scheduled", ())) if not one.cancelled()]
        now = loop.time() if loop else 0.0
        return {id(one): one.when() - now for one in self._known}


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
