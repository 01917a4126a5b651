"""Running one cell in a fresh process, alone on its host's cores; whatever becomes of it is a result.

`run_cell` needs nothing but the plan of that cell, so that it can be called on another host too.
"""

import time
from collections.abc import Callable
from contextlib import AbstractContextManager
from pathlib import Path
from typing import Any

import attrs
from attrs.validators import ge, in_, optional

from stress.campaign.child import Child
from stress.campaign.crews.crew import StoppedError
from stress.campaign.folder import encode
from stress.campaign.nursery import Source, borrowed
from stress.campaign.pipes import Failed, read_message
from stress.campaign.sweep.messages import KINDS, Job, NoMemory, Ran, Started
from stress.campaign.sweep.plan import config_of
from stress.campaign.sweep.records import CRASHED, DONE, ENDS, FAILED, HUNG, NO_MEMORY, Plan
from stress.corpus.untrusted import shown
from stress.errors import UserError
from stress.report.told import Told
from stress.runner import settle

CHILD = "stress.campaign.sweep.child"
POLL_SECONDS = 0.05
COMPILE_SECONDS = 600.0
SPARE_SECONDS = 60.0


@attrs.frozen(kw_only=True)
class Came:
    """What became of a cell's process: how it ended, what it counted, or why it did not, and how long it took."""

    end: str = attrs.field(validator=in_(ENDS))
    seconds: float = attrs.field(validator=ge(0.0))
    first_lookup_s: float | None = attrs.field(default=None, validator=optional(ge(0.0)))
    run: dict[str, Any] | None = None
    trouble: Told | None = None

    def __attrs_post_init__(self) -> None:
        """Raise ValueError unless there is a run, or else why there is none."""
        if not (self.end == DONE) == (self.run is not None) == (self.trouble is None):
            raise ValueError(f"{self.end} does not go with what came of it")


def longest_seconds(plan: Plan) -> float:
    """How long the cell of a plan may take once it has started: twice its time and a stall, and a busy host."""
    stall = settle(config_of(plan, 0)).stall_after_s
    return 2 * (plan.duration_s + stall) + SPARE_SECONDS


def oom_kills() -> int:
    """How many processes this host has killed for want of memory; 0 where it does not say."""
    try:
        facts = dict(line.split() for line in Path("/proc/vmstat").read_text().splitlines())
    except (OSError, ValueError):
        return 0
    return int(facts.get("oom_kill", 0))


@attrs.define
class CellProcess:
    """A cell's process while it is listened to."""

    child: Child
    deadline: float
    longest: float
    kills: int = attrs.field(factory=oom_kills)
    first_lookup_s: float | None = None
    said: Ran | NoMemory | Failed | None = None
    hung: bool = False

    def listen(self, interrupted: Callable[[], bool]) -> None:
        """Hear what it says until it has ended; it is ended when its time is up, or when the sweep is interrupted."""
        while not self.child.ended:
            for line in self.child.poll(POLL_SECONDS):
                self._take(heard(line))
            self.hung = self.hung or (self.said is None and time.monotonic() > self.deadline)
            if self.hung or interrupted():
                self.child.stop()

    def _take(self, message: Started | Ran | NoMemory | Failed) -> None:
        """Act on one message."""
        if isinstance(message, Started):
            self.first_lookup_s = message.seconds
            self.deadline = time.monotonic() + self.longest
        else:
            self.said = message

    def how(self) -> tuple[str, Told | None]:
        """How it ended, and what there is to tell if it did not come to its end."""
        words = list(self.child.last_words)
        if self.hung:
            when = "nothing was told for" if self.first_lookup_s is None else "it went on for"
            waited = COMPILE_SECONDS if self.first_lookup_s is None else self.longest
            return HUNG, told(f"the machine's process hung: {when} {waited:.0f} s", words)
        match self.said:
            case Ran():
                return DONE, None
            case NoMemory(text):
                return NO_MEMORY, told("the machine's process was refused memory", text.splitlines())
            case Failed(text=text):
                return FAILED, told("the cell failed", text.splitlines())
        death = self.child.death() or "the machine's process ended without a word"
        killed = oom_kills() > self.kills and "SIGKILL" in death
        return (NO_MEMORY if killed else CRASHED), told(death, words)


def heard(line: bytes) -> Started | Ran | NoMemory | Failed:
    """What the process says; a line that is no message, as one with half a character in it, is its failure."""
    try:
        message: Started | Ran | NoMemory | Failed = read_message(line, KINDS)
        return message
    except (UserError, ValueError, LookupError, TypeError, RecursionError) as error:
        return Failed(False, f"it said what cannot be read: {shown(error)}: {shown(line)}")


def told(reason: str, words: list[str]) -> Told:
    """Why there is no run, and the last words of the process."""
    return Told((f"FAILED: {reason}", *words), {"reason": reason, "last_words": words})


def cells_nursery(plan: Plan) -> AbstractContextManager[Source]:
    """Where the processes of a plan's cells come from."""
    return borrowed(CHILD, any(values.engine == "native" for values in plan.cells))


def run_cell(plan: Plan, seed: int, nursery: Source, interrupted: Callable[[], bool] = lambda: False) -> Came:
    """Run the cell of a plan that has no other, in a process from a nursery.

    Raises:
        StoppedError: when `interrupted` said so before it had ended.
    """
    began = time.monotonic()
    child = Child(nursery.hatch(), encode(Job(plan, seed, time.monotonic_ns())))
    try:
        process = CellProcess(child, began + COMPILE_SECONDS, longest_seconds(plan))
        process.listen(interrupted)
    finally:
        child.close()
    if interrupted() and not (isinstance(process.said, Ran) and not process.said.run["interrupted"]):
        raise StoppedError
    end, trouble = process.how()
    run = process.said.run if isinstance(process.said, Ran) and end == DONE else None
    seconds = time.monotonic() - began
    return Came(end=end, seconds=seconds, first_lookup_s=process.first_lookup_s, run=run, trouble=trouble)
