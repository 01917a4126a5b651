"""A raw pointer to a symbol's name is not good once the reader has rescheduled.

The twin of `name_until_resched`: between the lookup and the copy the caller passes a safepoint, where it joins a
stop that is pending; then the module goes.

Source: the patch's point (5): why kallsyms_lookup copies the name into the caller's buffer.
"""

from stress import Program, Scenario
from stress.kernel.stop_machine import schedule
from stress.machine.seam import Cpu, kernel
from stress.programs.modprobe import modprobe_under
from stress.programs.read_symbol import read_pointer


@kernel
def reader(cpu: Cpu) -> int:
    """Reschedule between the lookup and the copy."""
    return read_pointer(cpu, schedule)


SCENARIO = Scenario(
    name="name_past_resched",
    claim="a raw pointer to a name stays good while the reader uses it",
    source="the patch's point (5)",
    point="5",
    programs=(Program("modprobe", modprobe_under, cpus=1, writes=True), Program("kallsyms", reader)),
    expect="violated",
    learnt="this is why the patch copies the name: its caller may reschedule before it prints",
)
