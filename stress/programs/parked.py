"""Writers that wait until readers have made progress: between two stores, or with both of the list's locks held."""

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
    """Let time pass until another CPU, drawn at random, has finished an operation. Not for the only CPU."""
    other = (cpu.number + 1 + prandom(cpu, cpu.peek(CPUS) - 1)) % cpu.peek(CPUS)
    done = cpu.log + (other - cpu.number) * LOG_BYTES + OPERATIONS
    before = cpu.peek(done)
    while cpu.peek(done) == before:
        cpu.relax(done)


@kernel
def count_lookup(cpu: Cpu) -> None:
    """Say that this CPU has finished one more lookup; it alone stores the word."""
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
    """One operation: what modprobe does, then a while parked. One CPU of a machine at most may run it."""
    outcome = modprobe_stopped(cpu)
    park(cpu)
    return outcome
