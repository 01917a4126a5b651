"""What a call of `kstress run` was asked for and how it ended: in its JSON beside the runs, and as it is read back."""

from collections.abc import Sequence
from typing import Any, Self

import attrs
from attrs.validators import in_

from stress.campaign.converter import from_json, let_more_keys, to_json
from stress.campaign.life import COMPLETE, FAILED, INTERRUPTED
from stress.errors import UserError

ASKED = "asked"


@attrs.frozen
class Request:
    """The scenarios of a call, by name and in order, and how it `ended`: complete, interrupted by a signal, or failed.

    The runs beside it are of the first of these scenarios; the others were not run.
    """

    scenarios: tuple[str, ...]
    ended: str = attrs.field(validator=in_((COMPLETE, INTERRUPTED, FAILED)))

    @classmethod
    def of(cls, scenarios: Sequence[str], ended_early: Sequence[bool], signal: int) -> Self:
        """What to write of runs, each of which has or has not `ended_early`; `signal` is the one that came, or 0."""
        whole = len(ended_early) == len(scenarios) and not any(ended_early)
        return cls(tuple(scenarios), COMPLETE if whole else INTERRUPTED if signal else FAILED)

    def not_run(self, runs: int) -> tuple[str, ...]:
        """The scenarios that were left when so many had run."""
        return self.scenarios[runs:]

    def as_json(self) -> dict[str, Any]:
        """The key of the document, and its value."""
        return {ASKED: to_json(self)}


let_more_keys(Request)


def asked_of(value: object, ran: Sequence[str], where: str) -> Request | None:
    """What a document that came from `where` was asked for, beside runs of these scenarios; None if it does not say.

    Raises:
        UserError: when it is damaged, or contradicts the runs.
    """
    if value is None:
        return None
    asked = from_json(value, Request, f"{where}, its key {ASKED},")
    left = asked.not_run(len(ran))
    if tuple(ran) + left != asked.scenarios or (left and asked.ended == COMPLETE):
        raise UserError(f"{where} has other runs than it was asked for: it is damaged; run the scenarios again")
    return asked
