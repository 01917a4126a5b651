"""Priorities of CPUs: who has the highest, of those that can go on."""

from stress.machine.control.turns import can_go_on
from stress.machine.control.words import AT_REST, PRIORITY, log_of
from stress.machine.random import MODULUS
from stress.machine.seam import Cpu, kernel
from stress.machine.words import CPUS
from stress.schedule.strategies.draws import chance

NOBODY = -1


@kernel
def priority_of(cpu: Cpu, number: int) -> int:
    """The priority of a CPU."""
    return cpu.peek(log_of(cpu, number) + PRIORITY)


@kernel
def set_priority(cpu: Cpu, number: int, priority: int) -> None:
    """Give a CPU a priority."""
    cpu.poke(log_of(cpu, number) + PRIORITY, priority)


@kernel
def draw_priority(cpu: Cpu, number: int) -> None:
    """Give a CPU a random priority, above 0."""
    set_priority(cpu, number, 1 + chance(cpu, MODULUS - 1))


@kernel
def draw_priorities(cpu: Cpu) -> None:
    """Give every CPU a random priority."""
    for number in range(cpu.peek(CPUS)):
        draw_priority(cpu, number)


@kernel
def highest_ready(cpu: Cpu) -> int:
    """The CPU with the highest priority that can go on."""
    best = NOBODY
    for number in range(cpu.peek(CPUS)):
        if can_go_on(cpu, number) and (best == NOBODY or priority_of(cpu, number) > priority_of(cpu, best)):
            best = number
    return best


@kernel
def higher_waits(cpu: Cpu, priority: int) -> bool:
    """Whether a CPU with a higher priority only waits."""
    for number in range(cpu.peek(CPUS)):
        if priority_of(cpu, number) > priority and cpu.peek(log_of(cpu, number) + AT_REST) == 0:
            return True
    return False
