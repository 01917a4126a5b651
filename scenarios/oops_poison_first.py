"""An oops inside a list_del that poisons the entry before it leads past it: the report steps to LIST_POISON1.

The twin of `oops_in_change`: the same four stores, the poison first. Under a stop the order should not matter,
and without an oops it does not.

Source: planted; include/linux/list.h has the other order.
"""

from stress import Program, Scenario
from stress.kernel.list import LIST_POISON1, LIST_POISON2, NEXT, PREV
from stress.kernel.modlist import STOPPED
from stress.kernel.stop_machine import restart_machine, stop_machine
from stress.kernel.struct_module import LIST
from stress.machine.events import take_exception
from stress.machine.loop import mark_edge
from stress.machine.seam import Cpu, kernel
from stress.programs.modprobe import modprobe_under
from stress.programs.read_symbol import kallsyms_reader, nmi_reader


@kernel
def report_oops(cpu: Cpu) -> int:
    """The lookup of an oops report, inside the change: a race window by itself."""
    mark_edge(cpu)
    return nmi_reader(cpu)


@kernel
def list_del_oopsing(cpu: Cpu, entry: int) -> None:
    """list_del in the wrong order, with an oops between every two stores."""
    previous = cpu.load(entry + PREV)
    following = cpu.load(entry + NEXT)
    cpu.store(entry + NEXT, LIST_POISON1)
    take_exception(cpu, report_oops)
    cpu.store(entry + PREV, LIST_POISON2)
    take_exception(cpu, report_oops)
    cpu.store(following + PREV, previous)
    take_exception(cpu, report_oops)
    cpu.store(previous + NEXT, following)


@kernel
def unlink_module(cpu: Cpu, mod: int) -> None:
    """Take the module off the list under a stop, oopsing all the way."""
    stop_machine(cpu)
    list_del_oopsing(cpu, mod + LIST)
    restart_machine(cpu)


SCENARIO = Scenario(
    name="oops_poison_first",
    claim="under a stop the order of list_del's stores does not matter to anyone",
    source="planted: list_del in another order",
    point="unsaid",
    protocol=STOPPED.but("oopsing", unlink=unlink_module),
    programs=(Program("modprobe", modprobe_under, cpus=1, writes=True), Program("kallsyms", kallsyms_reader)),
    expect="violated",
    learnt="a stop orders nothing for code that runs on the CPU that holds it",
)
