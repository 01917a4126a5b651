"""A schedule: who ran for how many accesses, in order. As a value, and as a short text for a bug report."""

import re
from collections.abc import Iterator, Sequence
from itertools import pairwise
from typing import NamedTuple
from urllib.parse import quote, unquote

import attrs

from stress.errors import UserError
from stress.machine.control.words import EXPIRED, INTERRUPT, NMI
from stress.machine.stacks import Frame
from stress.safe_text import shown

VERSION = "ks1"
EVENT_LETTERS = {0: "", INTERRUPT: "i", NMI: "n"}
_RUN = re.compile(r"([0-9]{1,4})(?:x([1-9][0-9]{0,14}))?([in]?)")
_SETTING = re.compile(r"([a-z])([0-9]{1,10})")
_DIGEST = re.compile(r"[0-9a-f]{8}")
MOST_TOKEN_BYTES = 1_000_000
MOST_CPUS = 1024
MOST_OPERATIONS = 10_000
"""Of each CPU: no signal ends a schedule before its end, or before it is cut after some hundred accesses of each."""


# A schedule has thousands of runs, and to shrink it makes millions: a named tuple costs a fourth of an attrs class.
class Run(NamedTuple):
    """A CPU runs for `steps` accesses, 0 for as long as it can; before the first one comes an `event`, if any.

    events: `machine.control.words.INTERRUPT`, `NMI`; 0 for none.
    """

    cpu: int
    steps: int = 0
    event: int = 0

    @property
    def text(self) -> str:
        """As in a token: `0x12` or `1`, and a letter for an event."""
        return f"{self.cpu}{f'x{self.steps}' if self.steps else ''}{EVENT_LETTERS[self.event]}"


class Made(NamedTuple):
    """A run as it was made: how many accesses, why it ended, and whether it was nobody's choice."""

    cpu: int
    steps: int
    event: int
    why: int
    forced: bool


@attrs.frozen
class Step:
    """One access of a schedule that was traced.

    `access` is a kind of `machine.words`, or READ_MODIFY_WRITE; `old` is what was read, or stored; `new` is what is
    there afterwards. `run` is the number of its run, from 1. `stack` is the kernel functions, innermost first.
    """

    cpu: int
    access: int
    address: int
    old: int
    new: int
    run: int
    operation: int
    stack: tuple[Frame, ...]


@attrs.frozen(kw_only=True)
class Small:
    """The world of a schedule: how many CPUs, operations of each, and modules; `seed` is for what programs draw.

    `modules` is 0 for a structure of a scenario's own, and for the bundled corpus as it is.
    """

    cpus: int
    operations: int
    modules: int
    seed: int

    @property
    def text(self) -> str:
        """As in a token."""
        return f"c{self.cpus}.o{self.operations}.m{self.modules}.s{self.seed}"


@attrs.frozen(kw_only=True)
class Schedule:
    """A schedule of a scenario, with digests of the sources that it belongs to."""

    scenario: str
    world: Small
    digests: tuple[str, str]
    runs: tuple[Run, ...]

    @property
    def token(self) -> str:
        """The schedule as one word."""
        runs = "_".join(run.text for run in self.runs)
        name = quote(self.scenario, safe="/:.-_").replace("~", "%7E")
        return "~".join((VERSION, name, self.world.text, ".".join(self.digests), runs))

    @classmethod
    def parse(cls, token: str, where: str = "the token") -> "Schedule":
        """The schedule that `token` wrote.

        Raises:
            UserError: for any other text; `where` says where it came from.
        """
        parts = token.strip().split("~")
        if len(token) > MOST_TOKEN_BYTES or len(parts) != 5 or parts[0] != VERSION:
            usual = f"a token begins with {VERSION}~ and has five parts; copy the whole of it"
            raise UserError(f"{where} {shown(repr(token[:40]))} is not a schedule: {usual}")
        name, world, digests, runs = parts[1:]
        try:
            made = tuple(_runs(runs))
            small = _world(world)
            if other := next((run.cpu for run in made if run.cpu >= small.cpus), None):
                raise ValueError(f"a run of CPU {other}, and it has {small.cpus} CPUs")
            return cls(scenario=unquote(name), world=small, digests=_digests(digests), runs=made)
        except ValueError as error:
            raise UserError(f"{where} is damaged: {error}; copy the whole of it") from None


def _world(text: str) -> Small:
    found = {match[1]: int(match[2]) for part in text.split(".") if (match := _SETTING.fullmatch(part))}
    if list(found) != ["c", "o", "m", "s"]:
        raise ValueError(f"{text[:40]!r} are not settings")
    if not 1 <= found["c"] <= MOST_CPUS:
        raise ValueError(f"{found['c']} CPUs are not 1 to {MOST_CPUS}")
    if found["o"] > MOST_OPERATIONS:
        raise ValueError(f"{found['o']} operations are more than {MOST_OPERATIONS}")
    return Small(cpus=found["c"], operations=found["o"], modules=found["m"], seed=found["s"])


def _digests(text: str) -> tuple[str, str]:
    parts = text.split(".")
    if len(parts) != 2 or not all(map(_DIGEST.fullmatch, parts)):
        raise ValueError(f"{text[:40]!r} are not digests")
    return parts[0], parts[1]


def _runs(text: str) -> Iterator[Run]:
    for part in text.split("_") if text else ():
        match = _RUN.fullmatch(part)
        if match is None:
            raise ValueError(f"{part[:40]!r} is not a run")
        letters = {letter: event for event, letter in EVENT_LETTERS.items()}
        yield Run(int(match[1]), int(match[2] or 0), letters[match[3]])


def as_runs(made: Sequence[Made]) -> tuple[Run, ...]:
    """What makes the same schedule again: runs that were nobody's choice come by themselves."""
    return tuple(
        # The end of a run needs no number where the CPU could not go on.
        Run(cpu, steps if why == EXPIRED else 0, event)
        for cpu, steps, event, why, forced in made
        if not forced
    )


def preemptions_of(made: Sequence[Made]) -> int:
    """How often a CPU had to stop that could have gone on, in a schedule as it was made."""
    return sum(one.why == EXPIRED and after.cpu != one.cpu for one, after in pairwise(made))
