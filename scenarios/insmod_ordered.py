"""insmod links without a stop, but publishes last: readers find a whole module or none.

The four stores of list_add in the kernel's order, with time between them, under modlist_lock only. The entry
has its own links before `head.next` points to it. rmmod stops the machine as in the patch.

Source: the patch's point (4), "insmod probably isn't a problem".
"""

from stress import Program, Scenario
from stress.kernel.list import NEXT, PREV
from stress.kernel.modlist import STOPPED
from stress.kernel.spinlock import spin_lock, spin_unlock
from stress.kernel.struct_module import LIST, MODLIST_LOCK, MODULES
from stress.machine.seam import Cpu, kernel
from stress.programs.modprobe import modprobe_aimed_under
from stress.programs.parked import await_operation
from stress.programs.read_symbol import kallsyms_reader


@kernel
def list_add_publish_last(cpu: Cpu, new: int, head: int) -> None:
    """list_add, slowly: a reader has time to see each store before the next one."""
    following = cpu.load(head + NEXT)
    cpu.store(following + PREV, new)
    await_operation(cpu)
    cpu.store(new + NEXT, following)
    cpu.store(new + PREV, head)
    await_operation(cpu)
    cpu.store(head + NEXT, new)


@kernel
def link_module(cpu: Cpu, mod: int) -> None:
    """Add the module to the list, safe from other writers, readers running."""
    spin_lock(cpu, MODLIST_LOCK)
    list_add_publish_last(cpu, mod + LIST, MODULES)
    spin_unlock(cpu, MODLIST_LOCK)


SCENARIO = Scenario(
    name="insmod_ordered",
    claim="insmod needs no stop if the store that publishes the entry comes last",
    source="the patch's point (4)",
    point="4",
    protocol=STOPPED.but("ordered", link=link_module),
    programs=(Program("modprobe", modprobe_aimed_under, cpus=1, writes=True), Program("kallsyms", kallsyms_reader)),
    expect="held",
    twin="insmod_publish_first",
    learnt="insmod as such is no problem, as the patch guessed: the order of its stores is",
)
