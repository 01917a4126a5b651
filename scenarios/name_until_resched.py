"""A raw pointer to a symbol's name is good until the reader reschedules.

kallsyms_lookup as it was before the patch, in the patched kernel: it returns a pointer into the module, and the
caller copies the name from there before it passes its next safepoint.

Source: the patch's promise, and its point (5).
"""

from stress import Program, Scenario
from stress.machine.seam import Cpu, kernel
from stress.programs.modprobe import modprobe_under
from stress.programs.read_symbol import no_pause, read_pointer


@kernel
def reader(cpu: Cpu) -> int:
    """Use the raw pointer at once."""
    return read_pointer(cpu, no_pause)


SCENARIO = Scenario(
    name="name_until_resched",
    claim="a raw pointer to a name stays good until the reader reschedules",
    source="the patch's promise; its point (5)",
    point="5",
    programs=(Program("modprobe", modprobe_under, cpus=1, writes=True), Program("kallsyms", reader)),
    expect="held",
    twin="name_past_resched",
    learnt="the promise holds to the letter: whoever does not reschedule keeps raw pointers safely",
)
