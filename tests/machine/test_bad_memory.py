"""What a kernel that read freed memory may ask of the slab: nonsense is refused, never obeyed, on either engine."""

import pytest

from stress.machine.blocks import MAX_SHIFT, MIN_SHIFT, SHADOW_REDZONE
from stress.machine.seam import Oops
from stress.machine.slab import kfree, kmalloc, shift_for
from stress.machine.words import CAUSE_WILD, FAULT_CAUSE
from tests.support import blank_ram, compiled, python_cpu

POISON = 0x6B6B_6B6B_6B6B_6B6B


def test_a_size_read_from_poison_is_no_memory() -> None:
    assert kmalloc(python_cpu(blank_ram()), POISON) == 0


@pytest.mark.native
def test_a_size_read_from_poison_does_not_hang_compiled_code() -> None:
    assert compiled(shift_for, None, None)(0, 0, 0, 0, POISON, MIN_SHIFT) == MAX_SHIFT + 1


def test_freeing_nothing_does_nothing() -> None:
    kfree(python_cpu(blank_ram()), 0)


@pytest.mark.parametrize("offset", [8, 256, -256, 0x100100, POISON])
def test_freeing_what_is_no_block_is_an_oops_and_leaves_the_slab_usable(offset: int) -> None:
    cpu = python_cpu(blank_ram())
    block = kmalloc(cpu, 100)
    with pytest.raises(Oops):
        kfree(cpu, block + offset)
    assert cpu.peek(cpu.log + FAULT_CAUSE) == CAUSE_WILD
    assert kmalloc(cpu, 100) not in (0, block)


def test_freeing_twice_is_an_oops_and_hands_the_block_out_once() -> None:
    cpu = python_cpu(blank_ram())
    block = kmalloc(cpu, 100)
    kfree(cpu, block)
    with pytest.raises(Oops):
        kfree(cpu, block)
    assert kmalloc(cpu, 100) == block
    assert kmalloc(cpu, 100) != block


def test_a_smaller_reuse_has_a_redzone_again() -> None:
    cpu = python_cpu(blank_ram())
    block = kmalloc(cpu, 250)
    kfree(cpu, block)
    assert kmalloc(cpu, 10) == block
    shadow = [cpu.peek8(granule) for granule in range(block >> 3, block + 256 >> 3)]
    assert shadow == [0] * 2 + [SHADOW_REDZONE] * 30
