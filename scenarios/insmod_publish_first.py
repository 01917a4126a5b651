"""insmod links without a stop and publishes first: readers step into an entry that leads nowhere yet.

The twin of `insmod_ordered`: the same four stores, but `head.next` points to the entry before the entry has its
own links. A compiler or a weakly ordered processor may do that to list_add, which has no barrier.

Source: the patch's point (4); d72b37513cd in 2.6.28 links without a stop, and publishes in order.
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
def list_add_publish_first(cpu: Cpu, new: int, head: int) -> None:
    """list_add, slowly, and in the wrong order."""
    following = cpu.load(head + NEXT)
    cpu.store(head + NEXT, new)
    await_operation(cpu)
    cpu.store(new + NEXT, following)
    cpu.store(new + PREV, head)
    await_operation(cpu)
    cpu.store(following + PREV, new)


@kernel
def link_module(cpu: Cpu, mod: int) -> None:
    """Add the module to the list, safe from other writers, readers running."""
    spin_lock(cpu, MODLIST_LOCK)
    list_add_publish_first(cpu, mod + LIST, MODULES)
    spin_unlock(cpu, MODLIST_LOCK)


SCENARIO = Scenario(
    name="insmod_publish_first",
    claim="insmod needs no stop, whatever the order of its stores",
    source="2.6.28 (d72b37513cd) without its ordered publish; the patch's point (4)",
    point="4",
    protocol=STOPPED.but("published_first", link=link_module),
    programs=(Program("modprobe", modprobe_aimed_under, cpus=1, writes=True), Program("kallsyms", kallsyms_reader)),
    expect="violated",
    learnt="readers follow the NULL link of an entry that was published too early",
)
