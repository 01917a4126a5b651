"""What becomes of freed memory: poisoned, reused with what it had, or unmapped; told by its bytes and its shadow."""

import pytest

from stress.machine.slab import FATE, POISONED, REUSED, UNMAPPED, kfree, kmalloc
from tests.support import blank_ram, python_cpu

SIZE = 256
POISON = b"k" * (SIZE - 1) + b"\xa5"
OLD = b"old bytes" * 28 + bytes(4)


@pytest.mark.parametrize(
    ("fate", "mark", "freed", "new"),
    [
        (POISONED, 0xFB, POISON, b"\x5a" * SIZE),
        (REUSED, 0xFB, OLD, OLD),
        (UNMAPPED, 0xFE, OLD, b"\x5a" * SIZE),
    ],
)
def test_a_fate_tells_what_a_freed_block_holds_how_it_is_marked_and_what_its_next_owner_finds(
    fate: int, mark: int, freed: bytes, new: bytes
) -> None:
    ram = blank_ram()
    cpu = python_cpu(ram)
    ram.poke(FATE, fate)
    block = kmalloc(cpu, SIZE)
    ram.write(block, OLD)
    kfree(cpu, block)
    assert ram.mapping[block : block + SIZE] == freed
    assert set(ram.mapping[block >> 3 : block + SIZE >> 3]) == {mark}
    assert kmalloc(cpu, SIZE) == block
    assert ram.mapping[block : block + SIZE] == new
    assert set(ram.mapping[block >> 3 : block + SIZE >> 3]) == {0}
