"""Where the bytes of a wrong name come from: names of the corpus, poison, or nowhere that is known."""

import re
from bisect import bisect_left
from collections.abc import Iterable, Mapping, Sequence

from stress.corpus import Corpus
from stress.judge.tables import poison_run
from stress.judge.violation import ByteRun
from stress.kernel.kallsyms import KSYM_NAME_LEN
from stress.machine.slab import POISON_END, POISON_FREE, POISON_INUSE

KINDS = WHOLE, BEGINNING, END, POISON, FRESH, UNKNOWN = "whole", "beginning", "end", "poison", "fresh", "unknown"


def common(left: bytes, right: bytes) -> int:
    """How many bytes both share from their beginning."""
    least = min(len(left), len(right))
    return next((at for at in range(least) if left[at] != right[at]), least)


class NameBook:
    """All names of a corpus, as copies show them, to find those that a piece of a name comes from."""

    def __init__(self, names: Iterable[bytes]) -> None:
        """Sort the names as read forwards and as read backwards."""
        cut = {name[:KSYM_NAME_LEN] for name in names if name}
        self._forward = sorted(cut)
        self._backward = sorted(name[::-1] for name in cut)
        freed = b"%c{%d,}" % (POISON_FREE, poison_run(cut))
        end = b"%c*%c" % (POISON_FREE, POISON_END)
        self._odd = re.compile(b"(%b|%b)|(%c{%d,})" % (end, freed, POISON_INUSE, poison_run(cut, POISON_INUSE)))

    def beginning(self, text: bytes, right: bytes) -> tuple[int, bytes]:
        """The longest beginning that `text` shares with a name, and the name; of equals `text`, then `right`."""
        return _longest(self._forward, text, right)

    def end(self, text: bytes, right: bytes) -> tuple[int, bytes]:
        """The same for the end."""
        count, name = _longest(self._backward, text[::-1], right[::-1])
        return count, name[::-1]

    def explain(self, copied: bytes, right: bytes) -> tuple[ByteRun, ...]:
        """The runs that `copied` is made of, in its order; `right` is the name that it should be."""
        runs: list[ByteRun] = []
        at = 0
        for odd in self._odd.finditer(copied):
            runs += self._piece(copied[at : odd.start()], right, at == 0, False)
            runs.append(ByteRun(odd[0], POISON if odd[1] else FRESH))
            at = odd.end()
        return (*runs, *self._piece(copied[at:], right, at == 0, True))

    def _piece(self, piece: bytes, right: bytes, first: bool, last: bool) -> list[ByteRun]:
        """The runs of a piece without poison, which is the first or the last of the copy, both or neither."""
        count, name = self.beginning(piece, right) if first else (0, b"")
        if count == len(piece):
            return [ByteRun(piece, WHOLE if name == piece else BEGINNING, name)] if piece else []
        back, other = self.end(piece, right) if last else (0, b"")
        if back == len(piece):
            return [ByteRun(piece, END, other)]
        split = max(len(piece) - back, count)
        runs = [
            ByteRun(piece[:count], BEGINNING, name),
            ByteRun(piece[count:split], UNKNOWN),
            ByteRun(piece[split:], END, other),
        ]
        return [run for run in runs if run.data]


def _longest(table: Sequence[bytes], text: bytes, right: bytes) -> tuple[int, bytes]:
    """The longest beginning that `text` shares with a name of the sorted `table`, and which name that is."""
    at = bisect_left(table, text)
    neighbours = [name for name in (*table[at : at + 1], *table[max(at - 1, 0) : at]) if name]
    best = max((common(text, name) for name in neighbours), default=0)
    if best == 0:
        return 0, b""
    equals = [name for name in (right, *neighbours) if common(text, name) == best]
    return best, text if text in equals else equals[0]


def owners_of(corpus: Corpus, names: set[bytes]) -> Mapping[bytes, tuple[str, ...]]:
    """Who has each of `names`, cut as copies are: modules, by name.

    `kernel` stands for the kernel's own symbols, `module` says that it is the name of a module.
    """
    owners: dict[bytes, dict[str, None]] = {name: {} for name in names}

    def see(name: str, owner: str) -> None:
        cut = name.encode()[:KSYM_NAME_LEN]
        if cut in owners:
            owners[cut][owner] = None

    for symbol in corpus.kernel:
        see(symbol.name, "kernel")
    for module in corpus.modules:
        see(module.name, "module")
        for entry in module.symbols:
            see(entry.name, module.name)
    return {name: tuple(found) for name, found in owners.items()}
