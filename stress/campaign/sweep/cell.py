"""Running one cell in a fresh process, alone on its host's cores; every end of it is a result.

`run_cell` needs nothing but the plan of that cell, so that it can be called on another host too.
"""

import time
from collections.abc import Callable
from typing import Any

import attrs

from stress.campaign.child import Child, failure
from stress.campaign.folder import encode, now
from stress.campaign.nursery import Source
from stress.campaign.pipes import Failed, Lost, read_message
from stress.campaign.sweep.messages import KINDS, CellTask, GoesOn, Job, Ran, Started
from stress.campaign.sweep.records import CRASHED, DONE, FAILED, HUNG, NO_MEMORY, CellResult, Plan
from stress.campaign.workers.pool import StoppedError
from stress.errors import HostError
from stress.machine.patience import Patience
from stress.runs.report import Report

CHILD = "stress.campaign.sweep.child"
COMPILE_SECONDS = 600.0
"""CPU time of its main thread, or sleep, after which a cell that has not started hangs."""
SILENT_SECONDS = 60.0
"""The same for a cell that has started, since it last said that it goes on."""
LONGEST_SILENCE_SECONDS = 3600.0
"""Without any word of a cell that gets no core."""


@attrs.define
class CellProcess:
    """A cell's process while it is listened to."""

    child: Child
    first_lookup_s: float | None = None
    said: Ran | Lost | Failed | None = None
    hung: str | None = None
    _patience: Patience = attrs.field(init=False)

    @_patience.default
    def _until_it_starts(self) -> Patience:
        return Patience(self.child.pid, COMPILE_SECONDS, LONGEST_SILENCE_SECONDS)

    def listen(self, interrupted: Callable[[], bool]) -> None:
        """Listen until it has ended; it is ended when it hangs, or when the sweep is interrupted."""
        self.hung = self.child.listen(self._take, interrupted, self._hangs)

    def _hangs(self) -> str | None:
        """Why it hangs, if it does."""
        return None if self.said else self._patience.spent()

    def _take(self, line: bytes) -> None:
        """Act on one message."""
        match read_message(line, KINDS):
            case Started(seconds):
                self.first_lookup_s = seconds
                self._patience = Patience(self.child.pid, SILENT_SECONDS, LONGEST_SILENCE_SECONDS)
            case GoesOn():
                self._patience.start_again()
            case message:
                self.said = message

    def how(self) -> tuple[str, Report | None]:
        """How it ended, and what there is to report if it is not complete."""
        words = self.child.last_words
        if self.hung:
            what = "it did not start" if self.first_lookup_s is None else "it sent nothing more"
            return HUNG, failure(f"the machine's process hung: {what} {self.hung}", words)
        match self.said:
            case Ran():
                return DONE, None
            case Lost(text, memory=True):
                return NO_MEMORY, failure("the machine's process was refused memory", text.splitlines())
            case Lost(text):
                return HUNG, failure(f"the machine's process hung: {text}", words)
            case Failed(text=text):
                return FAILED, failure("the cell failed", text.splitlines())
        death = self.child.death() or "the machine's process ended without a word"
        return (NO_MEMORY if self.child.died_for_memory else CRASHED), failure(death, words)


def needs_native(plan: Plan) -> bool:
    """Whether cells of a plan need the native engine."""
    return any(values.engine == "native" for values in plan.cells)


def run_cell(
    task: CellTask,
    nursery: Source,
    interrupted: Callable[[], bool] = lambda: False,
    tell: Callable[[str], None] = lambda text: None,
) -> CellResult:
    """Run a cell in a process from a nursery; `tell` gets messages about the nursery.

    Raises:
        StoppedError: when `interrupted` said so before it had ended.
    """
    began = time.monotonic()
    try:
        hatched = nursery.hatch(tell)
    except HostError as error:
        return result_of(task, NO_MEMORY, time.monotonic() - began, trouble=failure(str(error)))
    child = Child(hatched, encode(Job(task.plan, task.seed, time.monotonic_ns())))
    try:
        process = CellProcess(child)
        process.listen(interrupted)
    finally:
        child.close()
    run = process.said.run if isinstance(process.said, Ran) else None
    if interrupted() and (run is None or run["interrupted"]):
        raise StoppedError
    end, trouble = process.how()
    more = {"first_lookup_s": process.first_lookup_s, "run": run if end == DONE else None, "trouble": trouble}
    return result_of(task, end, time.monotonic() - began, **more)


def result_of(task: CellTask, end: str, seconds: float, **more: Any) -> CellResult:
    """The result of a cell after so many seconds; the caller adds the session and the worker."""
    known = {"first_lookup_s": None, "run": None, "trouble": None, **more}
    return CellResult(
        at=now(), session=0, number=task.number, repeat=task.repeat, seed=task.seed, end=end, seconds=seconds, **known
    )
