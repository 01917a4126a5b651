"""The patch: the module list changes only while stop_machine holds every other CPU.

A CPU joins a stop only at a safepoint, between two operations. So no lookup is under way while a module is
linked or unlinked, and one that starts afterwards cannot reach what is about to be freed. No lock is taken
for the list itself: nothing else runs.

Source: David Howells, "Fix kallsyms/insmod/rmmod race [try #2]", 28 January 2005; Linux 2.6.11.
"""

from stress import Program, Scenario
from stress.kernel.list import list_add, list_del
from stress.kernel.stop_machine import restart_machine, stop_machine
from stress.kernel.struct_module import LIST, MODULES
from stress.machine.seam import Cpu, kernel
from stress.programs.modprobe import modprobe
from stress.programs.read_symbol import kallsyms_reader


@kernel
def link_module(cpu: Cpu, mod: int) -> None:
    """Add the module to the list while the machine is stopped."""
    stop_machine(cpu)
    list_add(cpu, mod + LIST, MODULES)
    restart_machine(cpu)


@kernel
def unlink_module(cpu: Cpu, mod: int) -> None:
    """Take the module off the list while the machine is stopped: rmmod's second stop."""
    stop_machine(cpu)
    list_del(cpu, mod + LIST)
    restart_machine(cpu)


@kernel
def writer(cpu: Cpu) -> int:
    """Load and unload modules."""
    return modprobe(cpu, link_module, unlink_module)


SCENARIO = Scenario(
    name="stop_machine",
    claim="linking and unlinking under stop_machine makes every lookup give a whole, live name",
    source="the patch, in Linux 2.6.11",
    programs=(Program("modprobe", writer, cpus=1, writes=True), Program("kallsyms", kallsyms_reader)),
    expect="held",
    twin="modlist_spinlock",
)
