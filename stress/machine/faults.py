"""What a CPU notes of an access that it must not make; both engines have it from here."""

from typing import Any

from stress.machine.seam import Oops, harness
from stress.machine.words import (
    BOUND,
    CAUSE_POWER_OFF,
    CAUSE_WILD,
    END_STACK,
    FAULT_ACCESS,
    FAULT_ADDRESS,
    FAULT_CAUSE,
    FAULT_STACK,
    HIT_ACCESS,
    HIT_ADDRESS,
    HIT_SHADOW,
    HIT_STACK,
    LOW,
)


@harness
def note_fault(cpu: Any, address: int, access: int) -> None:
    """Note why an access is not possible: power-off, or a wild address."""
    cause = CAUSE_POWER_OFF if cpu.peek(BOUND) == 0 else CAUSE_WILD
    cpu.poke(cpu.log + FAULT_CAUSE, cause)
    cpu.poke(cpu.log + FAULT_ADDRESS, address)
    cpu.poke(cpu.log + FAULT_ACCESS, access)
    cpu.remember_stack(cpu.log + (END_STACK if cause == CAUSE_POWER_OFF else FAULT_STACK))


@harness
def must_reach(cpu: Any, address: int, size: int, access: int) -> None:
    """Fault unless kernel code may access all words of a range: its first address that it may not is noted."""
    bound = cpu.peek(BOUND)
    if address < LOW or size < 0 or (address | size) & 7 != 0:
        note_fault(cpu, address, access)
        raise Oops
    if address - LOW > bound - size:
        note_fault(cpu, max(address, LOW + bound), access)
        raise Oops


@harness
def note_hit(cpu: Any, address: int, access: int, shadow: int) -> None:
    """Note the first access of an operation to memory that is not allocated."""
    if cpu.peek(cpu.log + HIT_ADDRESS) == 0:
        cpu.poke(cpu.log + HIT_ADDRESS, address)
        cpu.poke(cpu.log + HIT_ACCESS, access)
        cpu.poke(cpu.log + HIT_SHADOW, shadow)
        cpu.remember_stack(cpu.log + HIT_STACK)
