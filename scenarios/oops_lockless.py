"""An oops on the CPU that holds modlist_lock: its report looks symbols up with no lock, so it comes to its end.

This is why kallsyms takes no lock at all: the code that oopsed may hold any. Here CPUs take modlist_lock, as
symbol_get does in 2.6.11, oops inside, and look a symbol up for the report, while modules come and go as the
patch has it.

Source: the patch's point (1); the locked twin is `oops_locked`.
"""

from stress import Program, Scenario
from stress.kernel.spinlock import spin_lock, spin_unlock
from stress.kernel.struct_module import MODLIST_LOCK
from stress.machine.seam import Cpu, kernel
from stress.programs.modprobe import modprobe_under
from stress.programs.read_symbol import kallsyms_reader


@kernel
def oops_under_lock(cpu: Cpu) -> int:
    """Oops while holding modlist_lock; the report's lookup is judged."""
    spin_lock(cpu, MODLIST_LOCK)
    outcome = kallsyms_reader(cpu)
    spin_unlock(cpu, MODLIST_LOCK)
    return outcome


SCENARIO = Scenario(
    name="oops_lockless",
    claim="an oops report finishes on a CPU that holds modlist_lock, since kallsyms takes no lock",
    source="the patch's point (1)",
    point="1",
    programs=(Program("modprobe", modprobe_under, cpus=1, writes=True), Program("oops", oops_under_lock)),
    expect="held",
    twin="oops_locked",
    learnt="lockless lookups finish whatever lock the oops came under; a stop only waits for them",
)
