"""A planted bug: a CPU that gives modlist_lock back, which another one holds or nobody does."""

from stress import Program, Scenario
from stress.judge.outcomes import Code
from stress.kernel.spinlock import spin_lock, spin_unlock
from stress.kernel.struct_module import MODLIST_LOCK
from stress.machine.seam import Cpu, kernel

FOUND = int(Code.FOUND)


@kernel
def holder(cpu: Cpu) -> int:
    """Take the lock and give it back."""
    spin_lock(cpu, MODLIST_LOCK)
    spin_unlock(cpu, MODLIST_LOCK)
    return FOUND


@kernel
def stranger(cpu: Cpu) -> int:
    """Give back what this CPU has not taken."""
    spin_unlock(cpu, MODLIST_LOCK)
    return FOUND


SCENARIO = Scenario(
    name="foreign_unlock",
    claim="a lock may be given back by a CPU that does not hold it",
    source="planted",
    programs=(Program("holder", holder, cpus=1), Program("stranger", stranger)),
    expect="violated",
)
