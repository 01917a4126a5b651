"""A crew of the workers of any executor of `concurrent.futures`."""

from collections.abc import Hashable
from concurrent.futures import BrokenExecutor, Executor, Future

from stress.campaign.crews.crew import Interrupted, MakeCrew, Note, NoWorkersError, Returned, Trade
from stress.campaign.crews.futures import first_done, known, taken
from stress.campaign.crews.hand import Introduction, do, introduce
from stress.campaign.crews.letters import opened
from stress.campaign.identity import made_by
from stress.errors import UserError

WHO = "a worker of the executor"
LONGEST_SILENCE = 600.0
"""Seconds that an executor may take before its first worker has answered."""


class OnExecutor:
    """So many tasks at once on an executor, which is the caller's and is not shut down."""

    def __init__(self, trade: Trade, note: Note, executor: Executor, at_once: int) -> None:
        """Ask one of its workers first; UserError if it cannot work."""
        self._trade, self._note, self._executor, self._at_once = trade, note, executor, at_once
        self._under_way: dict[Future[str], Hashable] = {}
        try:
            said = executor.submit(introduce, trade.objections, trade.offer).result(LONGEST_SILENCE)
        except Exception as error:
            raise UserError(f"the executor cannot work for {made_by()}: {known(error)}") from None
        if reasons := opened(said, Introduction, WHO).objections:
            raise UserError(f"{WHO} cannot do this: {'; '.join(reasons)}")

    @property
    def has_room(self) -> bool:
        """Whether fewer tasks are under way than may be."""
        return len(self._under_way) < self._at_once

    def begin(self, tag: Hashable, text: str) -> None:
        """Submit a task; NoWorkersError if the executor takes none."""
        try:
            self._under_way[self._executor.submit(do, self._trade.work, text)] = tag
        except RuntimeError as error:  # it is broken, or was shut down
            raise NoWorkersError(f"the executor takes no more tasks: {known(error)}") from None

    def returned(self) -> list[Returned]:
        """Those that are done; NoWorkersError when the executor is broken."""
        done = first_done(list(self._under_way))
        for future in done:
            if not future.cancelled() and isinstance(error := future.exception(), BrokenExecutor):
                raise NoWorkersError(f"the executor is broken: {known(error)}")
        return [taken(self._under_way.pop(future), WHO, future, self._note) for future in done]

    def close(self) -> None:
        """Cancel those that have not begun; the others end by themselves, unheard."""
        for future in self._under_way:
            future.cancel()
        self._trade.rest()  # its workers may be threads of this process


def on_executor(executor: Executor, at_once: int) -> MakeCrew:
    """A crew of an executor's workers, of which `at_once` work at the same time.

    Workers that share cores wait for each other: more of them are faster only on cores of their own.
    """

    def make(trade: Trade, note: Note, interrupted: Interrupted) -> OnExecutor:
        return OnExecutor(trade, note, executor, at_once)

    return make
