"""What a compiled CPU does under control: a point before each access, a note behind it, waits that hand over.

A CPU that nobody controls has none of this.
"""

from collections.abc import Callable, Sequence
from functools import cache
from typing import Any

from stress.machine.control import traces, turns
from stress.machine.control.events import no_event, take_chosen
from stress.machine.control.words import LEFT, PENDING, YIELDS
from stress.machine.features import Features
from stress.machine.language.names import Step
from stress.machine.language.tree import CpuKind
from stress.machine.native.steps import load_word, stay_apart, store_word, unlikely
from stress.machine.seam import harness
from stress.machine.words import SLEEPS, SPINNING_ON, SPINS

Point = Callable[[Any, int, int], None]
Note = Callable[[Any, int, int, int, int], None]


@harness
def no_point(cpu: Any, address: int, access: int) -> None:
    """The point of a CPU that nobody controls."""


@harness
def no_note(cpu: Any, access: int, address: int, old: int, new: int) -> None:
    """The note of a CPU that is not traced."""


@cache
def handle_for(features: Features) -> Callable[[Any, int], None]:
    """What takes interrupts and NMIs."""
    if not features.handled:
        return no_event
    inside = Step("cpu", 1, kind=CpuKind(features.inside()))
    interrupt, nmi = features.interrupt, features.nmi

    @harness
    def handle(cpu: Any, event: int) -> None:
        stay_apart()
        take_chosen(cpu, inside(cpu), event, interrupt, nmi)

    return handle


@cache
def point_for(features: Features) -> Point:
    """What a CPU does before each access."""
    if features.choose is None:
        return no_point
    choose, handle = features.choose, handle_for(features)

    @harness
    def turn(cpu: Any, access: int) -> None:
        stay_apart()
        turns.take_turn_at(cpu, access, choose, handle)

    @harness
    def point(cpu: Any, address: int, access: int) -> None:
        left = load_word(cpu.base + LEFT) - 1
        store_word(cpu.base + LEFT, left)
        store_word(cpu.base + cpu.log + PENDING, address)
        if unlikely(left < 0):
            turn(cpu, access)

    return point


@cache
def note_for(features: Features) -> Note:
    """What a CPU notes of each access."""
    if not features.traced:
        return no_note

    @harness
    def note(cpu: Any, access: int, address: int, old: int, new: int) -> None:
        stay_apart()
        traces.note_step(cpu, access, address, old, new)

    return note


@cache
def turning(features: Features) -> Sequence[Callable[..., Any]]:
    """How a CPU under control waits, while others have their turns; and its clock, which counts accesses."""
    if features.choose is None:
        return ()
    choose, handle = features.choose, handle_for(features)

    @harness
    def relax(cpu: Any, address: int) -> None:
        stay_apart()
        store_word(cpu.base + cpu.log + SPINNING_ON, address)
        store_word(cpu.base + cpu.log + SPINS, load_word(cpu.base + cpu.log + SPINS) + 1)
        turns.relax(cpu, address, choose, handle)

    @harness
    def yield_core(cpu: Any) -> None:
        stay_apart()
        turns.take_turn(cpu, YIELDS, choose, handle)

    @harness
    def sleep(cpu: Any, nanoseconds: int) -> None:
        stay_apart()
        store_word(cpu.base + cpu.log + SLEEPS, load_word(cpu.base + cpu.log + SLEEPS) + 1)
        turns.sleep(cpu, nanoseconds, choose, handle)

    @harness
    def clock(cpu: Any) -> int:
        return turns.clock(cpu)

    return relax, yield_core, sleep, clock
