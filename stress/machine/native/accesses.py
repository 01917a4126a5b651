"""The checked accesses of compiled code: reads, writes and read-modify-writes of RAM, for each set of features.

The order of an access and its look at the shadow. A load takes its value first and looks after it: a block that is
freed in between is marked before it is poisoned, so no poison is read unnoticed. A store and a compare-exchange look
first, even if the compare-exchange then stores nothing: the write may be what lets another CPU free the memory, and
after it this CPU must not look at that memory again. x86-64 keeps loads in order; the look is an acquire, so that
neither the compiler nor a processor moves the write before it.
"""

from collections.abc import Callable, Sequence
from functools import cache
from typing import Any

from stress.machine.control.words import READ_MODIFY_WRITE
from stress.machine.events import take_delay, take_event
from stress.machine.features import Features
from stress.machine.language.names import Step
from stress.machine.language.tree import CpuKind
from stress.machine.native.checks import fault_at, is_bad, look_for
from stress.machine.native.control import note_for, point_for
from stress.machine.native.steps import (
    compare_exchange,
    exchange,
    fetch_and_add,
    load_acquire_word,
    load_octet,
    load_word,
    stay_apart,
    store_octet,
    store_release_word,
    store_word,
    unlikely,
)
from stress.machine.seam import Oops, harness
from stress.machine.words import EVENTS_LEFT, READ_BYTE, READ_WORD, WRITE_BYTE, WRITE_WORD

Access = Callable[..., Any]
"""A function of kernel code that does an access, or a part of one."""
WORD_BITS, BYTE_BITS = 7, 0
"""The low bits of an address that must be 0 for an access to a word, to a byte."""


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
def count_for(features: Features) -> Callable[[Any], None]:
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


@cache
def begin_for(features: Features) -> Access:
    """What begins each access: another CPU's turn, where somebody controls that, and the fault of a bad address."""
    point = point_for(features)

    @harness
    def begin(cpu: Any, address: int, turn: int, access: int, low_bits: int) -> None:
        point(cpu, address, turn)
        if unlikely(is_bad(cpu, address, low_bits)):
            fault_at(cpu, address, access)
            raise Oops

    return begin


@harness
def word_at(cpu: Any, address: int) -> int:
    """A word."""
    value: int = load_word(cpu.base + address)
    return value


@harness
def octet_at(cpu: Any, address: int) -> int:
    """A byte."""
    value: int = load_octet(cpu.base + address)
    return value


@harness
def acquired_at(cpu: Any, address: int) -> int:
    """A word, before what comes after."""
    value: int = load_acquire_word(cpu.base + address)
    return value


@cache
def reads_for(features: Features) -> Sequence[Access]:
    """The reads of a CPU with `features`."""
    begin, look, note, count = begin_for(features), look_for(features), note_for(features), count_for(features)

    @harness
    def read(cpu: Any, take: Access, address: int, access: int, low_bits: int) -> int:
        begin(cpu, address, access, access, low_bits)
        value: int = take(cpu, address)
        look(cpu, address, access)
        note(cpu, access, address, value, value)
        count(cpu)
        return value

    @harness
    def load(cpu: Any, address: int) -> int:
        return read(cpu, word_at, address, READ_WORD, WORD_BITS)

    @harness
    def load8(cpu: Any, address: int) -> int:
        return read(cpu, octet_at, address, READ_BYTE, BYTE_BITS)

    @harness
    def load_acquire(cpu: Any, address: int) -> int:
        return read(cpu, acquired_at, address, READ_WORD, WORD_BITS)

    return load, load8, load_acquire


@harness
def put_word(cpu: Any, address: int, value: int) -> None:
    """Store a word."""
    store_word(cpu.base + address, value)


@harness
def put_octet(cpu: Any, address: int, value: int) -> None:
    """Store a byte."""
    store_octet(cpu.base + address, value)


@harness
def put_released(cpu: Any, address: int, value: int) -> None:
    """Store a word, after what comes before."""
    store_release_word(cpu.base + address, value)


@cache
def writes_for(features: Features) -> Sequence[Access]:
    """The writes of a CPU with `features`."""
    begin, look, note, count = begin_for(features), look_for(features), note_for(features), count_for(features)

    @harness
    def write(cpu: Any, put: Access, address: int, value: int, access: int, low_bits: int) -> None:
        begin(cpu, address, access, access, low_bits)
        look(cpu, address, access)
        put(cpu, address, value)
        note(cpu, access, address, value, value)
        count(cpu)

    @harness
    def store(cpu: Any, address: int, value: int) -> None:
        write(cpu, put_word, address, value, WRITE_WORD, WORD_BITS)

    @harness
    def store8(cpu: Any, address: int, value: int) -> None:
        write(cpu, put_octet, address, value & 0xFF, WRITE_BYTE, BYTE_BITS)

    @harness
    def store_release(cpu: Any, address: int, value: int) -> None:
        write(cpu, put_released, address, value, WRITE_WORD, WORD_BITS)

    return store, store8, store_release


@cache
def changes_for(features: Features) -> Sequence[Access]:
    """The read-modify-writes of a CPU with `features`, each one step and a full barrier."""
    begin, look, note, count = begin_for(features), look_for(features), note_for(features), count_for(features)

    @harness
    def end(cpu: Any, address: int, seen: int, now: int) -> int:
        note(cpu, READ_MODIFY_WRITE, address, seen, now)
        count(cpu)
        return seen

    @harness
    def may_change(cpu: Any, address: int, access: int) -> None:
        begin(cpu, address, READ_MODIFY_WRITE, access, WORD_BITS)
        look(cpu, address, access)

    @harness
    def cmpxchg(cpu: Any, address: int, old: int, new: int) -> int:
        may_change(cpu, address, READ_WORD)
        seen: int = compare_exchange(cpu.base + address, old, new)
        return end(cpu, address, seen, new if seen == old else seen)

    @harness
    def xchg(cpu: Any, address: int, value: int) -> int:
        may_change(cpu, address, WRITE_WORD)
        seen: int = exchange(cpu.base + address, value)
        return end(cpu, address, seen, value)

    @harness
    def fetch_add(cpu: Any, address: int, amount: int) -> int:
        may_change(cpu, address, WRITE_WORD)
        seen: int = fetch_and_add(cpu.base + address, amount)
        return end(cpu, address, seen, seen + amount)

    return cmpxchg, xchg, fetch_add
