"""The functions that are called in a worker's process. They take and return text, so that only names are unpickled."""

import platform
from collections.abc import Callable, Iterable

import attrs

from stress.campaign.workers.envelope import pack
from stress.campaign.workers.pool import Interrupted, Note
from stress.errors import UserError
from stress.host.cores import cores


@attrs.frozen
class Introduction:
    """Who a worker is: its host, its cores, and why it cannot work, if it cannot."""

    host: str
    cores: tuple[int, ...]
    objections: tuple[str, ...]


@attrs.frozen
class Reply:
    """The result of a task as text, and notes of how it went."""

    said: str
    notes: tuple[str, ...]


def introduce(objections: Callable[[str], Iterable[str]], requirements: str) -> str:
    """Say who this worker is, and what it objects to."""
    try:
        reasons = tuple(objections(requirements))
    except UserError as error:
        reasons = (str(error),)
    return pack(Introduction(platform.node(), tuple(cores()), reasons))


def do(work: Callable[[str, Interrupted, Note], str], text: str, given_up: Interrupted = lambda: False) -> str:
    """Do a task; its reply as text."""
    notes: list[str] = []
    said = work(text, given_up, notes.append)
    return pack(Reply(said, tuple(notes)))
