"""What comes from outside: what masks an interrupt, what an NMI leaves of the operation that it came into, shares."""

from collections.abc import Callable
from fractions import Fraction

import pytest

from stress.kernel.stop_machine import (
    ACK,
    STATE_BITS,
    STOPMACHINE_EXIT,
    STOPMACHINE_PREPARE,
    STOPMACHINE_STATE,
    preempt_schedule,
)
from stress.machine.blocks import SHADOW_FREED, SHADOW_REDZONE
from stress.machine.events import Events, place_events, take_exception, take_interrupt, take_nmi
from stress.machine.loop import begin_operation, mark_edge
from stress.machine.python_engine import PythonCpu
from stress.machine.ram import Ram
from stress.machine.random import MODULUS
from stress.machine.seam import BrokenKernelCodeError, Cpu
from stress.machine.words import (
    AFTER_FREE,
    BOUND,
    CAUSE_WILD,
    EVENT_PERIOD,
    FAULT_CAUSE,
    FORBIDDEN,
    GAP_BELOW,
    GAP_NANOSECONDS,
    INTERRUPT_BELOW,
    INTERRUPTS,
    IRQS_DISABLED,
    MOST_OUTCOMES,
    NMI_BELOW,
    NMIS,
    NOISE_PERIOD,
    NOTES,
    NOTES_KEPT,
    OPERATIONS,
    OUT_OF_BOUNDS,
    OUTCOMES,
    PREEMPT_COUNT,
    WARNING,
    WINDOWS,
    WRITERS,
)
from tests.support import ScriptedCpu, blank_ram, python_cpu

GOOD, BAD = 5, 6


def registers(cpu: PythonCpu, preempt_count: int, irqs_disabled: int) -> None:
    """Set both."""
    cpu.poke(cpu.area + PREEMPT_COUNT, preempt_count)
    cpu.poke(cpu.area + IRQS_DISABLED, irqs_disabled)


@pytest.mark.parametrize(("preempt_count", "irqs_disabled", "taken"), [(0, 0, 1), (1, 0, 0), (0, 1, 0), (2, 1, 0)])
def test_an_interrupt_comes_only_while_preemption_is_allowed_and_interrupts_are_on(
    preempt_count: int, irqs_disabled: int, taken: int
) -> None:
    cpu = python_cpu(blank_ram())
    registers(cpu, preempt_count, irqs_disabled)
    handled: list[Cpu] = []
    take_interrupt(cpu, handled.append)
    assert (len(handled), cpu.peek(cpu.log + INTERRUPTS)) == (taken, taken)


def test_an_interrupt_lets_the_stopper_run() -> None:
    ram = blank_ram(2)
    following = 1 << STATE_BITS | STOPMACHINE_EXIT
    cpu = ScriptedCpu(ram, lambda _: ram.poke(STOPMACHINE_STATE, following))
    ram.poke(STOPMACHINE_STATE, 1 << STATE_BITS | STOPMACHINE_PREPARE)
    take_interrupt(cpu, preempt_schedule)
    assert ram.peek(cpu.area + ACK) == following


def interrupted() -> tuple[Ram, PythonCpu, bytes]:
    """A reader in the midst of an operation, every note of which is set; and the notes."""
    ram = blank_ram(2)
    ram.poke(WRITERS, 1)
    ram.poke(FORBIDDEN, 1 << BAD)
    cpu = python_cpu(ram, 1)
    begin_operation(cpu)
    for number, note in enumerate(range(NOTES, NOTES_KEPT, 8)):
        ram.poke(cpu.log + note, 1000 + number)
    return ram, cpu, notes_of(ram, cpu)


def notes_of(ram: Ram, cpu: PythonCpu) -> bytes:
    """All notes on a CPU's operation."""
    return ram.mapping[cpu.log + NOTES : cpu.log + NOTES_KEPT]


def end_well(cpu: Cpu) -> int:
    """A handler that scribbles over every note, a warning among them."""
    for note in range(NOTES, NOTES_KEPT, 8):
        cpu.poke(cpu.log + note, 77)
    cpu.poke(cpu.log + WARNING, BAD)
    return GOOD


def fault(cpu: Cpu) -> int:
    """A handler that changes both registers and then faults."""
    cpu.poke(cpu.area + PREEMPT_COUNT, 7)
    cpu.poke(cpu.area + IRQS_DISABLED, 0)
    return cpu.load(8)


@pytest.mark.parametrize(("handler", "outcome"), [(end_well, BAD), (fault, CAUSE_WILD), (lambda cpu: GOOD, GOOD)])
def test_an_nmi_is_an_operation_of_its_own_that_leaves_what_it_interrupted_as_it_was(
    handler: Callable[[Cpu], int], outcome: int
) -> None:
    ram, cpu, notes = interrupted()
    registers(cpu, 3, 1)
    take_nmi(cpu, handler)
    assert notes_of(ram, cpu) == notes
    assert [ram.peek(cpu.area + word) for word in (PREEMPT_COUNT, IRQS_DISABLED)] == [3, 1]
    [counts] = ram.log_words(OUTCOMES, 32)[1:]
    assert (counts[outcome], sum(counts)) == (1, 1)
    assert [ram.peek(cpu.log + word) for word in (NMIS, OPERATIONS)] == [1, 0]


def test_an_nmi_is_a_window_only_by_its_own_edges() -> None:
    ram, cpu, _ = interrupted()
    take_nmi(cpu, lambda cpu: GOOD)
    assert ram.peek(cpu.log + WINDOWS) == 0

    def overtaken(cpu: Cpu) -> int:
        mark_edge(python_cpu(ram, 0))
        return GOOD

    take_nmi(cpu, overtaken)
    assert ram.peek(cpu.log + WINDOWS) == 1


def test_an_nmi_with_nothing_to_judge_is_not_counted() -> None:
    ram, cpu, _ = interrupted()
    take_exception(cpu, lambda cpu: 0)
    assert ram.log_words(OUTCOMES, 32)[1] == [0] * 32


@pytest.mark.parametrize(("shadow", "outcome"), [(SHADOW_FREED, AFTER_FREE), (SHADOW_REDZONE, OUT_OF_BOUNDS)])
@pytest.mark.parametrize("returned", [0, GOOD, BAD])
def test_an_nmi_that_touches_what_is_not_allocated_is_counted_as_that_whatever_it_comes_to(
    returned: int, shadow: int, outcome: int
) -> None:
    ram, cpu, notes = interrupted()

    def handler(cpu: Cpu) -> int:
        ram.mapping[ram.map.heap >> 3] = shadow
        cpu.load(ram.map.heap)
        return returned

    take_exception(cpu, handler)
    [counts] = ram.log_words(OUTCOMES, 32)[1:]
    assert [code for code, count in enumerate(counts) if count] == [BAD if returned == BAD else outcome]
    assert notes_of(ram, cpu) == notes


def test_an_nmi_that_power_off_cuts_short_is_not_counted() -> None:
    ram, cpu, _ = interrupted()

    def handler(cpu: Cpu) -> int:
        cpu.poke(BOUND, 0)
        return cpu.load(0)

    before = ram.mapping[cpu.log + OUTCOMES : cpu.log + NOTES]
    take_exception(cpu, handler)
    assert ram.mapping[cpu.log + OUTCOMES : cpu.log + NOTES] == before


def test_an_error_in_an_nmi_handler_is_no_outcome(monkeypatch: pytest.MonkeyPatch) -> None:
    _, cpu, _ = interrupted()
    monkeypatch.setattr(cpu, "unexplained", lambda: None)  # compiled code does not know which exception it was
    with pytest.raises(BrokenKernelCodeError):
        take_exception(cpu, lambda cpu: 1 // 0)
    assert cpu.peek(cpu.log + FAULT_CAUSE) == 0


@pytest.mark.parametrize("outcome", [-1, MOST_OUTCOMES, 98])
def test_an_outcome_of_an_nmi_that_there_cannot_be_is_an_error_and_counted_nowhere(outcome: int) -> None:
    ram, cpu, _ = interrupted()
    with pytest.raises(BrokenKernelCodeError):
        take_exception(cpu, lambda cpu: outcome)
    assert ram.log_words(OUTCOMES, MOST_OUTCOMES)[1] == [0] * MOST_OUTCOMES


@pytest.mark.parametrize(
    ("events", "period", "below"),
    [
        (Events(noise=Fraction(1, 64)), 64, [0, 0, 0]),
        (Events(nmi=Fraction(1, 100)), 100, [1, 1, 1]),
        (Events(Fraction(1, 8), Fraction(1, 16), Fraction(1, 32), Fraction(1, 32), 0.001), 4, [0.125, 0.25, 0.5]),
        (Events(), 0, [0, 0, 0]),
    ],
)
def test_each_kind_of_event_has_its_share_of_what_is_drawn(events: Events, period: int, below: list[float]) -> None:
    ram = blank_ram()
    place_events(ram, events)
    assert ram.peek(EVENT_PERIOD) == period
    drawn = [ram.peek(word) / MODULUS for word in (NMI_BELOW, INTERRUPT_BELOW, GAP_BELOW)]
    assert drawn == pytest.approx(below)
    assert ram.peek(GAP_NANOSECONDS) == round(events.gap_s * 1e9)
    assert ram.peek(NOISE_PERIOD) == (1 / events.noise if events.noise else 0)
