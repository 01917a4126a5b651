"""At every change of the list every other CPU is held: it has acknowledged the stop, its interrupts are off.

Seen by the CPU that changes the list, before and after its stores.

Source: the patch's promise, link and unlink only under stop_machine_run.
"""

from stress import Program, Scenario
from stress.judge.outcomes import with_more
from stress.kernel.held import warn_if_running
from stress.kernel.list import list_add, list_del
from stress.kernel.modlist import STOPPED
from stress.kernel.stop_machine import restart_machine, stop_machine
from stress.kernel.struct_module import LIST, MODULES
from stress.machine.seam import Cpu, kernel
from stress.programs.modprobe import modprobe_judged_under
from stress.programs.read_symbol import kallsyms_reader


@kernel
def link_module(cpu: Cpu, mod: int) -> None:
    """Add the module to the list, looking at the other CPUs before and after."""
    stop_machine(cpu)
    warn_if_running(cpu)
    list_add(cpu, mod + LIST, MODULES)
    warn_if_running(cpu)
    restart_machine(cpu)


@kernel
def unlink_module(cpu: Cpu, mod: int) -> None:
    """Take the module off the list, looking at the other CPUs before and after."""
    stop_machine(cpu)
    warn_if_running(cpu)
    list_del(cpu, mod + LIST)
    warn_if_running(cpu)
    restart_machine(cpu)


SCENARIO = Scenario(
    name="changes_while_stopped",
    claim="whenever the list changes, every other CPU has acknowledged the stop with interrupts off",
    source="the patch's promise",
    point="cure",
    protocol=STOPPED.but("watched", link=link_module, unlink=unlink_module),
    programs=(Program("modprobe", modprobe_judged_under, cpus=1, writes=True), Program("kallsyms", kallsyms_reader)),
    outcomes=with_more("running", "right"),
    expect="held",
    twin="changes_while_running",
    learnt="no change was ever made while another CPU was not held",
)
