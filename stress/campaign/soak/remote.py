"""What workers do for a soak: one turn of one scenario at a time, in a process of its own, on the worker's cores."""

from collections.abc import Iterator

import attrs
from attrs.validators import ge, optional

from stress.campaign.child import Child, failure
from stress.campaign.folder import encode
from stress.campaign.nursery import Source, close_idle, having_processes
from stress.campaign.pipes import Failed, Lost, read_message
from stress.campaign.records import changed
from stress.campaign.soak.base import memory_of
from stress.campaign.soak.messages import KINDS, Job, Turn
from stress.campaign.soak.plan import session
from stress.campaign.soak.records import HARNESS_FAILED, Plan, Standing
from stress.campaign.soak.turns import slices_of
from stress.campaign.workers.envelope import LostError, pack, record_from, unpack
from stress.campaign.workers.pool import Interrupted, Note, Returned, Service, StoppedError
from stress.errors import HostError, UserError
from stress.machine.patience import Patience
from stress.runs.conditions import Conditions, StealMeter
from stress.runs.report import Report
from stress.runs.settled import settle
from stress.safe_text import shown

CHILD = "stress.campaign.soak.child"
SOAK = "the soak"
COMPILE_SECONDS = 600.0
"""CPU time that the main thread of a machine's process may use in a turn: it compiles, and does little else."""
LONGEST_TURN_SECONDS = 3600.0
"""How much longer than its time a turn may take on a host that gives it no core."""


@attrs.frozen
class TurnTask:
    """What a worker is to do: turns of the only scenario of a plan, with the plan's seed, for `seconds` in all."""

    plan: Plan
    seconds: float


@attrs.frozen
class TurnResult:
    """The result of a turn: the scenario's counts of this turn alone, its violations, or why it failed.

    `conditions` are those of the worker, `memory_bytes` the resident memory of the machine's process at the end.
    """

    conditions: Conditions
    turn: Turn | None
    failure: Report | None
    memory_bytes: int | None = attrs.field(validator=optional(ge(0)))


def service_of(plan: Plan) -> Service:
    """What workers do for a soak of a plan."""
    return Service(pack(plan), objections, work, close_idle)


def objections(text: str) -> Iterator[str]:
    """How what there is here differs from what the plan was made from; each names both."""
    plan: Plan = unpack(text, Plan, SOAK)
    yield from changed(plan.scenarios, plan.sources_digest, [(plan.corpus, plan.corpus_digest)])
    try:
        settle(plan.config())
    except UserError as error:  # no llvmlite, or no GIL
        yield str(error)


def work(text: str, given_up: Interrupted, note: Note) -> str:
    """Play a turn; its result.

    Raises:
        UserError: for a task that cannot be read, or that cannot be played here.
        HarnessError: when the machine's process could not be started.
        HostError: when its turn is lost: it could not be ended, or for want of memory.
        StoppedError: when nobody waits for it any more.
    """
    task: TurnTask = unpack(text, TurnTask, SOAK)
    with having_processes(CHILD, task.plan.engine == "native", None, given_up, note) as nursery:
        return pack(play(task, nursery, given_up, note))


def result_from(returned: Returned, scenario: str) -> TurnResult:
    """The result of a turn; LostError if its worker sent none, or one of another scenario."""
    played: TurnResult = record_from(returned, TurnResult)
    if played.turn is None and played.failure is None:
        raise LostError("its result has no turn")
    if played.turn and (other := played.turn.standing.scenario) != scenario:
        raise LostError(f"it returned a turn of {shown(other)}, not of {shown(scenario)}")
    return played


@attrs.define
class TurnProcess:
    """The machine's process while it plays a turn, and what it has said."""

    child: Child
    patience: Patience
    turn: Turn | None = None
    failure: Report | None = None
    memory_bytes: int | None = None
    hung: str | None = None

    def listen(self, given_up: Interrupted) -> None:
        """Listen until it has ended; HostError when it says that its turn is lost."""
        self.hung = self.child.listen(self._take, given_up, self._look)

    def _look(self) -> str | None:
        """See how much memory it has; why it hangs, if it does."""
        self.memory_bytes = memory_of(self.child.pid) or self.memory_bytes
        return self.patience.spent()

    def _take(self, line: bytes) -> None:
        """Keep what is to be known in the end: standings grow from one turn to the next, reports are new ones."""
        match read_message(line, KINDS):
            case Turn() as turn:
                known = self.turn.reports if self.turn else {}
                self.turn = attrs.evolve(turn, reports={**turn.reports, **known})
            case Lost(text):
                raise HostError(text)
            case Failed(user=True, text=text):
                raise UserError(text)
            case Failed(text=text):
                self.failure = failure(HARNESS_FAILED, text.splitlines())

    def end(self) -> None:
        """It has ended: HostError if it hung, or died for want of memory; `failure` if it died of anything else."""
        if self.hung:
            raise HostError(f"the machine's process did not end {self.hung}")
        if (death := self.child.death()) and self.failure is None:
            if self.child.died_for_memory:
                raise HostError(f"out of memory: {death}")
            self.failure = failure(death, self.child.last_words)


def play(task: TurnTask, nursery: Source, given_up: Interrupted, note: Note) -> TurnResult:
    """Play a turn in a process from a nursery; StoppedError when it was given up, HostError when it is lost."""
    plan, steal = task.plan, StealMeter()
    standing = Standing(scenario=plan.scenarios[0].name)
    child = Child(nursery.hatch(note), encode(Job(plan, (standing,), slices_of(task.seconds), False)))
    longest = LONGEST_TURN_SECONDS + 2 * (task.seconds + plan.stall_after_s)
    process = TurnProcess(child, Patience(child.pid, COMPILE_SECONDS, longest))
    try:
        process.listen(given_up)
    finally:
        child.close()
    if given_up():
        raise StoppedError
    process.end()
    conditions = attrs.evolve(session(plan).conditions, steal_percent=steal.percent())
    return TurnResult(conditions, process.turn, process.failure, process.memory_bytes)
