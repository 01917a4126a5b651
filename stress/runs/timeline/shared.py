"""What the accesses of a trace touch, and which words several CPUs use."""

from collections.abc import Iterator, Sequence

from stress.machine.blocks import SLAB_LOCK
from stress.machine.control.words import PIECE_BYTES, READ_MODIFY_WRITE, WRITE_PIECE
from stress.schedule.schedule import Step

WORD = 8


def words_of(step: Step) -> range:
    """The addresses of the words that an access touches."""
    if step.access == WRITE_PIECE:
        return range(step.address, step.address + PIECE_BYTES, WORD)
    start = step.address // WORD * WORD
    return range(start, start + WORD, WORD)


def writes(step: Step) -> bool:
    """Whether an access changed its word: a read-modify-write may leave it as it is."""
    return step.old != step.new if step.access == READ_MODIFY_WRITE else step.access < 0


def shared_words(trace: Sequence[Step]) -> frozenset[int]:
    """The words that one CPU wrote and another one used; the slab's lock is told by its calls."""
    users: dict[int, set[int]] = {}
    written: set[int] = set()
    for step in trace:
        for word in words_of(step):
            users.setdefault(word, set()).add(step.cpu)
            if writes(step):
                written.add(word)
    return frozenset(word for word in written if len(users[word]) > 1) - {SLAB_LOCK}


def touching(trace: Sequence[Step], address: int) -> Iterator[tuple[int, Step]]:
    """The accesses to the word at an address, the last one first."""
    word = address // WORD * WORD
    return ((number, trace[number]) for number in range(len(trace) - 1, -1, -1) if word in words_of(trace[number]))
