"""What crosses from one process to another of perhaps another host: JSON that says first which kstress wrote it."""

import json
from typing import Any, TypeVar

from stress.campaign.converter import from_json, to_json
from stress.campaign.crews.crew import Returned
from stress.campaign.identity import made_by
from stress.errors import UserError
from stress.safe_text import shown

T = TypeVar("T")
FIRST = "made_by"
"""The key that is looked at before any other: another version may write those in another way."""


class LostError(Exception):
    """A worker did not say what became of a task; the text is why."""


def said_by(returned: Returned, kind: type[T]) -> T:
    """The record that a task has come to; LostError if its worker did not say, or nothing that can be read."""
    if returned.said is None:
        raise LostError(returned.why)
    try:
        return opened(returned.said, kind, returned.worker or "this process")
    except UserError as error:
        raise LostError(str(error)) from None


def letter(record: Any) -> str:
    """A record as text."""
    return json.dumps({FIRST: made_by(), "of": to_json(record)})


def opened(text: str, kind: type[T], whose: str) -> T:
    """The record in a letter.

    Raises:
        UserError: when it was written by another version, is of another kind, or is no letter; names `whose` it is.
    """
    try:
        document = json.loads(text)
        theirs, record = document[FIRST], document["of"]
    except (ValueError, LookupError, TypeError, RecursionError):
        raise UserError(f"{whose} says what cannot be read: {shown(repr(text))}") from None
    if theirs != made_by():
        raise UserError(f"{whose} has {shown(theirs)}, and this is {made_by()}; install the same on both")
    return from_json(record, kind, whose)
