"""Objects of the heap in a trace: which block held which object when, and the calls of the slab."""

from collections.abc import Iterator, Mapping, Sequence

import attrs

from stress.machine import blocks
from stress.machine.blocks import SLAB_LOCK
from stress.machine.control.words import READ_MODIFY_WRITE, WRITE_PIECE
from stress.machine.features import Features
from stress.machine.python_engine import PythonCpu
from stress.machine.ram import Ram
from stress.schedule.schedule import Step

KMALLOC, KFREE = "kmalloc", "kfree"


@attrs.define(eq=False)
class Life:
    """An object: its block from one allocation to the next. `born` and `freed` are numbers of accesses; -1 before all.

    label: what its owner wrote into the block's record; 0 if that is not known any more. before: the object that the
    block had before this one.
    """

    block: int
    born: int = -1
    freed: int | None = None
    label: int = 0
    before: "Life | None" = None


@attrs.define(eq=False)
class Call:
    """A call of kmalloc or kfree by a CPU: the numbers of its accesses, and the object that came or went."""

    function: str
    cpu: int
    steps: list[int] = attrs.field(factory=list)
    life: Life | None = None
    taken: int | None = None


def calls_in(trace: Sequence[Step]) -> Iterator[Call]:
    """The calls of the slab, in the order in which they began."""
    open_calls: dict[int, Call] = {}
    for number, step in enumerate(trace):
        function = next((frame.function for frame in step.stack if frame.function in (KMALLOC, KFREE)), None)
        if function is None:
            continue
        call = open_calls.get(step.cpu)
        if call is None or call.function != function:
            call = open_calls[step.cpu] = Call(function, step.cpu)
            yield call
        call.steps.append(number)
        if step.address == SLAB_LOCK and step.access == READ_MODIFY_WRITE and step.old == 0:
            call.taken = number
        elif step.address == SLAB_LOCK and step.access != READ_MODIFY_WRITE:
            del open_calls[step.cpu]


class Objects:
    """The objects of a trace, and the calls that made and freed them."""

    def __init__(self, ram: Ram, trace: Sequence[Step]) -> None:
        """Follow what the slab did in `trace`; `ram` is as the schedule left it."""
        self._ram, self._cpu = ram, PythonCpu(ram, 0, Features(kasan=False))
        self._lives: dict[int, list[Life]] = {}
        # `calls_in` hands a call out before it has all of its accesses.
        calls = sorted(calls_in(trace), key=lambda call: call.steps[0] if call.taken is None else call.taken)
        self.call_of: Mapping[int, Call] = {number: call for call in calls for number in call.steps}
        for call in calls:
            self._follow(call, trace)
        for lives in self._lives.values():
            self._label(lives)

    def block_of(self, address: int) -> int:
        """Start of the block that `address` lies in; 0 for none."""
        return blocks.block_of(self._cpu, address)

    def at(self, address: int, number: int) -> Life | None:
        """The object in whose block `address` lies, as it was at an access; freed or not."""
        block = self.block_of(address)
        if not block:
            return None
        lives = self._lives_of(block)
        return next((life for life in reversed(lives) if life.born <= number), lives[0])

    def _record(self, block: int, word: int) -> int:
        """A word of a block's record."""
        return self._ram.peek(blocks.record_of(self._cpu, block) + word)

    def _lives_of(self, block: int) -> list[Life]:
        """The objects of a block; the first one was there before the trace."""
        if block not in self._lives:
            self._lives[block] = [Life(block)]
            self._label(self._lives[block])
        return self._lives[block]

    def _follow(self, call: Call, trace: Sequence[Step]) -> None:
        """Find the object of a call."""
        pieces = [trace[number].address for number in call.steps if trace[number].access == WRITE_PIECE]
        block = self.block_of(min(pieces)) if pieces else self._signed(call, trace[call.steps[0]].operation)
        if not block or call.taken is None:
            return
        lives = self._lives.setdefault(block, [Life(block)])
        if call.function == KFREE:
            lives[-1].freed = call.taken
        else:
            lives.append(Life(block, call.taken, before=lives[-1]))
        call.life = lives[-1]

    def _signed(self, call: Call, operation: int) -> int:
        """The block whose record says that this call, which filled nothing, was the last one for it."""
        entry = blocks.FREED_BY if call.function == KFREE else blocks.ALLOCATED_BY
        signed: list[tuple[int, int]] = []
        for block in range(self._ram.map.heap, self._ram.peek(blocks.HEAP_NEXT), blocks.MIN_BLOCK):
            who = self._record(block, entry + blocks.BY_CPU), self._record(block, entry + blocks.BY_OPERATION)
            clock = self._record(block, entry + blocks.BY_CLOCK)
            # The clock counts turns too, so it is ahead of the accesses.
            if who == (call.cpu, operation) and call.taken is not None and clock >= call.taken:
                signed.append((clock, block))
        return min(signed)[1] if signed else 0

    def _label(self, lives: Sequence[Life]) -> None:
        """Give the objects of a block the labels that its record has kept: those of the last two."""
        block = lives[-1].block
        former = self._record(block, blocks.FORMER_LABEL)
        is_live = self._record(block, blocks.GENERATION) % 2 == 1
        lives[-1].label = self._record(block, blocks.LABEL) if is_live else former
        for life in lives[:-1]:
            life.label = former
