"""What is called in a worker's process, wherever that is: text in, text out, so that nothing but names is unpickled."""

import platform
from collections.abc import Callable, Iterable

import attrs

from stress.campaign.crews.crew import Interrupted, Note
from stress.campaign.crews.letters import letter
from stress.errors import UserError
from stress.host.cores import cores


@attrs.frozen
class Introduction:
    """Who a worker is: its host, its cores, and why it cannot work, if it cannot."""

    host: str
    cores: tuple[int, ...]
    objections: tuple[str, ...]


@attrs.frozen
class Answer:
    """What was said of a task, and what there is to know of how it went."""

    said: str
    notes: tuple[str, ...]


def introduce(objections: Callable[[str], Iterable[str]], offer: str) -> str:
    """Answer an offer."""
    try:
        reasons = tuple(objections(offer))
    except UserError as error:
        reasons = (str(error),)
    return letter(Introduction(platform.node(), tuple(cores()), reasons))


def do(work: Callable[[str, Interrupted, Note], str], text: str, given_up: Interrupted = lambda: False) -> str:
    """Do a task."""
    notes: list[str] = []
    said = work(text, given_up, notes.append)
    return letter(Answer(said, tuple(notes)))
