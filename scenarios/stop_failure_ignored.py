"""A stop that fails is ignored: the module is freed while it is still in the list.

stop_machine_run starts a thread on each CPU and returns an error when it cannot, without having run the
function. Both callers in the patch drop its value.

Source: unstated in the patch; mended by 9e01892c423 and 9ea09af3bd3 in 2.6.29.
"""

from stress import Program, Scenario
from stress.kernel.modlist import STOPPED, unlink_stopped
from stress.kernel.stop_machine import stopper_fails
from stress.machine.seam import Cpu, kernel
from stress.programs.modprobe import modprobe_under
from stress.programs.read_symbol import kallsyms_reader


@kernel
def unlink_if_stopped(cpu: Cpu, mod: int) -> None:
    """Unlink the module if the machine can be stopped; nobody is told if not."""
    if not stopper_fails(cpu):
        unlink_stopped(cpu, mod)


SCENARIO = Scenario(
    name="stop_failure_ignored",
    claim="the value of stop_machine_run need not be looked at",
    source="Linux 2.6.11 with the patch, mended in 2.6.29 (9ea09af3bd3)",
    point="unsaid",
    protocol=STOPPED.but("unchecked", unlink=unlink_if_stopped),
    programs=(Program("modprobe", modprobe_under, cpus=1, writes=True), Program("kallsyms", kallsyms_reader)),
    expect="violated",
    learnt="one stop that fails is enough: the list leads into freed memory from then on",
)
