"""What crosses from process to process, or host to host: a record as JSON, in an envelope with the sender's version."""

import json
from typing import Any, TypeVar

from stress.campaign.converter import from_json, to_json
from stress.campaign.identity import made_by
from stress.campaign.workers.pool import Returned
from stress.errors import UserError
from stress.safe_text import shown

T = TypeVar("T")
FIRST = "made_by"
"""The key that is read first: another version may write the others in another way."""


class LostError(Exception):
    """A worker sent no result of a task; the text says why."""


def record_from(returned: Returned, kind: type[T]) -> T:
    """The result of a task as a record; LostError if there is none, or none that can be read."""
    if returned.said is None:
        raise LostError(returned.why)
    try:
        return unpack(returned.said, kind, returned.worker or "this process")
    except UserError as error:
        raise LostError(str(error)) from None


def pack(record: Any) -> str:
    """A record in an envelope, as text."""
    return json.dumps({FIRST: made_by(), "of": to_json(record)})


def unpack(text: str, kind: type[T], whose: str) -> T:
    """The record in an envelope.

    Raises:
        UserError: when it was written by another version, is of another kind, or is no envelope; names `whose` it is.
    """
    try:
        document = json.loads(text)
        theirs, record = document[FIRST], document["of"]
    except (ValueError, LookupError, TypeError, RecursionError):
        raise UserError(f"{whose} has an answer that cannot be read: {shown(repr(text))}") from None
    if theirs != made_by():
        raise UserError(f"{whose} has {shown(theirs)}, and this is {made_by()}; install the same on both")
    return from_json(record, kind, whose)
