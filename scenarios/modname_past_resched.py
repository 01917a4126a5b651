"""In the patched kernel the module's name is still a raw pointer: past a reschedule it is not good.

The patch copies the symbol's name into the caller's buffer and leaves modname as it was, "valid until
rescheduled". A caller that reschedules before it prints reads freed memory.

Source: the patch's point (5); mended in 2025 by 3b07086444f8.
"""

from stress import Program, Scenario
from stress.kernel.stop_machine import schedule
from stress.machine.seam import Cpu, kernel
from stress.programs.modprobe import modprobe_under
from stress.programs.read_symbol import read_modname


@kernel
def reader(cpu: Cpu) -> int:
    """Reschedule before the module's name is copied."""
    return read_modname(cpu, schedule)


SCENARIO = Scenario(
    name="modname_past_resched",
    claim="what the patched kallsyms_lookup returns may be printed at leisure",
    source="Linux 2.6.11 with the patch; mended twenty years later (3b07086444f8)",
    point="5",
    programs=(Program("modprobe", modprobe_under, cpus=1, writes=True), Program("kallsyms", reader)),
    expect="violated",
    learnt="the patch leaves half of point (5) open: modname is violated in the patched kernel",
)
