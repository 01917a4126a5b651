"""What updates cost: how long each takes its writer, and how much memory is retired and not freed yet.

Each writer counts for itself, at the end of each of its operations. Blocks are retired and freed on any CPU, so what
waits is the difference of two sums over all CPUs: it may be off by what happens while it is summed.
"""

from stress.machine.loop import total_of
from stress.machine.seam import Cpu, kernel
from stress.machine.words import COUNTERS, CPUS, RECLAIMED

# Counters of a CPU's log, behind those of loads and unloads; RECLAIMED is COUNTERS + 16.
UNLOADS = COUNTERS + 8
UPDATES = COUNTERS + 24
UPDATES_TOOK = COUNTERS + 32
LONGEST_UPDATE = COUNTERS + 40
WAITING_SUM = COUNTERS + 48
MOST_WAITING = COUNTERS + 56
MEMORY_SHORT = COUNTERS + 64


@kernel
def add_to(cpu: Cpu, counter: int, amount: int) -> None:
    """Add to a counter of this CPU's log."""
    cpu.poke(cpu.log + counter, cpu.peek(cpu.log + counter) + amount)


@kernel
def keep_most(cpu: Cpu, counter: int, value: int) -> None:
    """Keep the largest value in a counter of this CPU's log."""
    cpu.poke(cpu.log + counter, max(cpu.peek(cpu.log + counter), value))


@kernel
def count_update(cpu: Cpu, began: int) -> None:
    """Count an update that began at `began` on the clock, and the blocks that wait for their free at its end."""
    took = cpu.clock() - began
    cpus = cpu.peek(CPUS)
    waiting = max(total_of(cpu, cpus, UNLOADS) - total_of(cpu, cpus, RECLAIMED), 0)
    add_to(cpu, UPDATES, 1)
    add_to(cpu, UPDATES_TOOK, took)
    keep_most(cpu, LONGEST_UPDATE, took)
    add_to(cpu, WAITING_SUM, waiting)
    keep_most(cpu, MOST_WAITING, waiting)
