"""A planted deadlock: the machine is stopped under a spinlock, which another CPU spins on and so never stops."""

from stress import Program, Scenario
from stress.judge.outcomes import Code
from stress.kernel.spinlock import spin_lock, spin_unlock
from stress.kernel.stop_machine import restart_machine, stop_machine
from stress.kernel.struct_module import MODLIST_LOCK
from stress.machine.seam import Cpu, kernel

FOUND = int(Code.FOUND)


@kernel
def stop_under_lock(cpu: Cpu) -> int:
    """Stop the machine with modlist_lock held."""
    spin_lock(cpu, MODLIST_LOCK)
    cpu.yield_core()
    stop_machine(cpu)
    restart_machine(cpu)
    spin_unlock(cpu, MODLIST_LOCK)
    return FOUND


@kernel
def lock_alone(cpu: Cpu) -> int:
    """Take the lock and give it back."""
    spin_lock(cpu, MODLIST_LOCK)
    spin_unlock(cpu, MODLIST_LOCK)
    return FOUND


SCENARIO = Scenario(
    name="stop_under_lock",
    claim="the machine can be stopped with a spinlock held",
    source="planted",
    programs=(Program("stopper", stop_under_lock, cpus=1), Program("locker", lock_alone, cpus=1)),
    expect="stalled",
)
