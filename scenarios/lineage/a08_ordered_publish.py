"""A module is linked without a stop if its entry has its own links before readers can find it.

Since 2.6.28 insmod links a module without a stop, while readers walk the list: nothing goes away by that. This needs an
order. The entry gets its links first, and a barrier stands before the store that publishes it (list_add_rcu). Plain
list_add has no barrier, so that a compiler or a processor may publish first, and a reader steps to where the entry does
not point yet. The model is ours: the broken variant is list_add with its stores in an order that nothing forbids; both
variants wait between the stores until another CPU has ended an operation.

Source: commit d72b37513cd (2.6.28), fact tagged V.
"""

from stress import Program, Scenario
from stress.kernel.list import NEXT, PREV
from stress.kernel.modlist import STOPPED
from stress.kernel.struct_module import LIST, MODULES
from stress.machine.seam import Cpu, kernel
from stress.programs.modprobe import modprobe_aimed_under
from stress.programs.parked import await_operation
from stress.programs.read_symbol import kallsyms_reader


@kernel
def link_unordered(cpu: Cpu, mod: int) -> None:
    """Broken: plain list_add; the store that publishes the entry comes before its own links."""
    entry = mod + LIST
    following = cpu.load(MODULES + NEXT)
    cpu.store(MODULES + NEXT, entry)
    await_operation(cpu)
    cpu.store(entry + NEXT, following)
    cpu.store(entry + PREV, MODULES)
    await_operation(cpu)
    cpu.store(following + PREV, entry)


@kernel
def link_ordered(cpu: Cpu, mod: int) -> None:
    """Mended: list_add_rcu; only rmmod follows PREV, and waits for module_mutex, so that PREV may come last."""
    entry = mod + LIST
    following = cpu.load(MODULES + NEXT)
    cpu.store(entry + NEXT, following)
    cpu.store(entry + PREV, MODULES)
    await_operation(cpu)
    # Who finds the entry finds its links and all that is in the module.
    cpu.store_release(MODULES + NEXT, entry)
    await_operation(cpu)
    cpu.store(following + PREV, entry)


PROGRAMS = (Program("modprobe", modprobe_aimed_under, cpus=1, writes=True), Program("kallsyms", kallsyms_reader))
BROKEN = Scenario(
    name="broken",
    claim="insmod may link a module while readers run, in any order of its stores",
    source="d72b37513cd (2.6.28) without its ordered publish",
    point="4",
    protocol=STOPPED.but("linked_unordered", link=link_unordered),
    programs=PROGRAMS,
    expect="violated",
    learnt="readers follow the link of an entry that has none yet, to NULL",
)
MENDED = Scenario(
    name="mended",
    claim="insmod may link a module while readers run, if the store that publishes the entry comes last",
    source="d72b37513cd (2.6.28)",
    point="4",
    protocol=STOPPED.but("linked_ordered", link=link_ordered),
    programs=PROGRAMS,
    expect="held",
    twin=BROKEN,
    learnt="readers find a whole entry or none: no stop is needed to add",
)
SCENARIOS = [BROKEN, MENDED]
