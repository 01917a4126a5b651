"""modlist_lock is still taken inside the stop, as an over-careful patch would: the kernel warns, naming lock and CPU.

Nobody else can hold the lock then, so it protects nothing; and if somebody did, nobody could ever give it back.

Source: the patch's remark that no spinlock is taken while the machine is stopped.
"""

from stress import Program, Scenario
from stress.judge.outcomes import with_more
from stress.kernel.list import list_add, list_del
from stress.kernel.modlist import STOPPED
from stress.kernel.spinlock import spin_lock, spin_unlock
from stress.kernel.stop_machine import restart_machine, stop_machine
from stress.kernel.struct_module import LIST, MODLIST_LOCK, MODULES
from stress.machine.seam import Cpu, kernel
from stress.programs.modprobe import modprobe_judged_under
from stress.programs.read_symbol import kallsyms_reader


@kernel
def link_module(cpu: Cpu, mod: int) -> None:
    """Add the module to the list under a stop and a lock."""
    stop_machine(cpu)
    spin_lock(cpu, MODLIST_LOCK)
    list_add(cpu, mod + LIST, MODULES)
    spin_unlock(cpu, MODLIST_LOCK)
    restart_machine(cpu)


@kernel
def unlink_module(cpu: Cpu, mod: int) -> None:
    """Take the module off the list under a stop and a lock."""
    stop_machine(cpu)
    spin_lock(cpu, MODLIST_LOCK)
    list_del(cpu, mod + LIST)
    spin_unlock(cpu, MODLIST_LOCK)
    restart_machine(cpu)


SCENARIO = Scenario(
    name="lock_while_stopped",
    claim="a spinlock may be taken while the machine is stopped",
    source="the patch, on taking no lock inside a stop",
    point="cure",
    protocol=STOPPED.but("stopped_and_locked", link=link_module, unlink=unlink_module),
    programs=(Program("modprobe", modprobe_judged_under, cpus=1, writes=True), Program("kallsyms", kallsyms_reader)),
    outcomes=with_more("locked", "right"),
    expect="violated",
    learnt="every change draws the warning; no lookup goes wrong by it",
)
