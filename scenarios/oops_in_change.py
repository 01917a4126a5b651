"""An oops inside the function that changes the list: its report walks a list that is half changed.

It runs on the very CPU that holds all others, between the stores of list_del. A walk forward finds a whole list
at each point: the entry's own links are poisoned only when nothing leads to it any more.

Source: the patch says nothing of an oops inside fn; include/linux/list.h.
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
    """list_del, with an oops between every two stores."""
    previous = cpu.load(entry + PREV)
    following = cpu.load(entry + NEXT)
    cpu.store(following + PREV, previous)
    take_exception(cpu, report_oops)
    cpu.store(previous + NEXT, following)
    take_exception(cpu, report_oops)
    cpu.store(entry + NEXT, LIST_POISON1)
    take_exception(cpu, report_oops)
    cpu.store(entry + PREV, LIST_POISON2)


@kernel
def unlink_module(cpu: Cpu, mod: int) -> None:
    """Take the module off the list under a stop, oopsing all the way."""
    stop_machine(cpu)
    list_del_oopsing(cpu, mod + LIST)
    restart_machine(cpu)


SCENARIO = Scenario(
    name="oops_in_change",
    claim="an oops report inside list_del, under a stop, finds a whole list",
    source="a gap in the patch that was feared",
    point="unsaid",
    protocol=STOPPED.but("oopsing", unlink=unlink_module),
    programs=(Program("modprobe", modprobe_under, cpus=1, writes=True), Program("kallsyms", kallsyms_reader)),
    expect="held",
    twin="oops_poison_first",
    learnt="the order of list_del's stores is what saves the report; what it needs is a walk forward",
)
