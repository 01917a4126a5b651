"""The trace of a schedule: every access, in order, with who made it, where, and what it did to the word."""

from stress.machine.control.words import (
    MOST_TRACED,
    REGION,
    RUN_COUNT,
    STEP_ACCESS,
    STEP_ADDRESS,
    STEP_BYTES,
    STEP_CPU,
    STEP_NEW,
    STEP_OLD,
    STEP_OPERATION,
    STEP_RUN,
    STEP_STACK,
    TRACE,
)
from stress.machine.seam import Cpu, kernel
from stress.machine.words import OPERATIONS


@kernel
def note_step(cpu: Cpu, access: int, address: int, old: int, new: int) -> None:
    """Note an access that has been made; those beyond MOST_TRACED are only counted."""
    trace = cpu.peek(REGION) + TRACE
    count = cpu.peek(trace)
    cpu.poke(trace, count + 1)
    if count < MOST_TRACED:
        step = trace + 8 + count * STEP_BYTES
        cpu.poke(step + STEP_CPU, cpu.number)
        cpu.poke(step + STEP_ACCESS, access)
        cpu.poke(step + STEP_ADDRESS, address)
        cpu.poke(step + STEP_OLD, old)
        cpu.poke(step + STEP_NEW, new)
        cpu.poke(step + STEP_RUN, cpu.peek(RUN_COUNT))
        cpu.poke(step + STEP_OPERATION, cpu.peek(cpu.log + OPERATIONS))
        cpu.remember_stack(step + STEP_STACK)
