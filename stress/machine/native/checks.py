"""What a compiled CPU checks at an access: the bound, the alignment, the shadow."""

from collections.abc import Callable
from functools import cache
from typing import Any

from stress.machine.blocks import SHADOW_UNMAPPED
from stress.machine.features import Features
from stress.machine.native.steps import is_below, load_acquire_octet, load_word, stay_apart, store_word, unlikely
from stress.machine.seam import Oops, harness
from stress.machine.words import (
    BOUND,
    CAUSE_POWER_OFF,
    CAUSE_WILD,
    END_STACK,
    FAULT_ACCESS,
    FAULT_ADDRESS,
    FAULT_CAUSE,
    FAULT_STACK,
    HIT_ACCESS,
    HIT_ADDRESS,
    HIT_SHADOW,
    HIT_STACK,
    LOW,
)

Look = Callable[[Any, int, int], None]


@harness
def is_bad(cpu: Any, address: int, alignment: int) -> bool:
    """Whether kernel code must not access `address`. `alignment` is the mask of bits that must be 0."""
    # The bound is loaded again at each access, since power-off zeroes it.
    return not is_below(address - LOW, load_word(cpu.base + BOUND)) or address & alignment != 0


@harness
def note_fault(cpu: Any, address: int, access: int) -> None:
    """Note why an access is not possible: power-off, or a wild address."""
    stay_apart()
    cause = CAUSE_POWER_OFF if load_word(cpu.base + BOUND) == 0 else CAUSE_WILD
    store_word(cpu.base + cpu.log + FAULT_CAUSE, cause)
    store_word(cpu.base + cpu.log + FAULT_ADDRESS, address)
    store_word(cpu.base + cpu.log + FAULT_ACCESS, access)
    cpu.remember_stack(cpu.log + (END_STACK if cause == CAUSE_POWER_OFF else FAULT_STACK))


@harness
def note_hit(cpu: Any, address: int, access: int, shadow: int) -> None:
    """Note the first access of an operation to memory that is not allocated."""
    stay_apart()
    if load_word(cpu.base + cpu.log + HIT_ADDRESS) == 0:
        store_word(cpu.base + cpu.log + HIT_ADDRESS, address)
        store_word(cpu.base + cpu.log + HIT_ACCESS, access)
        store_word(cpu.base + cpu.log + HIT_SHADOW, shadow)
        cpu.remember_stack(cpu.log + HIT_STACK)


@harness
def look_at_shadow(cpu: Any, address: int, access: int) -> None:
    """Look at the shadow of the memory accessed; note the first access of an operation that is not allowed."""
    shadow = load_acquire_octet(cpu.base + (address >> 3))
    if unlikely(shadow != 0):
        note_hit(cpu, address, access, shadow)


@harness
def fault_unmapped(cpu: Any, address: int, access: int) -> None:
    """Look at the shadow; fault if the memory was unmapped, else note an access that is not allowed."""
    shadow = load_acquire_octet(cpu.base + (address >> 3))
    if unlikely(shadow == SHADOW_UNMAPPED):
        note_fault(cpu, address, access)
        raise Oops
    if unlikely(shadow != 0):
        note_hit(cpu, address, access, shadow)


@harness
def look_nowhere(cpu: Any, address: int, access: int) -> None:
    """The look of a CPU that has no shadow: none."""


@cache
def look_for(features: Features) -> Look:
    """What an access of a CPU with `features` does with the shadow."""
    if features.unmapped:
        return fault_unmapped
    return look_at_shadow if features.kasan else look_nowhere
