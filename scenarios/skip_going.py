"""A reader that passes over modules marked GOING, before the patch: the mark lies in memory that is freed.

Time passes between the look at the mark and the next step, now and then more of it: what was listed then is
unlinked and freed meanwhile, whatever the mark said.

Source: the patch's point (3), its second half.
"""

from stress import Program, Scenario
from stress.kernel.kallsyms import lookup_in
from stress.kernel.modlist import LOCKED
from stress.kernel.struct_module import MODULE_STATE_GOING, STATE
from stress.machine.seam import Cpu, kernel
from stress.programs.modprobe import modprobe_under
from stress.programs.read_symbol import linger, read_symbol


@kernel
def stays(cpu: Cpu, mod: int) -> bool:
    """Whether the module is not marked GOING, as far as its memory can be believed."""
    state = cpu.load(mod + STATE)
    linger(cpu)
    return state != MODULE_STATE_GOING


@kernel
def lookup_skipping(cpu: Cpu, address: int, symbol: int) -> bool:
    """kallsyms_lookup that looks at no module that is GOING."""
    return lookup_in(cpu, address, symbol, stays)


@kernel
def reader(cpu: Cpu) -> int:
    """A lookup that trusts the state."""
    return read_symbol(cpu, lookup_skipping)


SCENARIO = Scenario(
    name="skip_going",
    claim="a reader is safe if it passes over modules that rmmod has marked GOING",
    source="the patch's point (3)",
    point="3",
    protocol=LOCKED,
    programs=(Program("modprobe", modprobe_under, cpus=1, writes=True), Program("kallsyms", reader)),
    expect="violated",
    learnt="a module turns GOING, and is freed, between the look at its state and the copy of the name",
)
