"""The workers of any executor of `concurrent.futures`."""

from collections.abc import Hashable
from concurrent.futures import BrokenExecutor, Executor, Future

from stress.campaign.identity import made_by
from stress.campaign.workers.calls import Introduction, do, introduce
from stress.campaign.workers.envelope import unpack
from stress.campaign.workers.futures import first_done, known, taken
from stress.campaign.workers.pool import Interrupted, MakePool, Note, NoWorkersError, Returned, Service
from stress.errors import UserError

WHO = "a worker of the executor"
LONGEST_SILENCE = 600.0
"""Seconds that an executor may take before its first worker has answered."""


class OnExecutor:
    """At most `at_once` tasks at a time on an executor, which is the caller's: it is not shut down here."""

    def __init__(self, service: Service, note: Note, executor: Executor, at_once: int) -> None:
        """Ask one of its workers whether it can work; UserError if it cannot."""
        self._service, self._note, self._executor, self._at_once = service, note, executor, at_once
        self._under_way: dict[Future[str], Hashable] = {}
        try:
            said = executor.submit(introduce, service.objections, service.requirements).result(LONGEST_SILENCE)
        except Exception as error:
            raise UserError(f"the executor cannot work for {made_by()}: {known(error)}") from None
        if reasons := unpack(said, Introduction, WHO).objections:
            raise UserError(f"{WHO} cannot do this: {'; '.join(reasons)}")

    @property
    def has_room(self) -> bool:
        """Whether fewer tasks are under way than may be."""
        return len(self._under_way) < self._at_once

    def begin(self, tag: Hashable, text: str) -> None:
        """Submit a task; NoWorkersError if the executor takes none."""
        try:
            self._under_way[self._executor.submit(do, self._service.work, text)] = tag
        except RuntimeError as error:  # it is broken, or was shut down
            raise NoWorkersError(f"the executor takes no more tasks: {known(error)}") from None

    def returned(self) -> list[Returned]:
        """The tasks that are done; NoWorkersError when the executor is broken."""
        done = first_done(list(self._under_way))
        for future in done:
            if not future.cancelled() and isinstance(error := future.exception(), BrokenExecutor):
                raise NoWorkersError(f"the executor is broken: {known(error)}")
        return [taken(self._under_way.pop(future), WHO, future, self._note) for future in done]

    def close(self) -> None:
        """Cancel the tasks that have not begun; the others end by themselves, and their results are dropped."""
        for future in self._under_way:
            future.cancel()
        self._service.release()  # its workers may be threads of this process


def on_executor(executor: Executor, at_once: int) -> MakePool:
    """The workers of an executor, of which `at_once` work at the same time.

    Workers that share cores wait for each other, so that more workers are faster only on more cores.
    """

    def make(service: Service, note: Note, interrupted: Interrupted) -> OnExecutor:
        return OnExecutor(service, note, executor, at_once)

    return make
