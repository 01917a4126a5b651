"""Writers that wait until readers have made progress: between two stores, or while they hold both locks of the list."""

from stress.kernel.kallsyms import LOOKUPS_DONE
from stress.kernel.spinlock import spin_lock, spin_unlock
from stress.kernel.stop_machine import down, up
from stress.kernel.struct_module import MODLIST_LOCK, MODULE_MUTEX
from stress.machine.random import prandom
from stress.machine.seam import Cpu, kernel
from stress.machine.words import AREA_BYTES, AREAS, CPUS, LOG_BYTES, OPERATIONS
from stress.programs.modprobe import modprobe_stopped


@kernel
def await_operation(cpu: Cpu) -> None:
    """Spin until another CPU, drawn at random, has finished an operation. The machine must have two CPUs or more."""
    other = (cpu.number + 1 + prandom(cpu, cpu.peek(CPUS) - 1)) % cpu.peek(CPUS)
    done = cpu.log + (other - cpu.number) * LOG_BYTES + OPERATIONS
    before = cpu.peek(done)
    while cpu.peek(done) == before:
        cpu.relax(done)


@kernel
def count_lookup(cpu: Cpu) -> None:
    """Count one more finished lookup of this CPU, which alone stores the word."""
    cpu.store(cpu.area + LOOKUPS_DONE, cpu.load(cpu.area + LOOKUPS_DONE) + 1)


@kernel
def await_lookup(cpu: Cpu, other: int) -> None:
    """Spin until CPU `other` has finished one more lookup."""
    done = AREAS + other * AREA_BYTES + LOOKUPS_DONE
    before = cpu.load(done)
    while cpu.load(done) == before:
        cpu.relax(done)


@kernel
def park(cpu: Cpu) -> None:
    """Hold both locks until every other CPU has finished one more lookup."""
    down(cpu, MODULE_MUTEX)
    spin_lock(cpu, MODLIST_LOCK)
    for other in range(cpu.peek(CPUS)):
        if other != cpu.number:
            await_lookup(cpu, other)
    spin_unlock(cpu, MODLIST_LOCK)
    up(cpu, MODULE_MUTEX)


@kernel
def modprobe_parked(cpu: Cpu) -> int:
    """One operation: modprobe, then `park`. At most one CPU of a machine may run it: two would wait for each other."""
    outcome = modprobe_stopped(cpu)
    park(cpu)
    return outcome
