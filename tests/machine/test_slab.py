"""The slab allocator: blocks apart from each other, reused last-in-first-out, poisoned, shadowed and recorded."""

from collections.abc import Sequence
from itertools import pairwise

import attrs
import pytest
from hypothesis import given
from hypothesis import strategies as st

from stress.machine.blocks import (
    ALLOCATED_BY,
    BY_CLOCK,
    BY_CPU,
    BY_OPERATION,
    BY_STOP,
    FREED_BY,
    GENERATION,
    MAX_SHIFT,
    MIN_BLOCK,
    REQUESTED,
    SHIFT,
    SLAB_LOCK,
    STOPS,
    record_of,
)
from stress.machine.python_engine import PythonCpu
from stress.machine.ram import SHADOW_SHIFT, Ram
from stress.machine.slab import POISON_INUSE, kfree, kmalloc
from stress.machine.words import AREAS, LOW, OPERATIONS, TURNS, static, statics_end
from tests.support import blank_ram, bounded, python_cpu

Step = tuple[bool, int]

STEPS = st.lists(st.tuples(st.booleans(), st.integers(0, 1500)), max_size=40)
FREED, REDZONE = 0xFB, 0xFC
THREE = static("slab_test_three", 3)


def block_bytes(size: int) -> int:
    """The bytes of the block that `size` bytes take."""
    return max(MIN_BLOCK, 1 << (size - 1).bit_length())


def granules(size: int) -> int:
    """How many shadow bytes `size` bytes have."""
    return -(-size // 8)


def shadow(ram: Ram, block: int, size: int) -> bytes:
    """The shadow of the whole block at `block` that `size` bytes take."""
    return ram.mapping[block >> SHADOW_SHIFT : block + block_bytes(size) >> SHADOW_SHIFT]


def poison(size: int) -> bytes:
    """What the freed block of `size` bytes holds."""
    return b"\x6b" * (block_bytes(size) - 1) + b"\xa5"


@attrs.define
class Model:
    """What a slab allocator owes its callers: the sizes of live blocks, and the free ones of each size, in order."""

    heap: int
    end: int
    live: dict[int, int] = attrs.field(factory=dict)
    free: dict[int, list[int]] = attrs.field(factory=dict)

    def alloc(self, size: int) -> int:
        """The block that kmalloc must return: the one freed last, or a new one while the heap lasts, else 0."""
        stack = self.free.setdefault(block_bytes(size), [])
        if stack:
            block = stack.pop()
        else:
            block, self.heap = self.heap, self.heap + block_bytes(size)
            if self.heap > self.end:
                self.heap = block
                return 0
        self.live[block] = size
        return block

    def release(self, block: int) -> None:
        """Free a block."""
        self.free.setdefault(block_bytes(self.live[block]), []).append(block)
        del self.live[block]


def apply_step(cpu: PythonCpu, model: Model, step: Step) -> None:
    """Allocate, or free a live block, and check what comes back against the model."""
    alloc, number = step
    if alloc or not model.live:
        size = number + 1
        block = kmalloc(cpu, size)
        assert block == model.alloc(size)
        return
    block = list(model.live)[number % len(model.live)]
    kfree(cpu, block)
    model.release(block)


def fill_blocks(ram: Ram, model: Model) -> None:
    """Write each live block's own address all over the bytes that were asked for."""
    for block, size in model.live.items():
        ram.write(block, granules(size) * block.to_bytes(8, "little"))


def assert_blocks_intact(ram: Ram, model: Model) -> None:
    """No live block was touched, and every free one is poison."""
    for block, size in model.live.items():
        owned = granules(size) * 8
        assert ram.mapping[block : block + owned] == granules(size) * block.to_bytes(8, "little")
    for bytes_each, blocks in model.free.items():
        assert all(ram.mapping[block : block + bytes_each] == poison(bytes_each) for block in blocks)


@bounded(80)
@given(STEPS)
def test_blocks_never_overlap_and_are_reused_last_in_first_out(steps: Sequence[Step]) -> None:
    ram = blank_ram(heap=0x4000)
    cpu = python_cpu(ram)
    model = Model(ram.map.heap, ram.map.bound)
    for step in steps:
        apply_step(cpu, model, step)
        assert_blocks_intact(ram, attrs.evolve(model, live={}))
        fill_blocks(ram, model)
    assert_blocks_intact(ram, model)
    assert ram.peek(SLAB_LOCK) == 0


@bounded(80)
@given(STEPS)
def test_the_shadow_is_zero_where_memory_was_asked_for_and_nowhere_else(steps: Sequence[Step]) -> None:
    ram = blank_ram(heap=0x4000)
    cpu = python_cpu(ram)
    model = Model(ram.map.heap, ram.map.bound)
    for step in steps:
        apply_step(cpu, model, step)
    open_granules = {block + 8 * n >> 3 for block, size in model.live.items() for n in range(granules(size))}
    heap = range(ram.map.heap >> 3, ram.map.bound >> 3)
    assert {granule for granule in heap if ram.mapping[granule] == 0} == open_granules


@bounded(40)
@given(st.integers(1, 5000))
def test_a_new_block_is_filled_with_5a_and_ends_in_a_redzone_and_a_freed_one_is_marked(size: int) -> None:
    ram = blank_ram()
    cpu = python_cpu(ram)
    block, whole = kmalloc(cpu, size), block_bytes(size)
    assert ram.mapping[block : block + whole] == bytes([POISON_INUSE]) * whole
    redzone = bytes([REDZONE]) * (whole // 8 - granules(size))
    assert shadow(ram, block, size) == bytes(granules(size)) + redzone
    kfree(cpu, block)
    assert ram.mapping[block : block + whole] == poison(size)
    assert shadow(ram, block, size) == bytes([FREED]) * granules(size) + redzone


def test_the_heap_that_was_never_used_is_a_redzone_and_so_is_what_is_not_declared_of_static_words() -> None:
    ram = blank_ram()
    below, above = ram.map.heap >> 3, ram.map.bound >> 3
    assert set(ram.mapping[below:above]) == {REDZONE}
    assert set(ram.mapping[AREAS >> 3 : below - 1]) == {0}
    assert set(ram.mapping[: LOW >> 3]) == {0}
    assert set(ram.mapping[THREE >> 3 : (THREE >> 3) + 3]) == {0}
    assert set(ram.mapping[(THREE >> 3) + 3 : (THREE >> 3) + 8]) == {REDZONE}
    assert ram.mapping[statics_end() >> 3] == REDZONE
    assert set(ram.mapping[TURNS >> 3 : AREAS >> 3]) == {0}


def words_of(ram: Ram, start: int) -> list[int]:
    """CPU, operation and stop of one half of a record."""
    return [ram.peek(start + word) for word in (BY_CPU, BY_OPERATION, BY_STOP)]


def test_the_record_says_who_allocated_and_who_freed_and_in_which_order() -> None:
    ram = blank_ram(cpus=3)
    first, second = python_cpu(ram, 1), python_cpu(ram, 2)
    ram.poke(first.log + OPERATIONS, 11)
    ram.poke(second.log + OPERATIONS, 22)
    block = kmalloc(first, 300)
    ram.poke(STOPS, 5)
    kfree(second, block)
    record = record_of(first, block)
    assert (ram.peek(record + SHIFT), ram.peek(record + REQUESTED)) == (9, 300)
    assert words_of(ram, record + ALLOCATED_BY) == [1, 11, 0]
    assert words_of(ram, record + FREED_BY) == [2, 22, 5]
    assert 0 < ram.peek(record + ALLOCATED_BY + BY_CLOCK) <= ram.peek(record + FREED_BY + BY_CLOCK)


def test_records_lie_apart_behind_the_bound() -> None:
    ram = blank_ram(heap=0x1000)
    cpu = python_cpu(ram)
    records = [record_of(cpu, ram.map.heap + n * MIN_BLOCK) for n in range(0x1000 // MIN_BLOCK)]
    assert records[0] >= ram.map.bound
    assert all(after - before == 192 for before, after in pairwise(records))
    assert records[-1] + 192 <= ram.map.tables


def test_a_blocks_generation_grows_with_every_allocation_and_every_free() -> None:
    ram = blank_ram()
    cpu = python_cpu(ram)
    seen = []
    for _ in range(3):
        block = kmalloc(cpu, 100)
        seen.append(ram.peek(record_of(cpu, block) + GENERATION))
        kfree(cpu, block)
        seen.append(ram.peek(record_of(cpu, block) + GENERATION))
    assert seen == [1, 2, 3, 4, 5, 6]


def test_an_exhausted_heap_gives_0_until_something_is_freed() -> None:
    ram = blank_ram(heap=0x1000)
    cpu = python_cpu(ram)
    blocks = [kmalloc(cpu, 256) for _ in range(16)]
    before = ram.mapping[ram.map.heap : ram.map.bound]
    assert (kmalloc(cpu, 256), kmalloc(cpu, 1)) == (0, 0)
    assert ram.mapping[ram.map.heap : ram.map.bound] == before
    kfree(cpu, blocks[3])
    assert (kmalloc(cpu, 512), kmalloc(cpu, 256)) == (0, blocks[3])


@pytest.mark.parametrize("size", [0, -1, -(2**63), (1 << MAX_SHIFT) + 1, 1 << 62])
def test_a_size_that_no_block_has_gives_0(size: int) -> None:
    ram = blank_ram()
    before = ram.image()
    assert kmalloc(python_cpu(ram), size) == 0
    assert ram.image() == before
