"""Before the patch: the module list changes under a spinlock that kallsyms does not take.

Linux up to 2.6.11-rc1 linked and unlinked modules under modlist_lock. kallsyms walks the same list with no
lock at all, since an oops handler must be able to call it. So the lock keeps writers from each other and
nothing from the readers: rmmod frees a module that a lookup is reading, and the lookup steps onto poison,
into the next module's memory, or copies a name that is no name.

Source: David Howells, "Fix kallsyms/insmod/rmmod race [try #2]", 28 January 2005, points (1) to (4).
"""

from stress import Program, Scenario
from stress.kernel.list import list_add, list_del
from stress.kernel.spinlock import spin_lock, spin_unlock
from stress.kernel.struct_module import LIST, MODLIST_LOCK, MODULES
from stress.machine.seam import Cpu, kernel
from stress.programs.modprobe import modprobe
from stress.programs.read_symbol import kallsyms_reader


@kernel
def link_module(cpu: Cpu, mod: int) -> None:
    """Add the module to the list, safe from other writers."""
    spin_lock(cpu, MODLIST_LOCK)
    list_add(cpu, mod + LIST, MODULES)
    spin_unlock(cpu, MODLIST_LOCK)


@kernel
def unlink_module(cpu: Cpu, mod: int) -> None:
    """Take the module off the list, safe from other writers; readers may be standing on it."""
    spin_lock(cpu, MODLIST_LOCK)
    list_del(cpu, mod + LIST)
    spin_unlock(cpu, MODLIST_LOCK)


@kernel
def writer(cpu: Cpu) -> int:
    """Load and unload modules."""
    return modprobe(cpu, link_module, unlink_module)


SCENARIO = Scenario(
    name="modlist_spinlock",
    claim="a spinlock around link and unlink protects kallsyms readers, who take no lock",
    source="2.6.11-rc1 and before; the patch's points (1) to (4)",
    programs=(Program("modprobe", writer, cpus=1, writes=True), Program("kallsyms", kallsyms_reader)),
    expect="violated",
)
