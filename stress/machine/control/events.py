"""Interrupts and NMIs under control: they come where the schedule says, before the first access of a run."""

from collections.abc import Callable

from stress.machine.control.words import NMI
from stress.machine.events import take_interrupt, take_nmi
from stress.machine.seam import Cpu, Operation, kernel


@kernel
def no_event(cpu: Cpu, event: int) -> None:
    """Nothing comes to these CPUs."""


@kernel
def take_chosen(cpu: Cpu, inside: Cpu, event: int, interrupt: Callable[[Cpu], None], nmi: Operation) -> None:
    """Run the handler of an event; `inside` is the same CPU, to which none comes."""
    if event == NMI:
        take_nmi(inside, nmi)
    else:
        take_interrupt(inside, interrupt)
