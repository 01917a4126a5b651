"""A planted deadlock: two CPUs take module_mutex and modlist_lock in opposite orders."""

from stress import Program, Scenario
from stress.judge.outcomes import Code
from stress.kernel.spinlock import spin_lock, spin_unlock
from stress.kernel.stop_machine import down, up
from stress.kernel.struct_module import MODLIST_LOCK, MODULE_MUTEX
from stress.machine.seam import Cpu, kernel

FOUND = int(Code.FOUND)


@kernel
def mutex_first(cpu: Cpu) -> int:
    """The mutex, then the lock."""
    down(cpu, MODULE_MUTEX)
    cpu.yield_core()
    spin_lock(cpu, MODLIST_LOCK)
    spin_unlock(cpu, MODLIST_LOCK)
    up(cpu, MODULE_MUTEX)
    return FOUND


@kernel
def lock_first(cpu: Cpu) -> int:
    """The lock, then the mutex."""
    spin_lock(cpu, MODLIST_LOCK)
    cpu.yield_core()
    down(cpu, MODULE_MUTEX)
    up(cpu, MODULE_MUTEX)
    spin_unlock(cpu, MODLIST_LOCK)
    return FOUND


SCENARIO = Scenario(
    name="opposite_orders",
    claim="locks may be taken in any order",
    source="planted",
    programs=(Program("mutexer", mutex_first, cpus=1), Program("locker", lock_first, cpus=1)),
    expect="stalled",
)
