"""Modules are unlinked with readers running, and freed at once: the twin of `freed_after_grace`."""

from stress import Program, Scenario
from stress.kernel.list import list_del_rcu
from stress.kernel.modlist import LOCKED
from stress.kernel.spinlock import spin_lock, spin_unlock
from stress.kernel.struct_module import LIST, MODLIST_LOCK
from stress.machine.seam import Cpu, kernel
from stress.programs.modprobe import modprobe_under
from stress.programs.read_symbol import kallsyms_reader


@kernel
def unlink_module(cpu: Cpu, mod: int) -> None:
    """Take the module off the list; whoever stands on it can step on."""
    spin_lock(cpu, MODLIST_LOCK)
    list_del_rcu(cpu, mod + LIST)
    spin_unlock(cpu, MODLIST_LOCK)


SCENARIO = Scenario(
    name="freed_at_once",
    claim="a module that no new reader can find may be freed at once",
    source="planted",
    protocol=LOCKED.but("freed_at_once", unlink=unlink_module),
    programs=(Program("modprobe", modprobe_under, cpus=1, writes=True), Program("kallsyms", kallsyms_reader)),
    expect="violated",
)
