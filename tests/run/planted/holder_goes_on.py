"""A planted bug: one CPU takes modlist_lock once and goes on with other work; the next one waits for it for ever."""

from stress import Program, Scenario
from stress.judge.outcomes import Code
from stress.kernel.spinlock import spin_lock
from stress.kernel.struct_module import MODLIST_LOCK
from stress.machine.seam import Cpu, kernel

FOUND = int(Code.FOUND)


@kernel
def take_once(cpu: Cpu) -> int:
    """Take the lock if nobody has it; then there is nothing left to do."""
    cpu.cmpxchg(MODLIST_LOCK, 0, cpu.number + 1)
    cpu.yield_core()
    return FOUND


@kernel
def wait_for_holder(cpu: Cpu) -> int:
    """Take the lock once the other CPU has it."""
    while cpu.load(MODLIST_LOCK) == 0:
        cpu.yield_core()
    spin_lock(cpu, MODLIST_LOCK)
    return FOUND


SCENARIO = Scenario(
    name="holder_goes_on",
    claim="a lock that is kept hurts nobody",
    source="planted",
    programs=(Program("keeper", take_once, cpus=1), Program("locker", wait_for_holder, cpus=1)),
    expect="stalled",
)
