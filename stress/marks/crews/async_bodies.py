"""Bodies that are `async def`: each CPU runs them on an event loop of its own, on its own thread."""

import asyncio
import traceback
from collections.abc import Callable, Coroutine
from contextlib import suppress
from functools import update_wrapper
from typing import Any

from stress.marks.bodies import calls_bodies
from stress.marks.crews import loops
from stress.marks.crews.loops import frames


class LoopBody:
    """An async body as a plain one. A CPU's loop is made at its first call, on its thread, and kept for the run."""

    def __init__(self, body: Callable[..., Coroutine[Any, Any, Any]]) -> None:
        """No CPU has called it."""
        self._body = body
        self._runners: dict[int, asyncio.Runner] = {}  # each CPU stores its own, and the test's thread reads at the end
        self.keep: Callable[[BaseException], object] = id
        """Takes an exception of a task, or a callback, that nobody waits for."""
        update_wrapper(self, body)

    @calls_bodies
    def __call__(self, cpu: Any, *given: Any) -> Any:
        """Run the body once, to its end, on the calling CPU's loop."""
        runner = self._runners.get(cpu.number)
        if runner is None:
            runner = self._runners.setdefault(cpu.number, asyncio.Runner())
            runner.get_loop().set_exception_handler(self._unheard)
        return runner.run(self._body(cpu, *given))

    def _unheard(self, loop: asyncio.AbstractEventLoop, context: dict[str, Any]) -> None:
        """Keep an exception that nobody waits for."""
        if error := loops.unheard(loop, context):
            self.keep(error)

    def close(self, left: set[int]) -> None:
        """Close the loops, but those of the CPUs `left`, which are still in their operation."""
        for number, runner in self._runners.items():
            if number not in left:
                loops.close(runner.get_loop())

    def loop(self, number: int) -> asyncio.AbstractEventLoop | None:
        """The loop of a CPU; None before its first call."""
        runner = self._runners.get(number)
        return runner and runner.get_loop()

    def wake(self, number: int) -> None:
        """Let the loop of a CPU that waits take what was raised in its thread."""
        if number in self._runners:
            with suppress(RuntimeError):  # it is closed
                self._runners[number].get_loop().call_soon_threadsafe(bool)

    def stack(self, number: int) -> tuple[str, ...]:
        """Where each task of a CPU's loop waits, as lines of a traceback, the outermost function first."""
        runner = self._runners.get(number)
        tasks = loops.tasks_of(runner.get_loop()) if runner else set()
        return tuple(line for task in tasks for line in (f"  task {task.get_name()}:\n", *_lines(task.get_coro())))


def _lines(coroutine: Any) -> list[str]:
    """The functions that a coroutine waits in."""
    return traceback.format_list(traceback.StackSummary.extract((one, one.f_lineno) for one in frames(coroutine)))
