"""Random numbers of strategies: a generator of each schedule's own, apart from those of the CPUs."""

from stress.machine.control.turns import can_go_on, count_ready
from stress.machine.control.words import state
from stress.machine.random import MODULUS, MULTIPLIER
from stress.machine.seam import Cpu, kernel
from stress.machine.words import CPUS

GENERATOR, STRATEGY, LENGTH = range(3)
"""The state of the generator, the number of the strategy, the most accesses that a schedule has had. What follows is
`control.words.EVENTS`."""


@kernel
def chance_of(cpu: Cpu, generator: int, below: int) -> int:
    """A random number from 0 to `below` - 1, of the generator whose state is this word."""
    value = cpu.peek(state(cpu, generator)) * MULTIPLIER % MODULUS
    cpu.poke(state(cpu, generator), value)
    return value * below // MODULUS


@kernel
def chance(cpu: Cpu, below: int) -> int:
    """A random number from 0 to `below` - 1."""
    return chance_of(cpu, GENERATOR, below)


@kernel
def ready_at(cpu: Cpu, place: int) -> int:
    """The CPU that can go on and has `place` such CPUs before it."""
    for number in range(cpu.peek(CPUS)):
        if can_go_on(cpu, number):
            if place == 0:
                return number
            place -= 1
    return 0


@kernel
def any_ready(cpu: Cpu) -> int:
    """One of the CPUs that can go on, each as likely."""
    return ready_at(cpu, chance(cpu, count_ready(cpu)))
