"""What comes to a CPU at random accesses, from outside of the code it runs: noise, interrupts, NMIs, gaps.

One countdown in each CPU leads to all of them; when it ends, one kind is drawn by its share of the accesses.
Handlers run on a CPU of the same number to which only delays come. Kernel code, so that both engines do the same.
"""

from collections.abc import Callable
from fractions import Fraction

import attrs

from stress.machine.loop import guarded, judge_operation
from stress.machine.ram import Ram
from stress.machine.random import MODULUS, draw
from stress.machine.seam import BrokenKernelCodeError, Cpu, Operation, kernel
from stress.machine.words import (
    CAUSE_POWER_OFF,
    EVENT_PERIOD,
    EVENT_RANDOM,
    FAULT_ADDRESS,
    GAP_BELOW,
    GAP_NANOSECONDS,
    HIT_ADDRESS,
    IN_HANDLER,
    INTERRUPT_BELOW,
    INTERRUPTS,
    IRQS_DISABLED,
    MOST_OUTCOMES,
    NMI_BELOW,
    NMIS,
    NOTES,
    NOTES_BYTES,
    NOTES_KEPT,
    PREEMPT_COUNT,
    WARNING_ADDRESS,
)


@attrs.frozen
class Events:
    """The shares of accesses at which each kind comes, 0 to 1, at most 1 in all; `gap_s` is how long a gap lasts."""

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
    below = events.nmi
    for word, share in ((NMI_BELOW, events.interrupt), (INTERRUPT_BELOW, events.gap), (GAP_BELOW, events.noise)):
        ram.poke(word, round(below / events.total * MODULUS))
        below += share


@kernel
def take_interrupt(cpu: Cpu, handler: Callable[[Cpu], None]) -> None:
    """An interrupt: comes only while preemption is allowed and interrupts are on."""
    if cpu.peek(cpu.area + PREEMPT_COUNT) == 0 and cpu.peek(cpu.area + IRQS_DISABLED) == 0:
        cpu.poke(cpu.log + INTERRUPTS, cpu.peek(cpu.log + INTERRUPTS) + 1)
        handler(cpu)


@kernel
def move_notes(cpu: Cpu, target: int, source: int) -> None:
    """Copy the notes on an operation, and the stacks of its bad access, its fault and its warning."""
    cpu.copy(cpu.log + target, cpu.log + source, NOTES_BYTES)
    cpu.copy_stack(cpu.log + target + HIT_ADDRESS - NOTES, cpu.log + source + HIT_ADDRESS - NOTES)
    cpu.copy_stack(cpu.log + target + FAULT_ADDRESS - NOTES, cpu.log + source + FAULT_ADDRESS - NOTES)
    cpu.copy_stack(cpu.log + target + WARNING_ADDRESS - NOTES, cpu.log + source + WARNING_ADDRESS - NOTES)


@kernel
def take_exception(cpu: Cpu, handler: Operation) -> None:
    """Run a handler, whatever is masked: an operation inside of what this CPU does, judged on its own.

    All that the harness has noted of the interrupted operation is put back, registers included: a fault of
    the handler ends the handler alone.
    """
    preempt_count = cpu.peek(cpu.area + PREEMPT_COUNT)
    irqs_disabled = cpu.peek(cpu.area + IRQS_DISABLED)
    move_notes(cpu, NOTES_KEPT, NOTES)
    cpu.poke(cpu.log + IN_HANDLER, 1)
    outcome = guarded(cpu, handler)
    if outcome < 0 or (outcome >= MOST_OUTCOMES and outcome != CAUSE_POWER_OFF):
        raise BrokenKernelCodeError
    judge_operation(cpu, outcome)
    move_notes(cpu, NOTES, NOTES_KEPT)
    cpu.poke(cpu.area + PREEMPT_COUNT, preempt_count)
    cpu.poke(cpu.area + IRQS_DISABLED, irqs_disabled)


@kernel
def take_nmi(cpu: Cpu, handler: Operation) -> None:
    """An NMI: nothing masks it."""
    cpu.poke(cpu.log + NMIS, cpu.peek(cpu.log + NMIS) + 1)
    take_exception(cpu, handler)


@kernel
def next_event(cpu: Cpu) -> int:
    """After how many accesses the next event comes."""
    return 1 + draw(cpu, EVENT_RANDOM, 2 * cpu.peek(EVENT_PERIOD))


@kernel
def delay(cpu: Cpu, drawn: int) -> None:
    """A gap, or noise; nothing where an interrupt or an NMI was drawn."""
    if drawn >= cpu.peek(GAP_BELOW):
        cpu.yield_core()
    elif drawn >= cpu.peek(INTERRUPT_BELOW):
        cpu.sleep(cpu.peek(GAP_NANOSECONDS))


@kernel
def take_delay(cpu: Cpu) -> int:
    """What comes to a handler; returns after how many accesses the next one comes."""
    delay(cpu, draw(cpu, EVENT_RANDOM, MODULUS))
    return next_event(cpu)


@kernel
def take_event(cpu: Cpu, inside: Cpu, interrupt: Callable[[Cpu], None], nmi: Operation) -> int:
    """Take one event, drawn by the shares of the kinds; returns after how many accesses the next one comes.

    `cpu` takes no events at all; handlers run on `inside`, the same CPU with delays.
    """
    drawn = draw(cpu, EVENT_RANDOM, MODULUS)
    if drawn < cpu.peek(NMI_BELOW):
        take_nmi(inside, nmi)
    elif drawn < cpu.peek(INTERRUPT_BELOW):
        take_interrupt(inside, interrupt)
    else:
        delay(cpu, drawn)
    return next_event(cpu)
