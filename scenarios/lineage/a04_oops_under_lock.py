"""An oops report takes no modlist_lock: the code that oopsed may hold it.

A CPU holds modlist_lock and oopses. The report walks the module list, and this walk takes modlist_lock again. The CPU
waits for itself. The list changes under stop_machine by now, so that the lock is not needed: the fix only forbids
preemption, so that no stop comes in the middle of a walk. The model is ours: symbol_get walks the list, every one of
them oopses, and interrupts preempt at one access in 500 where preemption is allowed.

Source: commit 24da1cbff9c (2.6.23), fact tagged V.
"""

from fractions import Fraction

from stress import Hardware, Program, Scenario
from stress.kernel.kallsyms import kallsyms_lookup
from stress.kernel.preempt import preempt_disable, preempt_enable
from stress.kernel.spinlock import spin_lock, spin_unlock
from stress.kernel.struct_module import MODLIST_LOCK
from stress.machine.seam import Cpu, kernel
from stress.programs.modprobe import modprobe_under
from stress.programs.read_symbol import read_symbol


@kernel
def lookup_locked(cpu: Cpu, address: int, symbol: int) -> bool:
    """Broken: a walk under modlist_lock."""
    spin_lock(cpu, MODLIST_LOCK)
    found = kallsyms_lookup(cpu, address, symbol)
    spin_unlock(cpu, MODLIST_LOCK)
    return found


@kernel
def lookup_unpreempted(cpu: Cpu, address: int, symbol: int) -> bool:
    """Mended: a walk that no stop can interrupt, and no lock."""
    preempt_disable(cpu)
    found = kallsyms_lookup(cpu, address, symbol)
    preempt_enable(cpu)
    return found


@kernel
def symbol_get_locked(cpu: Cpu) -> int:
    """symbol_get before the fix: it oopses under the lock; the report's lookup is judged, if it ever ends."""
    spin_lock(cpu, MODLIST_LOCK)
    outcome = read_symbol(cpu, lookup_locked)
    spin_unlock(cpu, MODLIST_LOCK)
    return outcome


@kernel
def symbol_get_unpreempted(cpu: Cpu) -> int:
    """symbol_get since the fix: it oopses while preemption is off; the report's lookup is judged."""
    preempt_disable(cpu)
    outcome = read_symbol(cpu, lookup_unpreempted)
    preempt_enable(cpu)
    return outcome


MODPROBE = Program("modprobe", modprobe_under, cpus=1, writes=True)
PREEMPTIBLE = Hardware(interrupt=Fraction(1, 500))
BROKEN = Scenario(
    name="broken",
    claim="walks of the module list take modlist_lock, in an oops report too",
    source="24da1cbff9c (2.6.23): before the fix",
    point="1",
    programs=(MODPROBE, Program("symbol_get", symbol_get_locked)),
    hardware=PREEMPTIBLE,
    expect="stalled",
    learnt="the first oops under the lock waits for the lock that it holds itself",
)
MENDED = Scenario(
    name="mended",
    claim="walks of the module list need preemption off, and no lock",
    source="24da1cbff9c (2.6.23)",
    point="1",
    programs=(MODPROBE, Program("symbol_get", symbol_get_unpreempted)),
    hardware=PREEMPTIBLE,
    expect="held",
    twin=BROKEN,
    learnt="preempt_disable nests, and a spinlock does not: the report comes to its end",
)
SCENARIOS = [BROKEN, MENDED]
