"""Tasks as futures: how their results are waited for and read."""

import time
from collections.abc import Hashable, Sequence
from concurrent.futures import FIRST_COMPLETED, Future, wait

from stress.campaign.workers.calls import Reply
from stress.campaign.workers.envelope import unpack
from stress.campaign.workers.pool import Note, Returned
from stress.safe_text import shown

POLL_SECONDS = 0.1


def first_done(futures: Sequence[Future[str]]) -> set[Future[str]]:
    """Those that are done, once one is or a little time has passed."""
    if not futures:
        time.sleep(POLL_SECONDS)
    return wait(futures, POLL_SECONDS, FIRST_COMPLETED).done


def known(error: BaseException) -> str:
    """An error in words; some have no text, only a name."""
    return f"{type(error).__name__}: {shown(error)}" if str(error) else type(error).__name__


def taken(tag: Hashable, who: str, done: Future[str], note: Note) -> Returned:
    """The reply of a worker; if it raised anything, the task can be given to another."""
    try:
        answer = unpack(done.result(), Reply, who)
    except Exception as error:
        return Returned(tag, who, None, known(error))
    for text in answer.notes:
        note(f"{who} {shown(text)}")
    return Returned(tag, who, answer.said)
