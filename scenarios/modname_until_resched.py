"""The raw pointer to the module's name, too, is good until the reader reschedules.

The patched kallsyms_lookup copies the symbol's name, but still returns the module's as a pointer into the
module. Here it is copied at once.

Source: the patch's point (5) and its promise.
"""

from stress import Program, Scenario
from stress.machine.seam import Cpu, kernel
from stress.programs.modprobe import modprobe_under
from stress.programs.read_symbol import no_pause, read_modname


@kernel
def reader(cpu: Cpu) -> int:
    """Copy the module's name at once."""
    return read_modname(cpu, no_pause)


SCENARIO = Scenario(
    name="modname_until_resched",
    claim="the raw modname that kallsyms_lookup returns stays good until the reader reschedules",
    source="the patch's promise; its point (5)",
    point="5",
    programs=(Program("modprobe", modprobe_under, cpus=1, writes=True), Program("kallsyms", reader)),
    expect="held",
    twin="modname_past_resched",
    learnt="the raw modname is safe for whoever prints it at once",
)
