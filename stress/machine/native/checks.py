"""What a compiled CPU checks at an access: the bound, the alignment, the shadow."""

from collections.abc import Callable
from functools import cache
from typing import Any

from stress.machine.blocks import SHADOW_UNMAPPED
from stress.machine.faults import note_fault, note_hit
from stress.machine.features import Features
from stress.machine.native.steps import is_below, load_acquire_octet, load_word, stay_apart, unlikely
from stress.machine.seam import Oops, harness
from stress.machine.words import BOUND, LOW

Look = Callable[[Any, int, int], None]


@harness
def is_bad(cpu: Any, address: int, alignment: int) -> bool:
    """Whether kernel code must not access `address`. `alignment` is the mask of bits that must be 0."""
    # The bound is loaded again at each access, since power-off zeroes it.
    return not is_below(address - LOW, load_word(cpu.base + BOUND)) or address & alignment != 0


@harness
def fault_at(cpu: Any, address: int, access: int) -> None:
    """Note why an access is not possible."""
    stay_apart()
    note_fault(cpu, address, access)


@harness
def hit_at(cpu: Any, address: int, access: int, shadow: int) -> None:
    """Note an access to memory that is not allocated, if it is the first of an operation."""
    stay_apart()
    note_hit(cpu, address, access, shadow)


@harness
def look_at_shadow(cpu: Any, address: int, access: int) -> None:
    """Look at the shadow of the memory accessed; note the first access of an operation that is not allowed."""
    shadow = load_acquire_octet(cpu.base + (address >> 3))
    if unlikely(shadow != 0):
        hit_at(cpu, address, access, shadow)


@harness
def fault_unmapped(cpu: Any, address: int, access: int) -> None:
    """Look at the shadow; fault if the memory was unmapped, else note an access that is not allowed."""
    shadow = load_acquire_octet(cpu.base + (address >> 3))
    if unlikely(shadow == SHADOW_UNMAPPED):
        fault_at(cpu, address, access)
        raise Oops
    if unlikely(shadow != 0):
        hit_at(cpu, address, access, shadow)


@harness
def look_nowhere(cpu: Any, address: int, access: int) -> None:
    """The look of a CPU that has no shadow: none."""


@cache
def look_for(features: Features) -> Look:
    """What an access of a CPU with `features` does with the shadow."""
    if features.unmapped:
        return fault_unmapped
    return look_at_shadow if features.kasan else look_nowhere
