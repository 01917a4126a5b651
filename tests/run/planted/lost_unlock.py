"""A planted bug: a CPU that never gives modlist_lock back, and one that waits for it."""

from stress import Program, Scenario
from stress.judge.outcomes import Code
from stress.kernel.spinlock import spin_lock
from stress.kernel.struct_module import MODLIST_LOCK
from stress.machine.seam import Cpu, kernel

FOUND = int(Code.FOUND)


@kernel
def locker(cpu: Cpu) -> int:
    """Take the lock; the second time, nobody will ever give it back."""
    spin_lock(cpu, MODLIST_LOCK)
    return FOUND


SCENARIO = Scenario(
    name="lost_unlock",
    claim="a lock need not be given back",
    source="planted",
    programs=(Program("locker", locker),),
    expect="stalled",
)
