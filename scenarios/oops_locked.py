"""An oops on the CPU that holds modlist_lock, in a kernel whose kallsyms takes that lock: it waits for itself.

Linux had this bug in 2.6.22: the walk that an oops report needs went through a function that takes
modlist_lock.

Source: mended by 24da1cbff9c in 2.6.23; the patch's point (1).
"""

from stress import Program, Scenario
from stress.kernel.kallsyms import kallsyms_lookup
from stress.kernel.spinlock import spin_lock, spin_unlock
from stress.kernel.struct_module import MODLIST_LOCK
from stress.machine.seam import Cpu, kernel
from stress.programs.modprobe import modprobe_under
from stress.programs.read_symbol import read_symbol


@kernel
def lookup_locked(cpu: Cpu, address: int, symbol: int) -> bool:
    """A lookup that takes modlist_lock around its walk."""
    spin_lock(cpu, MODLIST_LOCK)
    found = kallsyms_lookup(cpu, address, symbol)
    spin_unlock(cpu, MODLIST_LOCK)
    return found


@kernel
def oops_under_lock(cpu: Cpu) -> int:
    """Oops while holding modlist_lock; the report's lookup is judged, if it ever ends."""
    spin_lock(cpu, MODLIST_LOCK)
    outcome = read_symbol(cpu, lookup_locked)
    spin_unlock(cpu, MODLIST_LOCK)
    return outcome


SCENARIO = Scenario(
    name="oops_locked",
    claim="kallsyms may take modlist_lock, though an oops can come under it",
    source="2.6.22, mended in 2.6.23 (24da1cbff9c); the patch's point (1)",
    point="1",
    programs=(Program("modprobe", modprobe_under, cpus=1, writes=True), Program("oops", oops_under_lock)),
    expect="stalled",
    learnt="the first oops under the lock waits for itself, and every stop waits for it",
)
