"""The trade of a soak's crew: one turn of one scenario at a time, in a process of its own, on the worker's cores."""

import time
from collections.abc import Iterator

import attrs
from attrs.validators import ge, optional

from stress.campaign.child import Child
from stress.campaign.crews.crew import Interrupted, Note, Returned, StoppedError, Trade
from stress.campaign.crews.letters import LostError, letter, opened, said_by
from stress.campaign.folder import encode
from stress.campaign.nursery import Source, borrowed, close_idle
from stress.campaign.parts import changed
from stress.campaign.pipes import Failed, read_message
from stress.campaign.soak.base import failed, memory_of
from stress.campaign.soak.messages import KINDS, Job, Message, Turn
from stress.campaign.soak.plan import session
from stress.campaign.soak.records import Plan, Standing
from stress.campaign.soak.turns import slices_of
from stress.conditions import Conditions, StealMeter
from stress.corpus.untrusted import shown
from stress.errors import UserError
from stress.host import chosen, having_cores
from stress.report.told import Told
from stress.runner import settle

CHILD = "stress.campaign.soak.child"
SOAK = "the soak"
POLL_SECONDS = 0.1
COMPILE_SECONDS = 600.0


@attrs.frozen
class Shift:
    """What a worker is to do: turns of the only scenario of a plan, with the plan's seed, for `seconds` in all."""

    plan: Plan
    seconds: float


@attrs.frozen
class Played:
    """What a shift came to: where the scenario stands after it, from nothing, its violations, or why it failed.

    `conditions` are those of the worker, `memory_bytes` the resident memory of the machine's process at the end.
    """

    conditions: Conditions
    turn: Turn | None
    failure: Told | None
    memory_bytes: int | None = attrs.field(validator=optional(ge(0)))


def trade_of(plan: Plan) -> Trade:
    """What a crew is hired for by a soak."""
    return Trade(letter(plan), objections, work, close_idle)


def objections(text: str) -> Iterator[str]:
    """How what there is here differs from what the plan was made from; each names both."""
    plan: Plan = opened(text, Plan, SOAK)
    yield from changed(plan.scenarios, plan.sources_digest, [(plan.corpus, plan.corpus_digest)])
    try:
        settle(plan.config())
    except UserError as error:  # no numba, or no GIL
        yield str(error)


def work(text: str, given_up: Interrupted, note: Note) -> str:
    """Play a shift; what it came to.

    Raises:
        UserError: for a shift that cannot be read, or that cannot be played here.
        HarnessError: when the machine's process could not be started.
        StoppedError: when nobody waits for it any more.
    """
    shift: Shift = opened(text, Shift, SOAK)
    alone = having_cores(note, note, given_up=given_up, how=chosen(None))
    with alone, borrowed(CHILD, shift.plan.engine == "native") as nursery:
        if given_up():
            raise StoppedError
        return letter(play(shift, nursery, given_up))


def played_of(returned: Returned, scenario: str) -> Played:
    """What a shift came to; LostError if its worker did not say, or spoke of another scenario."""
    played: Played = said_by(returned, Played)
    if played.turn is None and played.failure is None:
        raise LostError("it says nothing of the turn")
    if played.turn and (other := played.turn.standing.scenario) != scenario:
        raise LostError(f"it brought a turn of {shown(other)}, not of {shown(scenario)}")
    return played


@attrs.define
class Hearing:
    """What the machine's process says in the course of a shift."""

    turn: Turn | None = None
    failure: Told | None = None
    memory_bytes: int | None = None

    def take(self, message: Message) -> None:
        """Keep what is to be known in the end: standings grow from one turn to the next, reports are new ones."""
        match message:
            case Turn():
                known = self.turn.reports if self.turn else {}
                self.turn = attrs.evolve(message, reports={**message.reports, **known})
            case Failed(user=True):
                raise UserError(message.text)
            case Failed():
                words = tuple(message.text.splitlines())
                self.failure = failed("the harness failed, so this soak says nothing", words)


def play(shift: Shift, nursery: Source, given_up: Interrupted) -> Played:
    """Play a shift in a process from a nursery; StoppedError when it was given up."""
    plan, heard, steal = shift.plan, Hearing(), StealMeter()
    standing = Standing(scenario=plan.scenarios[0].name)
    child = Child(nursery.hatch(), encode(Job(plan, (standing,), slices_of(shift.seconds), False)))
    deadline = time.monotonic() + COMPILE_SECONDS + 2 * (shift.seconds + plan.stall_after_s)
    try:
        while not child.ended:
            heard.memory_bytes = memory_of(child.pid) or heard.memory_bytes
            for line in child.poll(POLL_SECONDS):
                heard.take(read_message(line, KINDS))
            if given_up() or time.monotonic() > deadline:
                child.stop()
    finally:
        child.close()
    if given_up():
        raise StoppedError
    if (death := child.death() or (None if heard.turn else "the machine's process hung")) and heard.failure is None:
        heard.failure = failed(death, child.last_words)
    conditions = attrs.evolve(session(plan).conditions, steal_percent=steal.percent())
    return Played(conditions, heard.turn, heard.failure, heard.memory_bytes)
