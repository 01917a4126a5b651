"""What a CPU notes of the operation under way, so that a violation can be told in full. Called by kernel code.

The notes lie in one block of the CPU's log (`words.NOTES`), which a handler keeps aside for what it interrupts.
`stress.machine.evidence` copies them when the operation ends in a violation.
"""

from stress.machine.seam import Cpu, kernel
from stress.machine.words import (
    CAUSE_WILD,
    COPIED,
    EXPECTED,
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
def note_subject(cpu: Cpu, subject: int) -> None:
    """What the operation is about: the judge's target that a reader was given; 0 for none of them."""
    cpu.poke(cpu.log + SUBJECT, subject)


@kernel
def note_copy(cpu: Cpu, expected: int, buffer: int) -> None:
    """The operation copied a string into `buffer` (8-byte aligned) that should be the one at `expected`."""
    cpu.poke(cpu.log + EXPECTED, expected)
    cpu.poke(cpu.log + COPIED, buffer)


@kernel
def note_answer(cpu: Cpu, answer: int) -> None:
    """The operation came to a number, not to a string."""
    note_copy(cpu, 0, answer)


@kernel
def note_bad_call(cpu: Cpu, address: int) -> None:
    """Kernel code finds `address` so wrong that it must raise Oops (CAUSE_WILD), though no access faulted."""
    cpu.poke(cpu.log + FAULT_CAUSE, CAUSE_WILD)
    cpu.poke(cpu.log + FAULT_ADDRESS, address)
    cpu.poke(cpu.log + FAULT_ACCESS, 0)
    cpu.remember_stack(cpu.log + FAULT_ADDRESS)
