"""A planted deadlock: a CPU takes a spinlock that it holds already."""

from stress import Program, Scenario
from stress.judge.outcomes import Code
from stress.kernel.spinlock import spin_lock
from stress.kernel.struct_module import MODLIST_LOCK
from stress.machine.seam import Cpu, kernel

FOUND = int(Code.FOUND)


@kernel
def lock_twice(cpu: Cpu) -> int:
    """Take the lock, and again."""
    spin_lock(cpu, MODLIST_LOCK)
    spin_lock(cpu, MODLIST_LOCK)
    return FOUND


SCENARIO = Scenario(
    name="self_deadlock",
    claim="spinlocks nest",
    source="planted",
    programs=(Program("twice", lock_twice, cpus=1),),
    expect="stalled",
)
