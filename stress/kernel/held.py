"""The check of what the patch relies on: while the list changes, every other CPU spins with its interrupts off."""

from stress.kernel.stop_machine import ACK, STATE_MASK, STOPMACHINE_DISABLE_IRQ, STOPMACHINE_STATE
from stress.machine.loop import warn
from stress.machine.seam import Cpu, kernel
from stress.machine.words import AREA_BYTES, AREAS, CPU_RUNS, CPUS, IRQS_DISABLED


@kernel
def is_held(cpu: Cpu, other: int) -> bool:
    """Whether CPU `other` has acknowledged the stop's last step and has its interrupts off.

    Both words have one writer, CPU `other`, which turns its interrupts off before it acknowledges.
    """
    area = AREAS + other * AREA_BYTES
    state = cpu.load(STOPMACHINE_STATE)
    if state & STATE_MASK != STOPMACHINE_DISABLE_IRQ:
        return False
    # A CPU turns its interrupts off before it acknowledges: who sees the acknowledgement sees that too.
    return cpu.load(area + ACK) == state and cpu.load(area + IRQS_DISABLED) == 1


@kernel
def warn_if_running(cpu: Cpu) -> None:
    """Warn of each CPU that is not held, with the address of its acknowledgement; only the first warning is kept."""
    for other in range(cpu.peek(CPUS)):
        if not is_held(cpu, other):
            warn(cpu, CPU_RUNS, AREAS + other * AREA_BYTES + ACK)
