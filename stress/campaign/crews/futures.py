"""Tasks as futures: what has come of those that workers were given."""

import time
from collections.abc import Hashable, Sequence
from concurrent.futures import FIRST_COMPLETED, Future, wait

from stress.campaign.crews.crew import Note, Returned
from stress.campaign.crews.hand import Answer
from stress.campaign.crews.letters import opened
from stress.safe_text import shown

POLL_SECONDS = 0.1


def first_done(futures: Sequence[Future[str]]) -> set[Future[str]]:
    """Those that are done, once one is or a little time has passed."""
    if not futures:
        time.sleep(POLL_SECONDS)
    return wait(futures, POLL_SECONDS, FIRST_COMPLETED).done


def known(error: BaseException) -> str:
    """An error in words; some have none but their name."""
    return f"{type(error).__name__}: {shown(error)}" if str(error) else type(error).__name__


def taken(tag: Hashable, who: str, done: Future[str], note: Note) -> Returned:
    """What has come back from a worker; whatever it raised, the task can be given to another."""
    try:
        answer = opened(done.result(), Answer, who)
    except Exception as error:
        return Returned(tag, who, None, known(error))
    for text in answer.notes:
        note(f"{who} {shown(text)}")
    return Returned(tag, who, answer.said)
