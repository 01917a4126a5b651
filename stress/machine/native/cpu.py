"""The CPU of compiled code: what it does beside the checked accesses, which are in `accesses`. Provides `seam.Cpu`.

This is kernel code too, of the engine's own: it may take the steps of `steps`. A compiled CPU is four numbers in
registers: the raw address of RAM, its own number, its area, its log. What is a single step (`peek`, `poke`, `barrier`)
is in `steps_code`.
"""

from collections.abc import Mapping
from functools import cache
from time import CLOCK_MONOTONIC
from typing import Any

from stress.machine.control.words import MAIN, REGION, STACKS
from stress.machine.features import Features
from stress.machine.native.accesses import Access, changes_for, reads_for, writes_for
from stress.machine.native.checks import fault_at
from stress.machine.native.control import turning
from stress.machine.native.steps import (
    clock_gettime,
    load_octet,
    load_word,
    sched_yield,
    store_octet,
    store_word,
    switch_stacks,
    unlikely,
    usleep,
)
from stress.machine.seam import Oops, harness
from stress.machine.words import BOUND, SLEEPS, SPINNING_ON, SPINS, TIMESPEC, YIELD_MASK

SPINS_BEFORE_YIELD = 256
"""After so many turns of a spin a CPU yields even if every CPU has a core: the host may run other programs too."""


@harness
def relax(cpu: Any, address: int) -> None:
    """One turn of a spin: note it, raise Oops after power-off, yield the core if others may need it."""
    spins = load_word(cpu.base + cpu.log + SPINS) + 1
    store_word(cpu.base + cpu.log + SPINNING_ON, address)
    store_word(cpu.base + cpu.log + SPINS, spins)  # last: the watchdog reads it first
    if unlikely(load_word(cpu.base + BOUND) == 0):
        fault_at(cpu, address, 0)
        raise Oops
    if load_word(cpu.base + YIELD_MASK) >= 0 or spins % SPINS_BEFORE_YIELD == 0:
        sched_yield()


@harness
def yield_core(cpu: Any) -> None:
    """Let another thread run."""
    sched_yield()


@harness
def sleep(cpu: Any, nanoseconds: int) -> None:
    """Sleep off the core; Oops if the power is off."""
    if unlikely(load_word(cpu.base + BOUND) == 0):
        fault_at(cpu, BOUND, 0)
        raise Oops
    store_word(cpu.base + cpu.log + SLEEPS, load_word(cpu.base + cpu.log + SLEEPS) + 1)
    usleep(nanoseconds // 1000)


@harness
def clock(cpu: Any) -> int:
    """Monotonic nanoseconds."""
    here = cpu.base + cpu.log + TIMESPEC
    clock_gettime(CLOCK_MONOTONIC, here)
    nanoseconds: int = load_word(here) * 1_000_000_000 + load_word(here + 8)
    return nanoseconds


@harness
def fill(cpu: Any, address: int, size: int, byte: int) -> None:
    """Set memory to one byte, word by word."""
    half = byte << 8 | byte
    quarter = half << 16 | half
    word = quarter << 32 | quarter
    for offset in range(0, size, 8):
        store_word(cpu.base + address + offset, word)


@harness
def fill_shadow(cpu: Any, address: int, size: int, byte: int) -> None:
    """Set the shadow of a range to one byte."""
    for granule in range(address >> 3, address + size >> 3):
        store_octet(cpu.base + granule, byte)


@harness
def memchr_inv(cpu: Any, address: int, size: int, byte: int) -> int:
    """The address of the first byte that differs; 0 if none does."""
    half = byte << 8 | byte
    quarter = half << 16 | half
    word = quarter << 32 | quarter
    end = address + size
    while address < end and load_word(cpu.base + address) == word:
        address += 8
    while address < end and load_octet(cpu.base + address) == byte:
        address += 1
    return 0 if address == end else address


@harness
def copy(cpu: Any, target: int, source: int, size: int) -> None:
    """Copy memory, word by word."""
    for offset in range(0, size, 8):
        store_word(cpu.base + target + offset, load_word(cpu.base + source + offset))


@harness
def hand_over(cpu: Any, this: int, other: int) -> None:
    """Go on with another CPU, on its own stack."""
    stacks = cpu.base + cpu.peek(REGION) + STACKS
    switch_stacks(stacks + (this - MAIN) * 8, stacks + (other - MAIN) * 8)


UNCHECKED = (relax, yield_core, sleep, clock, fill, fill_shadow, memchr_inv, copy, hand_over)


@cache
def accesses_for(features: Features) -> Mapping[str, Access]:
    """The functions that do what a CPU with `features` is asked for, by their names in `seam.Cpu`."""
    checked = (*reads_for(features), *writes_for(features), *changes_for(features))
    functions: list[Access] = [*checked, *UNCHECKED, *turning(features)]
    return {function.__name__: function for function in functions}
