"""The notes that a CPU takes on the operation under way, for the report of a violation. Kernel code calls these.

The notes lie in one block of the CPU's log (`words.NOTES`); its CPU is their one writer. A handler keeps the notes of
the interrupted operation aside. `stress.machine.evidence` copies the notes when the operation ends in a violation.
"""

import zlib

from stress.machine.seam import Cpu, constant, kernel
from stress.machine.words import (
    CAUSE_WILD,
    COPIED,
    EXPECTED,
    FAULT_ACCESS,
    FAULT_ADDRESS,
    FAULT_CAUSE,
    FAULT_STACK,
    NOTED,
    NOTED_VALUES,
    SUBJECT,
    VALUES,
    WALK,
    WALK_NODES,
    WALKED,
)

_names: dict[int, str] = {}
"""The names of noted values, by their numbers: of all notes that this process has compiled or run."""


@constant
def number_of(name: str) -> int:
    """The number that stands for the name of a noted value in RAM, the same in every process."""
    number = zlib.crc32(name.encode())
    _names[number] = name
    return number


def name_of_value(number: int) -> str:
    """The name of a noted value; its number in hex if nothing in this process has that name."""
    return _names.get(number, f"{number:#x}")


@kernel
def note(cpu: Cpu, name: str, value: int) -> None:
    """Note a value of this operation under a name: the report of a violation shows the last four."""
    noted = cpu.peek(cpu.log + NOTED)
    at = cpu.log + VALUES + (noted & NOTED_VALUES - 1) * 16
    cpu.poke(at, number_of(name))
    cpu.poke(at + 8, value)
    cpu.poke(cpu.log + NOTED, noted + 1)


@kernel
def note_step(cpu: Cpu, node: int, steps: int) -> None:
    """Note that a walk reaches `node` after `steps` others; a ring keeps the last WALK_NODES (16, a power of two).

    It makes two stores only, since walks are the hot path of readers.
    """
    cpu.poke(cpu.log + WALK + (steps & WALK_NODES - 1) * 8, node)
    cpu.poke(cpu.log + WALKED, steps + 1)


@kernel
def note_subject(cpu: Cpu, subject: int) -> None:
    """Note the judge's target that the operation looks up, by its address; 0 for none."""
    cpu.poke(cpu.log + SUBJECT, subject)


@kernel
def note_copy(cpu: Cpu, expected: int, buffer: int) -> None:
    """Note that the operation copied a string into `buffer` (8-byte aligned); the right string is at `expected`."""
    cpu.poke(cpu.log + EXPECTED, expected)
    cpu.poke(cpu.log + COPIED, buffer)


@kernel
def note_answer(cpu: Cpu, answer: int) -> None:
    """Note that the operation's answer is a number, `answer`, and not a string."""
    note_copy(cpu, 0, answer)


@kernel
def note_bad_call(cpu: Cpu, value: int, kind: int) -> None:
    """Note that kernel code refuses the argument of a call, or the end of an operation, and then raises Oops.

    `kind`: BAD_FREE, BAD_ARGUMENT, DOUBLE_RETIRE, UNENDED_SECTION or UNBEGUN_SECTION.
    """
    cpu.poke(cpu.log + FAULT_CAUSE, CAUSE_WILD)
    cpu.poke(cpu.log + FAULT_ADDRESS, value)
    cpu.poke(cpu.log + FAULT_ACCESS, kind)
    cpu.remember_stack(cpu.log + FAULT_STACK)
