"""While the machine is stopped no spinlock has an owner, so the code that changes the list needs none.

A CPU joins a stop only where it may reschedule, and whoever holds a spinlock may not. Another CPU takes
modlist_lock all the time; the one that changes the list never finds it taken.

Source: the patch: no spinlock is taken while the machine is stopped, since nothing else can hold one.
"""

from stress import Program, Scenario
from stress.judge.outcomes import with_more
from stress.kernel.list import list_add, list_del
from stress.kernel.modlist import STOPPED
from stress.kernel.spinlock import spin_lock, spin_unlock, warn_if_owned
from stress.kernel.stop_machine import restart_machine, stop_machine
from stress.kernel.struct_module import LIST, MODLIST_LOCK, MODULES
from stress.machine.seam import Cpu, kernel
from stress.programs.modprobe import modprobe_judged_under
from stress.programs.read_symbol import kallsyms_reader


@kernel
def link_module(cpu: Cpu, mod: int) -> None:
    """Add the module to the list, once the machine is stopped and no spinlock has an owner."""
    stop_machine(cpu)
    warn_if_owned(cpu, MODLIST_LOCK)
    list_add(cpu, mod + LIST, MODULES)
    restart_machine(cpu)


@kernel
def unlink_module(cpu: Cpu, mod: int) -> None:
    """Take the module off the list, once the machine is stopped and no spinlock has an owner."""
    stop_machine(cpu)
    warn_if_owned(cpu, MODLIST_LOCK)
    list_del(cpu, mod + LIST)
    restart_machine(cpu)


@kernel
def symbol_get(cpu: Cpu) -> int:
    """A lookup under modlist_lock, as other users of the list do it."""
    spin_lock(cpu, MODLIST_LOCK)
    outcome = kallsyms_reader(cpu)
    spin_unlock(cpu, MODLIST_LOCK)
    return outcome


SCENARIO = Scenario(
    name="no_lock_owner",
    claim="while the machine is stopped, no spinlock has an owner",
    source="the patch, on taking no lock inside a stop",
    point="cure",
    protocol=STOPPED.but("watched", link=link_module, unlink=unlink_module),
    programs=(
        Program("modprobe", modprobe_judged_under, cpus=1, writes=True),
        Program("symbol_get", symbol_get, cpus=1),
        Program("kallsyms", kallsyms_reader),
    ),
    outcomes=with_more("owned", "right"),
    expect="held",
    twin="resched_under_lock",
    learnt="the lock was always free: it need not be taken",
)
