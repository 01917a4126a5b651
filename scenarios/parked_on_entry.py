"""A reader that stands on an entry of the list while it is unlinked steps on to LIST_POISON1.

Before the patch. Now and then readers stop for a moment on an entry, as any of them may when its core is taken
away; list_del meanwhile leaves 0x00100100 in the link that they follow next.

Source: the patch's point (3), where it speaks of the links; include/linux/list.h.
"""

from stress import Program, Scenario
from stress.kernel.kallsyms import lookup_in
from stress.kernel.modlist import LOCKED
from stress.machine.seam import Cpu, kernel
from stress.programs.modprobe import modprobe_under
from stress.programs.read_symbol import linger, read_symbol


@kernel
def pause_on(cpu: Cpu, mod: int) -> bool:
    """Look at every module, and now and then stay on one for a moment."""
    linger(cpu)
    return True


@kernel
def lookup_parking(cpu: Cpu, address: int, symbol: int) -> bool:
    """kallsyms_lookup with stays on entries."""
    return lookup_in(cpu, address, symbol, pause_on)


@kernel
def reader(cpu: Cpu) -> int:
    """A lookup that takes its time."""
    return read_symbol(cpu, lookup_parking)


SCENARIO = Scenario(
    name="parked_on_entry",
    claim="a reader that stands on an entry can step on, whoever unlinks it meanwhile",
    source="the patch's point (3), the list links",
    point="3",
    protocol=LOCKED,
    programs=(Program("modprobe", modprobe_under, cpus=1, writes=True), Program("kallsyms", reader)),
    expect="violated",
    learnt="readers step from the unlinked entry to 0x00100100, LIST_POISON1",
)
