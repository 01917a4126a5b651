"""A pool of one worker: this process, which does one task after the other."""

from collections.abc import Hashable

from stress.campaign.workers.pool import Interrupted, Note, Returned, Service


class InProcess:
    """This process, on the cores that it has."""

    def __init__(self, service: Service, note: Note, interrupted: Interrupted) -> None:
        """Without a task."""
        self._service, self._note, self._interrupted = service, note, interrupted
        self._task: tuple[Hashable, str] | None = None

    @property
    def has_room(self) -> bool:
        """Whether there is no task."""
        return self._task is None

    def begin(self, tag: Hashable, text: str) -> None:
        """Keep a task until `returned` does it."""
        self._task = tag, text

    def returned(self) -> list[Returned]:
        """Do the task, if there is one."""
        if self._task is None:
            return []
        (tag, text), self._task = self._task, None
        return [Returned(tag, None, self._service.work(text, self._interrupted, self._note))]

    def close(self) -> None:
        """Release what this process keeps for its tasks."""
        self._service.release()
