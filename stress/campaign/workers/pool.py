"""A pool of workers, as a campaign sees it: it takes as many tasks at once as it has workers, and returns results.

Tasks and results are text, so that it makes no difference to a campaign who the workers are, or where.
"""

from collections.abc import Callable, Hashable, Iterable
from typing import Any, Protocol

import attrs

from stress.errors import UserError

Note = Callable[[str], None]
Interrupted = Callable[[], bool]


class StoppedError(Exception):
    """Nobody waits for a task any more, so that it has no result."""


class NoWorkersError(UserError):
    """No worker is left; the text says why, and what to do."""


@attrs.frozen
class Service:
    """What workers do for a campaign. Its functions can be imported anywhere, since only their names are sent.

    `objections` to the `requirements` are why a worker cannot do it. `work` does one task; its second argument says
    whether nobody waits for that any more, so that it may raise StoppedError, and the third takes notes of what went
    on. `release` lets go of what a process keeps from one task to the next.
    """

    requirements: str
    objections: Callable[[str], Iterable[str]]
    work: Callable[[str, Interrupted, Note], str]
    release: Callable[[], None]


@attrs.frozen
class Returned:
    """A task that came back: the tag that it was begun under, and which worker had it (None for this process).

    `said` is what `work` returned, None if the task was lost; then `why` says how.
    """

    tag: Any
    worker: str | None
    said: str | None
    why: str = ""


class Pool(Protocol):
    """Workers, each with one task at a time. Called from one thread."""

    @property
    def has_room(self) -> bool:
        """Whether a worker is free."""

    def begin(self, tag: Hashable, text: str) -> None:
        """Give a task to a free worker."""

    def returned(self) -> list[Returned]:
        """The tasks that have come back since the last call; waits a little for the first.

        Raises:
            StoppedError: when the campaign was interrupted meanwhile.
            NoWorkersError: when no worker is left.
        """

    def close(self) -> None:
        """Cancel the tasks under way, and release the workers."""


class Tasks(Protocol):
    """The tasks of a campaign, as `work_through` asks for them."""

    def goes_on(self) -> bool:
        """Whether there are, or may still come, tasks to give or to take back."""

    def give(self) -> None:
        """Give a task to each free worker, as long as there are tasks."""

    def take(self, returned: Returned) -> None:
        """A task has come back, or was lost."""


def work_through(pool: Pool, tasks: Tasks) -> str | None:
    """Give tasks and take them back as long as `goes_on` says so; why no worker is left, or None.

    What was under way when the campaign was interrupted is not counted, and can be done again.
    """
    try:
        while tasks.goes_on():
            tasks.give()
            for returned in pool.returned():
                tasks.take(returned)
    except NoWorkersError as error:
        return str(error)
    except StoppedError:
        pass
    return None


MakePool = Callable[[Service, Note, Interrupted], Pool]
