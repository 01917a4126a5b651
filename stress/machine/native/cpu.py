"""The CPU as a numba type: one type for each set of features, its accesses chosen when a program is compiled.

Importing this module registers the type's methods; they provide `seam.Cpu`. A compiled CPU is four
numbers in registers: the raw address of RAM, its own number, its area, its log.
"""

import inspect
from collections.abc import Callable
from functools import cache
from time import CLOCK_MONOTONIC
from typing import Any

from numba import types
from numba.core import cgutils
from numba.extending import intrinsic, make_attribute_wrapper, models, overload_method, register_model

from stress.machine.events import take_delay, take_event
from stress.machine.features import Features
from stress.machine.native.atomics import (
    compare_exchange,
    fence,
    load_octet,
    load_word,
    stay_apart,
    store_octet,
    store_word,
    unlikely,
)
from stress.machine.native.checks import Look, is_bad, look_for, look_nowhere, note_fault, part
from stress.machine.native.linking import PartCompiler
from stress.machine.seam import Oops
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
FIELDS = ("base", "number", "area", "log")
SPINS_BEFORE_YIELD = 256
"""After so many turns of a spin a CPU yields even if every CPU has a core: the host may run other programs too."""

sched_yield = types.ExternalFunction("sched_yield", types.int32())
usleep = types.ExternalFunction("usleep", types.int32(types.uint32))
clock_gettime = types.ExternalFunction("clock_gettime", types.int32(types.int32, types.int64))


class CpuType(types.Type):
    """The numba type of a CPU with one set of features."""

    def __init__(self, features: Features) -> None:
        """Name the type after its features, by which numba tells types apart."""
        self.features = features
        super().__init__(name=f"Cpu({features})")


@register_model(CpuType)
class CpuModel(models.StructModel):
    """Four 64-bit numbers."""

    def __init__(self, manager: Any, cpu_type: CpuType) -> None:
        """Lay the fields out."""
        super().__init__(manager, cpu_type, [(field, types.int64) for field in FIELDS])


for _field in FIELDS:
    make_attribute_wrapper(CpuType, _field, _field)


def make_constructor(features: Features) -> Callable[[int, int, int, int], Any]:
    """A function for compiled code that makes a CPU with `features` from its four numbers."""
    cpu_type = CpuType(features)

    @intrinsic
    def new_cpu(_: Any, base: Any, number: Any, area: Any, log: Any) -> Any:
        def generate(context: Any, builder: Any, signature: Any, args: Any) -> Any:
            cpu = cgutils.create_struct_proxy(cpu_type)(context, builder)
            cpu.base, cpu.number, cpu.area, cpu.log = args
            return cpu._getvalue()

        return cpu_type(*[types.int64] * len(FIELDS)), generate

    constructor: Callable[[int, int, int, int], Any] = new_cpu
    return constructor


@part
def count_nothing(cpu: Any) -> None:
    """The end of an access of a CPU that takes no events."""


def event_for(features: Features) -> Callable[[Any], None]:
    """A function that takes an event on a CPU with `features`, and stores the number of accesses up to the next one."""
    undisturbed, inside = make_constructor(features.undisturbed()), make_constructor(features.inside())
    interrupt, nmi = features.interrupt, features.nmi

    @part
    def delay_only(cpu: Any) -> None:
        stay_apart()
        here = undisturbed(cpu.base, cpu.number, cpu.area, cpu.log)
        store_word(cpu.base + cpu.log + EVENTS_LEFT, take_delay(here))

    @part
    def event(cpu: Any) -> None:
        stay_apart()
        here = undisturbed(cpu.base, cpu.number, cpu.area, cpu.log)
        handler_cpu = inside(cpu.base, cpu.number, cpu.area, cpu.log)
        store_word(cpu.base + cpu.log + EVENTS_LEFT, take_event(here, handler_cpu, interrupt, nmi))

    return event if features.handled else delay_only


@cache
def count_for(features: Features) -> Count:
    """What ends each access of a CPU with `features`: the countdown to an event."""
    if not features.delays:
        return count_nothing
    event = event_for(features)

    @part
    def count_down(cpu: Any) -> None:
        left = load_word(cpu.base + cpu.log + EVENTS_LEFT) - 1
        store_word(cpu.base + cpu.log + EVENTS_LEFT, left)
        if unlikely(left <= 0):
            event(cpu)

    return count_down


def provide(name: str) -> Callable[[Callable[[Look, Count], Any]], None]:
    """Register the method `name` of compiled CPUs; its maker gets the look and the count of the CPU's features."""

    def register(make: Callable[[Look, Count], Any]) -> None:
        def choose(cpu: Any, *arguments: Any) -> Any:
            return make(look_for(cpu.features), count_for(cpu.features))

        choose.__signature__ = inspect.signature(make(look_nowhere, count_nothing))  # type: ignore[attr-defined]
        overload_method(CpuType, name, jit_options={"pipeline_class": PartCompiler})(choose)

    return register


# The order of an access and its look at the shadow. A load takes its value first and looks after it: a block that is
# freed in between is marked before it is poisoned, so no poison is read unnoticed. A store and a compare-exchange look
# first, even if the compare-exchange then stores nothing: the write may be what lets another CPU free the memory, and
# after it this CPU must not look at that memory again. x86-64 keeps loads in order; the look is an acquire, so that
# neither the compiler nor a processor moves the write before it.


@provide("load")
def _load(look: Look, count: Count) -> Any:
    def load(cpu: Any, address: int) -> int:
        if is_bad(cpu, address, 7):
            note_fault(cpu, address, READ_WORD)
            raise Oops
        value: int = load_word(cpu.base + address)
        look(cpu, address, READ_WORD)
        count(cpu)
        return value

    return load


@provide("load8")
def _load8(look: Look, count: Count) -> Any:
    def load8(cpu: Any, address: int) -> int:
        if is_bad(cpu, address, 0):
            note_fault(cpu, address, READ_BYTE)
            raise Oops
        value: int = load_octet(cpu.base + address)
        look(cpu, address, READ_BYTE)
        count(cpu)
        return value

    return load8


@provide("store")
def _store(look: Look, count: Count) -> Any:
    def store(cpu: Any, address: int, value: int) -> None:
        if is_bad(cpu, address, 7):
            note_fault(cpu, address, WRITE_WORD)
            raise Oops
        look(cpu, address, WRITE_WORD)
        store_word(cpu.base + address, value)
        count(cpu)

    return store


@provide("store8")
def _store8(look: Look, count: Count) -> Any:
    def store8(cpu: Any, address: int, value: int) -> None:
        if is_bad(cpu, address, 0):
            note_fault(cpu, address, WRITE_BYTE)
            raise Oops
        look(cpu, address, WRITE_BYTE)
        store_octet(cpu.base + address, value)
        count(cpu)

    return store8


@provide("cmpxchg")
def _cmpxchg(look: Look, count: Count) -> Any:
    def cmpxchg(cpu: Any, address: int, old: int, new: int) -> int:
        if is_bad(cpu, address, 7):
            note_fault(cpu, address, READ_WORD)
            raise Oops
        look(cpu, address, READ_WORD)
        seen: int = compare_exchange(cpu.base + address, old, new)
        count(cpu)
        return seen

    return cmpxchg


@provide("barrier")
def _barrier(look: Look, count: Count) -> Any:
    return lambda cpu: fence()


@provide("peek")
def _peek(look: Look, count: Count) -> Any:
    return lambda cpu, address: load_word(cpu.base + address)


@provide("poke")
def _poke(look: Look, count: Count) -> Any:
    return lambda cpu, address, value: store_word(cpu.base + address, value)


@provide("peek8")
def _peek8(look: Look, count: Count) -> Any:
    return lambda cpu, address: load_octet(cpu.base + address)


@provide("relax")
def _relax(look: Look, count: Count) -> Any:
    def relax(cpu: Any, address: int) -> None:
        spins = load_word(cpu.base + cpu.log + SPINS) + 1
        store_word(cpu.base + cpu.log + SPINNING_ON, address)
        store_word(cpu.base + cpu.log + SPINS, spins)  # last: the watchdog reads it first
        if unlikely(load_word(cpu.base + BOUND) == 0):
            note_fault(cpu, address, 0)
            raise Oops
        if load_word(cpu.base + YIELD_MASK) >= 0 or spins % SPINS_BEFORE_YIELD == 0:
            sched_yield()

    return relax


@provide("yield_core")
def _yield_core(look: Look, count: Count) -> Any:
    def yield_core(cpu: Any) -> None:
        sched_yield()

    return yield_core


@provide("sleep")
def _sleep(look: Look, count: Count) -> Any:
    def sleep(cpu: Any, nanoseconds: int) -> None:
        if unlikely(load_word(cpu.base + BOUND) == 0):
            note_fault(cpu, BOUND, 0)
            raise Oops
        store_word(cpu.base + cpu.log + SLEEPS, load_word(cpu.base + cpu.log + SLEEPS) + 1)
        usleep(nanoseconds // 1000)

    return sleep


@provide("unexplained")
def _unexplained(look: Look, count: Count) -> Any:
    def unexplained(cpu: Any) -> None:
        """Compiled code does not know which exception it handles."""

    return unexplained


@provide("remember_stack")
def _remember_stack(look: Look, count: Count) -> Any:
    def remember_stack(cpu: Any, key: int) -> None:
        """Compiled code keeps no stacks."""

    return remember_stack


@provide("copy_stack")
def _copy_stack(look: Look, count: Count) -> Any:
    def copy_stack(cpu: Any, target: int, source: int) -> None:
        """Compiled code keeps no stacks."""

    return copy_stack


@provide("clock")
def _clock(look: Look, count: Count) -> Any:
    def clock(cpu: Any) -> int:
        here = cpu.base + cpu.log + TIMESPEC
        clock_gettime(CLOCK_MONOTONIC, here)
        nanoseconds: int = load_word(here) * 1_000_000_000 + load_word(here + 8)
        return nanoseconds

    return clock


@provide("fill")
def _fill(look: Look, count: Count) -> Any:
    def fill(cpu: Any, address: int, size: int, byte: int) -> None:
        half = byte << 8 | byte
        quarter = half << 16 | half
        word = quarter << 32 | quarter
        for offset in range(0, size, 8):
            store_word(cpu.base + address + offset, word)

    return fill


@provide("fill_shadow")
def _fill_shadow(look: Look, count: Count) -> Any:
    def fill_shadow(cpu: Any, address: int, size: int, byte: int) -> None:
        for granule in range(address >> 3, address + size >> 3):
            store_octet(cpu.base + granule, byte)

    return fill_shadow


@provide("memchr_inv")
def _memchr_inv(look: Look, count: Count) -> Any:
    def memchr_inv(cpu: Any, address: int, size: int, byte: int) -> int:
        half = byte << 8 | byte
        quarter = half << 16 | half
        word = quarter << 32 | quarter
        end = address + size
        while address < end and load_word(cpu.base + address) == word:
            address += 8
        while address < end and load_octet(cpu.base + address) == byte:
            address += 1
        return 0 if address == end else address

    return memchr_inv


@provide("copy")
def _copy(look: Look, count: Count) -> Any:
    def copy(cpu: Any, target: int, source: int, size: int) -> None:
        for offset in range(0, size, 8):
            store_word(cpu.base + target + offset, load_word(cpu.base + source + offset))

    return copy
