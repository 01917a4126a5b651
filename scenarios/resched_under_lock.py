"""A CPU that reschedules while it holds a spinlock: the machine is stopped with the lock taken.

The twin of `no_lock_owner`, and a bug of its own in any kernel, called scheduling while atomic. If the code that
changes the list then took the lock, it would wait for ever.

Source: the rule that the patch's remark on locks rests on.
"""

from stress import Program, Scenario
from stress.judge.outcomes import with_more
from stress.kernel.list import list_add, list_del
from stress.kernel.modlist import STOPPED
from stress.kernel.spinlock import spin_lock, spin_unlock, warn_if_owned
from stress.kernel.stop_machine import cond_resched, restart_machine, stop_machine
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
    cond_resched(cpu)
    spin_unlock(cpu, MODLIST_LOCK)
    return outcome


SCENARIO = Scenario(
    name="resched_under_lock",
    claim="a holder of a spinlock may reschedule",
    source="planted: scheduling while atomic",
    point="cure",
    protocol=STOPPED.but("watched", link=link_module, unlink=unlink_module),
    programs=(
        Program("modprobe", modprobe_judged_under, cpus=1, writes=True),
        Program("symbol_get", symbol_get, cpus=1),
        Program("kallsyms", kallsyms_reader),
    ),
    outcomes=with_more("owned", "right"),
    expect="violated",
    learnt="the machine stands still with the lock taken",
)
