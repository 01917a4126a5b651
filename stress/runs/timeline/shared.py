"""What the accesses of a trace touch, and which words several CPUs use."""

from bisect import bisect_left
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


def is_in(step: Step, function: str) -> bool:
    """Whether an access is made in a function, or in what that calls."""
    return any(frame.function == function for frame in step.stack)


class Uses:
    """Who used which word, and when. `shared` are the words that one CPU wrote and another one used.

    The slab's lock is not among them: calls of the slab tell it.
    """

    def __init__(self, trace: Sequence[Step]) -> None:
        """Go through a trace once."""
        self.trace = trace
        self._numbers: dict[int, list[int]] = {}
        users: dict[int, set[int]] = {}
        written: set[int] = set()
        for number, step in enumerate(trace):
            for word in words_of(step):
                self._numbers.setdefault(word, []).append(number)
                users.setdefault(word, set()).add(step.cpu)
                if writes(step):
                    written.add(word)
        self.shared = frozenset(word for word in written if len(users[word]) > 1) - {SLAB_LOCK}

    def before(self, address: int, number: int | None = None) -> Iterator[tuple[int, Step]]:
        """The accesses to the word at an address before a number, or all; the last one first."""
        numbers = self._numbers.get(address // WORD * WORD, [])
        end = len(numbers) if number is None else bisect_left(numbers, number)
        return ((at, self.trace[at]) for at in reversed(numbers[:end]))

    def after(self, address: int, number: int) -> Iterator[tuple[int, Step]]:
        """The accesses to the word at an address after a number, in their order."""
        numbers = self._numbers.get(address // WORD * WORD, [])
        return ((at, self.trace[at]) for at in numbers[bisect_left(numbers, number + 1) :])
