"""What every crew is to a campaign: it takes tasks, as many at once as it has workers, and brings back what is said.

Tasks and what is said of them are text, so that a campaign does not care who works for it, or where.
"""

from collections.abc import Callable, Hashable, Iterable
from typing import Any, Protocol

import attrs

from stress.errors import UserError

Note = Callable[[str], None]
Interrupted = Callable[[], bool]


class StoppedError(Exception):
    """Nobody waits for a task any more, so nothing is known of it."""


class NoWorkersError(UserError):
    """There is nobody left to work; the text says why, and what to do."""


@attrs.frozen
class Trade:
    """What a crew is hired for. Its functions can be imported anywhere, since only their names are sent.

    `objections` of a worker to the `offer` are why it cannot work; `work` does one task. It may raise StoppedError once
    what it is given second says that nobody waits any more; what it is given third takes notes of what went on. `rest`
    lets go of what a process keeps from one task to the next.
    """

    offer: str
    objections: Callable[[str], Iterable[str]]
    work: Callable[[str, Interrupted, Note], str]
    rest: Callable[[], None]


@attrs.frozen
class Returned:
    """What there is of a task that was begun under a tag, and which worker had it (None for this process).

    `said` is what `work` returned, None if the worker was lost with the task; then `why` says how.
    """

    tag: Any
    worker: str | None
    said: str | None
    why: str = ""


class Crew(Protocol):
    """Those who work, each at one task at a time. Called from one thread."""

    @property
    def has_room(self) -> bool:
        """Whether somebody could begin a task now."""

    def begin(self, tag: Hashable, text: str) -> None:
        """Give a task to somebody who has none."""

    def returned(self) -> list[Returned]:
        """The tasks that have come back; waits a little for the first.

        Raises:
            StoppedError: when the campaign was interrupted meanwhile.
            NoWorkersError: when nobody is left.
        """

    def close(self) -> None:
        """Nothing is wanted any more, tasks under way included."""


class Tasks(Protocol):
    """What a campaign has its crew do."""

    def goes_on(self) -> bool:
        """Whether there is, or may come, something to give or to take back."""

    def give(self) -> None:
        """Begin a task with everybody who has none, as far as there are any."""

    def take(self, returned: Returned) -> None:
        """A task has come back, or was lost."""


def work_through(crew: Crew, tasks: Tasks) -> str | None:
    """Give tasks and take them back as long as it goes on; why nobody is left to work, or None.

    What was under way when the campaign was interrupted is not counted, and can be done again.
    """
    try:
        while tasks.goes_on():
            tasks.give()
            for returned in crew.returned():
                tasks.take(returned)
    except NoWorkersError as error:
        return str(error)
    except StoppedError:
        pass
    return None


MakeCrew = Callable[[Trade, Note, Interrupted], Crew]
