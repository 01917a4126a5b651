"""The record of a schedule: which CPU ran for how many accesses, what came before the first, why it ended."""

from stress.machine.control.words import (
    EVENT,
    EXPIRED,
    GRANT,
    IS_FORCED,
    LEFT,
    MADE,
    MOST_RUNS,
    REGION,
    RUN_BYTES,
    RUN_COUNT,
    RUN_CPU,
    RUN_EVENT,
    RUN_STEPS,
    RUN_WHY,
    STEPS,
)
from stress.machine.seam import Cpu, kernel

FORCED = 1 << 8
"""Added to the reason of a run that was nobody's choice."""


@kernel
def last_run(cpu: Cpu) -> int:
    """The address of the record of the run under way; those beyond MOST_RUNS overwrite the last one."""
    count = cpu.peek(RUN_COUNT)
    return cpu.peek(REGION) + MADE + (count if count < MOST_RUNS else MOST_RUNS) * RUN_BYTES - RUN_BYTES


@kernel
def end_run(cpu: Cpu, why: int) -> None:
    """Add the accesses of the run under way to those made, and note why it ended."""
    made = cpu.peek(GRANT) - cpu.peek(LEFT)
    record = last_run(cpu)
    cpu.poke(record + RUN_STEPS, cpu.peek(record + RUN_STEPS) + made)
    cpu.poke(record + RUN_WHY, why + FORCED * cpu.peek(IS_FORCED))
    cpu.poke(STEPS, cpu.peek(STEPS) + made)
    cpu.poke(GRANT, 0)
    cpu.poke(LEFT, 0)


@kernel
def goes_on(cpu: Cpu, number: int) -> bool:
    """Whether a run only goes on that could have gone on anyway."""
    if cpu.peek(RUN_COUNT) == 0 or cpu.peek(EVENT) != 0:
        return False
    record = last_run(cpu)
    return cpu.peek(record + RUN_CPU) == number and cpu.peek(record + RUN_WHY) == EXPIRED


@kernel
def begin_run(cpu: Cpu, number: int) -> None:
    """Begin a run of a CPU, for as many accesses as were granted."""
    cpu.poke(LEFT, cpu.peek(GRANT))
    if goes_on(cpu, number):
        return
    cpu.poke(RUN_COUNT, cpu.peek(RUN_COUNT) + 1)
    record = last_run(cpu)
    cpu.poke(record + RUN_CPU, number)
    cpu.poke(record + RUN_STEPS, 0)
    cpu.poke(record + RUN_EVENT, cpu.peek(EVENT))
    cpu.poke(record + RUN_WHY, 0)
