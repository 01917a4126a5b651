"""What a CPU notes of the operation under way, so that a violation can be told in full. Called by kernel code.

The notes lie in one block of the CPU's log (`words.NOTES`), which an NMI keeps aside for what it interrupts.
`stress.machine.evidence` copies them when the operation ends in a violation.
"""

from stress.machine.seam import Cpu, kernel
from stress.machine.words import (
    CAUSE_WILD,
    COPIED,
    FAULT_ACCESS,
    FAULT_ADDRESS,
    FAULT_CAUSE,
    SUBJECT,
    WALK,
    WALK_NODES,
    WALKED,
)


@kernel
def note_step(cpu: Cpu, node: int, steps: int) -> None:
    """A walk comes to `node` after `steps` others; the last WALK_NODES are remembered. Two stores: walks are hot."""
    cpu.poke(cpu.log + WALK + (steps & WALK_NODES - 1) * 8, node)
    cpu.poke(cpu.log + WALKED, steps + 1)


@kernel
def note_subject(cpu: Cpu, subject: int, buffer: int) -> None:
    """What the operation is about (a reader: its target), and the buffer that it copies a name into (0: none)."""
    cpu.poke(cpu.log + SUBJECT, subject)
    cpu.poke(cpu.log + COPIED, buffer)


@kernel
def note_bad_call(cpu: Cpu, address: int) -> None:
    """Kernel code finds `address` so wrong that it must raise Oops (CAUSE_WILD), though no access faulted."""
    cpu.poke(cpu.log + FAULT_CAUSE, CAUSE_WILD)
    cpu.poke(cpu.log + FAULT_ADDRESS, address)
    cpu.poke(cpu.log + FAULT_ACCESS, 0)
    cpu.remember_stack(cpu.log + FAULT_ADDRESS)
