"""The events that a CPU takes at random accesses: noise, interrupts, NMIs and gaps.

Each CPU has one countdown for all of them; when it ends, one kind is drawn by its share of the accesses. Handlers run
on a CPU of the same number that takes only delays. This is kernel code, so that both engines do the same.
"""

from collections.abc import Callable
from fractions import Fraction

import attrs

from stress.machine.loop import guarded, judge_operation
from stress.machine.ram import Ram
from stress.machine.random import MODULUS, draw
from stress.machine.seam import BrokenKernelCodeError, Cpu, Operation, harness, kernel
from stress.machine.words import (
    AFTER_FREE,
    BOUND,
    EVENT_PERIOD,
    EVENT_RANDOM,
    FAULT_STACK,
    GAP_BELOW,
    GAP_NANOSECONDS,
    HIT_STACK,
    IN_HANDLER,
    INTERRUPT_BELOW,
    INTERRUPTS,
    IRQS_DISABLED,
    NMI_BELOW,
    NMIS,
    NOISE_PERIOD,
    NOTES,
    NOTES_BYTES,
    NOTES_KEPT,
    PREEMPT_COUNT,
    WARNING_STACK,
    WRONG_OUTCOME,
)


@attrs.frozen
class Events:
    """The share of accesses at which each kind comes, 0 to 1, at most 1 together; `gap_s` is the length of a gap."""

    noise: Fraction = Fraction(0)
    gap: Fraction = Fraction(0)
    interrupt: Fraction = Fraction(0)
    nmi: Fraction = Fraction(0)
    gap_s: float = 0.0

    @property
    def total(self) -> Fraction:
        """The share of accesses at which anything comes."""
        return self.noise + self.gap + self.interrupt + self.nmi


def place_events(ram: Ram, events: Events) -> None:
    """Write the settings that `take_event` reads, before any CPU runs."""
    if not events.total:
        return
    ram.poke(EVENT_PERIOD, max(round(1 / events.total), 1))
    ram.poke(GAP_NANOSECONDS, round(events.gap_s * 1e9))
    ram.poke(NOISE_PERIOD, round(1 / events.noise) if events.noise else 0)
    below = events.nmi
    for word, share in ((NMI_BELOW, events.interrupt), (INTERRUPT_BELOW, events.gap), (GAP_BELOW, events.noise)):
        ram.poke(word, round(below / events.total * MODULUS))
        below += share


@kernel
def take_interrupt(cpu: Cpu, handler: Callable[[Cpu], None]) -> None:
    """Take an interrupt, unless preemption is disabled or interrupts are off.

    Both words are this CPU's own and change only in its program's order, so plain reads do.
    """
    if cpu.peek(cpu.area + PREEMPT_COUNT) == 0 and cpu.peek(cpu.area + IRQS_DISABLED) == 0:
        cpu.poke(cpu.log + INTERRUPTS, cpu.peek(cpu.log + INTERRUPTS) + 1)
        handler(cpu)


@kernel
def move_notes(cpu: Cpu, target: int, source: int) -> None:
    """Copy the notes on an operation, and the stacks of its bad access, its fault and its warning."""
    cpu.copy_unchecked(cpu.log + target, cpu.log + source, NOTES_BYTES)
    cpu.copy_stack(cpu.log + target + HIT_STACK - NOTES, cpu.log + source + HIT_STACK - NOTES)
    cpu.copy_stack(cpu.log + target + FAULT_STACK - NOTES, cpu.log + source + FAULT_STACK - NOTES)
    cpu.copy_stack(cpu.log + target + WARNING_STACK - NOTES, cpu.log + source + WARNING_STACK - NOTES)


@harness
def take_exception(cpu: Cpu, handler: Operation) -> None:
    """Run a handler as an operation inside the interrupted one, whatever is masked, and judge it by itself.

    The notes and the registers of the interrupted operation are kept aside and put back, so that a fault of the handler
    ends only the handler.

    Raises:
        BrokenKernelCodeError: for a handler that returns something that is not an outcome.
    """
    preempt_count = cpu.peek(cpu.area + PREEMPT_COUNT)
    irqs_disabled = cpu.peek(cpu.area + IRQS_DISABLED)
    move_notes(cpu, NOTES_KEPT, NOTES)
    cpu.poke(cpu.log + IN_HANDLER, 1)
    outcome = guarded(cpu, handler)
    if outcome < 0 or (outcome >= AFTER_FREE and cpu.peek(BOUND) != 0):
        cpu.poke(cpu.log + WRONG_OUTCOME, outcome)
        raise BrokenKernelCodeError
    judge_operation(cpu, outcome)
    move_notes(cpu, NOTES, NOTES_KEPT)
    cpu.poke(cpu.area + PREEMPT_COUNT, preempt_count)
    cpu.poke(cpu.area + IRQS_DISABLED, irqs_disabled)


@kernel
def take_nmi(cpu: Cpu, handler: Operation) -> None:
    """Take an NMI; nothing masks it."""
    cpu.poke(cpu.log + NMIS, cpu.peek(cpu.log + NMIS) + 1)
    take_exception(cpu, handler)


@kernel
def next_event(cpu: Cpu) -> int:
    """The number of accesses up to the next event: 1 to twice EVENT_PERIOD, so EVENT_PERIOD on average."""
    return 1 + draw(cpu, EVENT_RANDOM, 2 * cpu.peek(EVENT_PERIOD))


@kernel
def delay(cpu: Cpu, drawn: int) -> None:
    """Take a gap or noise, whichever was drawn; do nothing if an interrupt or an NMI was drawn."""
    if drawn >= cpu.peek(GAP_BELOW):
        cpu.yield_core()
    elif drawn >= cpu.peek(INTERRUPT_BELOW):
        cpu.sleep(cpu.peek(GAP_NANOSECONDS))


@kernel
def take_delay(cpu: Cpu) -> int:
    """Take one event on a CPU that takes only delays; returns the number of accesses up to the next one."""
    delay(cpu, draw(cpu, EVENT_RANDOM, MODULUS))
    return next_event(cpu)


@kernel
def take_event(cpu: Cpu, inside: Cpu, interrupt: Callable[[Cpu], None], nmi: Operation) -> int:
    """Take one event, drawn by the shares of the kinds; returns the number of accesses up to the next one.

    `cpu` takes no events, so that drawing one is not disturbed; handlers run on `inside`, the same CPU with delays.
    """
    drawn = draw(cpu, EVENT_RANDOM, MODULUS)
    if drawn < cpu.peek(NMI_BELOW):
        take_nmi(inside, nmi)
    elif drawn < cpu.peek(INTERRUPT_BELOW):
        take_interrupt(inside, interrupt)
    else:
        delay(cpu, drawn)
    return next_event(cpu)
