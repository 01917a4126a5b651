"""The CPU of compiled code: what each of its accesses does, for each set of features. Provides `seam.Cpu`.

This is kernel code too, of the engine's own: it may take the steps of `steps`. A compiled CPU is four numbers in
registers: the raw address of RAM, its own number, its area, its log. What is a single step (`peek`, `poke`, `barrier`)
is in `steps_code`.
"""

from collections.abc import Callable, Mapping
from functools import cache
from time import CLOCK_MONOTONIC
from typing import Any

from stress.machine.control.words import MAIN, READ_MODIFY_WRITE, REGION, STACKS
from stress.machine.events import take_delay, take_event
from stress.machine.features import Features
from stress.machine.language.names import Step
from stress.machine.language.tree import CpuKind
from stress.machine.native.checks import fault_at, is_bad, look_for
from stress.machine.native.control import note_for, point_for, turning
from stress.machine.native.steps import (
    clock_gettime,
    compare_exchange,
    exchange,
    fetch_and_add,
    load_acquire_word,
    load_octet,
    load_word,
    sched_yield,
    stay_apart,
    store_octet,
    store_release_word,
    store_word,
    switch_stacks,
    unlikely,
    usleep,
)
from stress.machine.seam import Oops, harness
from stress.machine.words import (
    BOUND,
    EVENTS_LEFT,
    READ_BYTE,
    READ_WORD,
    SLEEPS,
    SPINNING_ON,
    SPINS,
    TIMESPEC,
    WRITE_BYTE,
    WRITE_WORD,
    YIELD_MASK,
)

Count = Callable[[Any], None]
SPINS_BEFORE_YIELD = 256
"""After so many turns of a spin a CPU yields even if every CPU has a core: the host may run other programs too."""


@harness
def count_nothing(cpu: Any) -> None:
    """The end of an access of a CPU that takes no events."""


def event_for(features: Features) -> Callable[[Any], None]:
    """A function that takes an event on a CPU with `features`, and stores the number of accesses up to the next one."""
    undisturbed = Step("cpu", 1, kind=CpuKind(features.undisturbed()))
    inside = Step("cpu", 1, kind=CpuKind(features.inside()))
    interrupt, nmi = features.interrupt, features.nmi

    @harness
    def delay_only(cpu: Any) -> None:
        stay_apart()
        store_word(cpu.base + cpu.log + EVENTS_LEFT, take_delay(undisturbed(cpu)))

    @harness
    def event(cpu: Any) -> None:
        stay_apart()
        left = take_event(undisturbed(cpu), inside(cpu), interrupt, nmi)
        store_word(cpu.base + cpu.log + EVENTS_LEFT, left)

    return event if features.handled else delay_only


@cache
def count_for(features: Features) -> Count:
    """What ends each access of a CPU with `features`: the countdown to an event."""
    if not features.delays:
        return count_nothing
    event = event_for(features)

    @harness
    def count_down(cpu: Any) -> None:
        left = load_word(cpu.base + cpu.log + EVENTS_LEFT) - 1
        store_word(cpu.base + cpu.log + EVENTS_LEFT, left)
        if unlikely(left <= 0):
            event(cpu)

    return count_down


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


# The order of an access and its look at the shadow. A load takes its value first and looks after it: a block that is
# freed in between is marked before it is poisoned, so no poison is read unnoticed. A store and a compare-exchange look
# first, even if the compare-exchange then stores nothing: the write may be what lets another CPU free the memory, and
# after it this CPU must not look at that memory again. x86-64 keeps loads in order; the look is an acquire, so that
# neither the compiler nor a processor moves the write before it.


@cache
def accesses_for(features: Features) -> Mapping[str, Callable[..., Any]]:
    """The functions that do what a CPU with `features` is asked for, by their names in `seam.Cpu`."""
    look, count = look_for(features), count_for(features)
    point, note = point_for(features), note_for(features)

    @harness
    def load(cpu: Any, address: int) -> int:
        point(cpu, address, READ_WORD)
        if unlikely(is_bad(cpu, address, 7)):
            fault_at(cpu, address, READ_WORD)
            raise Oops
        value: int = load_word(cpu.base + address)
        look(cpu, address, READ_WORD)
        note(cpu, READ_WORD, address, value, value)
        count(cpu)
        return value

    @harness
    def load8(cpu: Any, address: int) -> int:
        point(cpu, address, READ_BYTE)
        if unlikely(is_bad(cpu, address, 0)):
            fault_at(cpu, address, READ_BYTE)
            raise Oops
        value: int = load_octet(cpu.base + address)
        look(cpu, address, READ_BYTE)
        note(cpu, READ_BYTE, address, value, value)
        count(cpu)
        return value

    @harness
    def store(cpu: Any, address: int, value: int) -> None:
        point(cpu, address, WRITE_WORD)
        if unlikely(is_bad(cpu, address, 7)):
            fault_at(cpu, address, WRITE_WORD)
            raise Oops
        look(cpu, address, WRITE_WORD)
        store_word(cpu.base + address, value)
        note(cpu, WRITE_WORD, address, value, value)
        count(cpu)

    @harness
    def store8(cpu: Any, address: int, value: int) -> None:
        point(cpu, address, WRITE_BYTE)
        if unlikely(is_bad(cpu, address, 0)):
            fault_at(cpu, address, WRITE_BYTE)
            raise Oops
        look(cpu, address, WRITE_BYTE)
        store_octet(cpu.base + address, value)
        note(cpu, WRITE_BYTE, address, value & 0xFF, value & 0xFF)
        count(cpu)

    @harness
    def cmpxchg(cpu: Any, address: int, old: int, new: int) -> int:
        point(cpu, address, READ_MODIFY_WRITE)
        if unlikely(is_bad(cpu, address, 7)):
            fault_at(cpu, address, READ_WORD)
            raise Oops
        look(cpu, address, READ_WORD)
        seen: int = compare_exchange(cpu.base + address, old, new)
        note(cpu, READ_MODIFY_WRITE, address, seen, new if seen == old else seen)
        count(cpu)
        return seen

    @harness
    def xchg(cpu: Any, address: int, value: int) -> int:
        point(cpu, address, READ_MODIFY_WRITE)
        if unlikely(is_bad(cpu, address, 7)):
            fault_at(cpu, address, WRITE_WORD)
            raise Oops
        look(cpu, address, WRITE_WORD)
        seen: int = exchange(cpu.base + address, value)
        note(cpu, READ_MODIFY_WRITE, address, seen, value)
        count(cpu)
        return seen

    @harness
    def fetch_add(cpu: Any, address: int, amount: int) -> int:
        point(cpu, address, READ_MODIFY_WRITE)
        if unlikely(is_bad(cpu, address, 7)):
            fault_at(cpu, address, WRITE_WORD)
            raise Oops
        look(cpu, address, WRITE_WORD)
        seen: int = fetch_and_add(cpu.base + address, amount)
        note(cpu, READ_MODIFY_WRITE, address, seen, seen + amount)
        count(cpu)
        return seen

    @harness
    def load_acquire(cpu: Any, address: int) -> int:
        point(cpu, address, READ_WORD)
        if unlikely(is_bad(cpu, address, 7)):
            fault_at(cpu, address, READ_WORD)
            raise Oops
        value: int = load_acquire_word(cpu.base + address)
        look(cpu, address, READ_WORD)
        note(cpu, READ_WORD, address, value, value)
        count(cpu)
        return value

    @harness
    def store_release(cpu: Any, address: int, value: int) -> None:
        point(cpu, address, WRITE_WORD)
        if unlikely(is_bad(cpu, address, 7)):
            fault_at(cpu, address, WRITE_WORD)
            raise Oops
        look(cpu, address, WRITE_WORD)
        store_release_word(cpu.base + address, value)
        note(cpu, WRITE_WORD, address, value, value)
        count(cpu)

    plain, ordered = (load, load8, store, store8), (cmpxchg, xchg, fetch_add, load_acquire, store_release)
    functions: list[Callable[..., Any]] = [*plain, *ordered, *UNCHECKED]
    return {function.__name__: function for function in (*functions, *turning(features))}
