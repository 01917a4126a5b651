"""A planted bug: a CPU sleeps for as long as the run's pace says with modlist_lock held."""

from stress import Program, Scenario
from stress.judge.outcomes import Code
from stress.kernel.spinlock import spin_lock, spin_unlock
from stress.kernel.struct_module import MODLIST_LOCK
from stress.machine.seam import Cpu, kernel
from stress.programs.modprobe import rest

FOUND = int(Code.FOUND)


@kernel
def sleep_with_lock(cpu: Cpu) -> int:
    """Take the lock and sleep."""
    spin_lock(cpu, MODLIST_LOCK)
    rest(cpu)
    spin_unlock(cpu, MODLIST_LOCK)
    return FOUND


SCENARIO = Scenario(
    name="holder_sleeps",
    claim="who holds a spinlock may sleep",
    source="planted",
    programs=(Program("sleeper", sleep_with_lock),),
    expect="stalled",
)
