"""What can fail is done first: if the stoppers cannot be had, rmmod gives up before it has changed anything.

`stop_failure_ignored` with the cure of 2.6.29, stop_machine_create: the module stays as it was.

Source: 9ea09af3bd3 in 2.6.29.
"""

from stress import Program, Scenario
from stress.kernel.modlist import insmod_stopped, rmmod_stopped
from stress.kernel.module import ENOMEM
from stress.kernel.stop_machine import stopper_fails
from stress.machine.seam import Cpu, kernel
from stress.programs.modprobe import modprobe
from stress.programs.read_symbol import kallsyms_reader


@kernel
def rmmod(cpu: Cpu, name: int) -> int:
    """Unload a module if the machine can be stopped; -ENOMEM, and nothing has changed, if not."""
    if stopper_fails(cpu):
        return -ENOMEM
    return rmmod_stopped(cpu, name)


@kernel
def writer(cpu: Cpu) -> int:
    """Load and unload modules."""
    return modprobe(cpu, insmod_stopped, rmmod)


SCENARIO = Scenario(
    name="stop_failure_checked",
    claim="rmmod is safe where a stop can fail, if it finds that out first",
    source="Linux 2.6.29 (9ea09af3bd3)",
    point="unsaid",
    programs=(Program("modprobe", writer, cpus=1, writes=True), Program("kallsyms", kallsyms_reader)),
    expect="held",
    twin="stop_failure_ignored",
    learnt="the patch needs the stop to succeed: say so, or ask first",
)
