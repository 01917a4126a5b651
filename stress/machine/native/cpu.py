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
from stress.machine.native.ranges import UNCHECKED, ranges_for, ranges_in_pieces
from stress.machine.native.steps import (
    clock_gettime,
    load_word,
    sched_yield,
    store_word,
    switch_stacks,
    unlikely,
    usleep,
)
from stress.machine.seam import Oops, harness
from stress.machine.words import BOUND, LONGEST_SLEEP, SLEEPS, SPINNING_ON, SPINS, TIMESPEC, YIELD_MASK

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
    usleep(min(max(nanoseconds, 0), LONGEST_SLEEP) // 1000)


@harness
def clock(cpu: Any) -> int:
    """Monotonic nanoseconds."""
    here = cpu.base + cpu.log + TIMESPEC
    clock_gettime(CLOCK_MONOTONIC, here)
    nanoseconds: int = load_word(here) * 1_000_000_000 + load_word(here + 8)
    return nanoseconds


@harness
def hand_over(cpu: Any, this: int, other: int) -> None:
    """Go on with another CPU, on its own stack."""
    stacks = cpu.base + cpu.peek(REGION) + STACKS
    switch_stacks(stacks + (this - MAIN) * 8, stacks + (other - MAIN) * 8)


OWN = (relax, yield_core, sleep, clock, hand_over)


@cache
def accesses_for(features: Features) -> Mapping[str, Access]:
    """The functions that do what a CPU with `features` is asked for, by their names in `seam.Cpu`."""
    accesses = (*reads_for(features), *writes_for(features), *changes_for(features))
    controlled = (*turning(features), *ranges_in_pieces(features))
    functions: list[Access] = [*accesses, *ranges_for(features), *UNCHECKED, *OWN, *controlled]
    return {function.__name__: function for function in functions}
