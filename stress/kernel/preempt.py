"""Preemption and interrupts of the CPU that runs. Only this CPU writes the words, so no barrier is needed."""

from stress.machine.seam import Cpu, kernel
from stress.machine.words import IRQS_DISABLED, PREEMPT_COUNT


@kernel
def preempt_disable(cpu: Cpu) -> None:
    """Forbid preemption until the matching `preempt_enable`; it nests."""
    cpu.poke(cpu.area + PREEMPT_COUNT, cpu.peek(cpu.area + PREEMPT_COUNT) + 1)


@kernel
def preempt_enable(cpu: Cpu) -> None:
    """Undo one `preempt_disable`."""
    cpu.poke(cpu.area + PREEMPT_COUNT, cpu.peek(cpu.area + PREEMPT_COUNT) - 1)


@kernel
def local_irq_disable(cpu: Cpu) -> None:
    """Turn this CPU's interrupts off."""
    cpu.poke(cpu.area + IRQS_DISABLED, 1)


@kernel
def local_irq_enable(cpu: Cpu) -> None:
    """Turn this CPU's interrupts on."""
    cpu.poke(cpu.area + IRQS_DISABLED, 0)
