"""The patch with list_del_rcu in place of list_del: NMIs on stopped CPUs are safe as well.

list_del_rcu leaves the entry's way on as it was, and the free waits for the end of the stop, which every CPU
acknowledges after its NMI. The stop is then a grace period for NMIs too.

Source: include/linux/list.h; the cure for `nmi_stopped`.
"""

from fractions import Fraction

from stress import Hardware, Program, Scenario
from stress.kernel.list import list_del_rcu
from stress.kernel.modlist import STOPPED
from stress.kernel.stop_machine import restart_machine, stop_machine
from stress.kernel.struct_module import LIST
from stress.machine.loop import mark_edge
from stress.machine.seam import Cpu, kernel
from stress.programs.idle import cpu_idle
from stress.programs.modprobe import modprobe_under
from stress.programs.show_trace import nmi_of_readers


@kernel
def unlink_module(cpu: Cpu, mod: int) -> None:
    """Take the module off the list under a stop; whoever stands on it can step on."""
    stop_machine(cpu)
    list_del_rcu(cpu, mod + LIST)
    mark_edge(cpu)
    restart_machine(cpu)


SCENARIO = Scenario(
    name="nmi_list_del_rcu",
    claim="list_del_rcu under a stop protects NMI handlers too",
    source="the cure for what the patch leaves open to NMIs",
    point="unsaid",
    protocol=STOPPED.but("rcu", unlink=unlink_module),
    programs=(Program("modprobe", modprobe_under, cpus=1, writes=True), Program("idle", cpu_idle)),
    hardware=Hardware(nmi=Fraction(1, 10), nmi_handler=nmi_of_readers),
    expect="held",
    twin="nmi_stopped",
    learnt="one store less, and NMIs are safe: the entry's way on is the whole difference",
)
