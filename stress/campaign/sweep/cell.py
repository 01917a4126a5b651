"""Running one cell in a fresh process, alone on its host's cores; whatever becomes of it is a result.

`run_cell` needs nothing but the plan of that cell, so that it can be called on another host too.
"""

import time
from collections.abc import Callable
from contextlib import AbstractContextManager
from typing import Any

import attrs
from attrs.validators import ge, in_, optional

from stress.campaign.child import Child
from stress.campaign.crews.crew import StoppedError
from stress.campaign.folder import encode
from stress.campaign.memory import died_for_memory, oom_kills
from stress.campaign.nursery import Source, borrowed
from stress.campaign.pipes import Failed, Lost, read_message
from stress.campaign.sweep.messages import KINDS, GoesOn, Job, Ran, Started
from stress.campaign.sweep.records import CRASHED, DONE, ENDS, FAILED, HUNG, NO_MEMORY, Plan
from stress.errors import HostError, UserError
from stress.machine.patience import Patience
from stress.runs.report import Report
from stress.safe_text import shown

CHILD = "stress.campaign.sweep.child"
POLL_SECONDS = 0.05
COMPILE_SECONDS = 600.0
"""CPU time of its main thread, or sleep, after which a cell that has not started hangs."""
SILENT_SECONDS = 60.0
"""The same for a cell that has started, since it last said that it goes on."""
LONGEST_SILENCE_SECONDS = 3600.0
"""Without any word of a cell that gets no core."""


@attrs.frozen(kw_only=True)
class Came:
    """What became of a cell's process: how it ended, what it counted, or why it did not, and how long it took."""

    end: str = attrs.field(validator=in_(ENDS))
    seconds: float = attrs.field(validator=ge(0.0))
    first_lookup_s: float | None = attrs.field(default=None, validator=optional(ge(0.0)))
    run: dict[str, Any] | None = None
    trouble: Report | None = None

    def __attrs_post_init__(self) -> None:
        """Raise ValueError unless there is a run, or else why there is none."""
        if not (self.end == DONE) == (self.run is not None) == (self.trouble is None):
            raise ValueError(f"{self.end} does not go with what came of it")


@attrs.define
class CellProcess:
    """A cell's process while it is listened to."""

    child: Child
    kills: int = attrs.field(factory=oom_kills)
    first_lookup_s: float | None = None
    said: Ran | Lost | Failed | None = None
    hung: str | None = None
    _patience: Patience = attrs.field(init=False)

    @_patience.default
    def _until_it_starts(self) -> Patience:
        return Patience(self.child.pid, COMPILE_SECONDS, LONGEST_SILENCE_SECONDS)

    def listen(self, interrupted: Callable[[], bool]) -> None:
        """Hear what it says until it has ended; it is ended when it hangs, or when the sweep is interrupted."""
        while not self.child.ended:
            for line in self.child.poll(POLL_SECONDS):
                self._take(heard(line))
            if self.said is None and (why := self._patience.spent()):
                self.hung = self.hung or why
                self.child.kill()
            if interrupted():
                self.child.stop()

    def _take(self, message: Started | GoesOn | Ran | Lost | Failed) -> None:
        """Act on one message."""
        match message:
            case Started(seconds):
                self.first_lookup_s = seconds
                self._patience = Patience(self.child.pid, SILENT_SECONDS, LONGEST_SILENCE_SECONDS)
            case GoesOn():
                self._patience.start_again()
            case _:
                self.said = message

    def how(self) -> tuple[str, Report | None]:
        """How it ended, and what there is to tell if it did not come to its end."""
        words = list(self.child.last_words)
        if self.hung:
            what = "it did not start" if self.first_lookup_s is None else "nothing more was told"
            return HUNG, told(f"the machine's process hung: {what} {self.hung}", words)
        match self.said:
            case Ran():
                return DONE, None
            case Lost(text, memory=True):
                return NO_MEMORY, told("the machine's process was refused memory", text.splitlines())
            case Lost(text):
                return HUNG, told(f"the machine's process hung: {text}", words)
            case Failed(text=text):
                return FAILED, told("the cell failed", text.splitlines())
        death = self.child.death() or "the machine's process ended without a word"
        return (NO_MEMORY if died_for_memory(death, words, self.kills) else CRASHED), told(death, words)


def heard(line: bytes) -> Started | GoesOn | Ran | Lost | Failed:
    """What the process says; a line that is no message, as one with half a character in it, is its failure."""
    try:
        message: Started | GoesOn | Ran | Lost | Failed = read_message(line, KINDS)
        return message
    except (UserError, ValueError, LookupError, TypeError, RecursionError) as error:
        return Failed(False, f"it said what cannot be read: {shown(error)}: {shown(line)}")


def told(reason: str, words: list[str]) -> Report:
    """Why there is no run, and the last words of the process."""
    return Report((f"FAILED: {reason}", *words), {"reason": reason, "last_words": words})


def cells_nursery(plan: Plan) -> AbstractContextManager[Source]:
    """Where the processes of a plan's cells come from."""
    return borrowed(CHILD, any(values.engine == "native" for values in plan.cells))


def run_cell(
    plan: Plan,
    seed: int,
    nursery: Source,
    interrupted: Callable[[], bool] = lambda: False,
    tell: Callable[[str], None] = lambda text: None,
) -> Came:
    """Run the cell of a plan that has no other, in a process from a nursery; what goes on with that is told.

    Raises:
        StoppedError: when `interrupted` said so before it had ended.
    """
    began = time.monotonic()
    try:
        hatched = nursery.hatch(tell)
    except HostError as error:
        return Came(end=NO_MEMORY, seconds=time.monotonic() - began, trouble=told(str(error), []))
    child = Child(hatched, encode(Job(plan, seed, time.monotonic_ns())))
    try:
        process = CellProcess(child)
        process.listen(interrupted)
    finally:
        child.close()
    if interrupted() and not (isinstance(process.said, Ran) and not process.said.run["interrupted"]):
        raise StoppedError
    end, trouble = process.how()
    run = process.said.run if isinstance(process.said, Ran) and end == DONE else None
    seconds = time.monotonic() - began
    return Came(end=end, seconds=seconds, first_lookup_s=process.first_lookup_s, run=run, trouble=trouble)
