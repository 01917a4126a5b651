"""A barrier that asks the other CPUs to stop and does not wait for them: the list changes while they run.

The twin of `changes_while_stopped`: each state is published as before, but nobody waits for acknowledgements.

Source: the barrier's own rule, stop_machine in 2.6.11.
"""

from stress import Program, Scenario
from stress.judge.outcomes import with_more
from stress.kernel.held import warn_if_running
from stress.kernel.list import list_add, list_del
from stress.kernel.modlist import STOPPED
from stress.kernel.preempt import local_irq_disable, preempt_disable
from stress.kernel.stop_machine import (
    STOPMACHINE_DISABLE_IRQ,
    STOPMACHINE_MUTEX,
    STOPMACHINE_PREPARE,
    down,
    publish_state,
    restart_machine,
)
from stress.kernel.struct_module import LIST, MODULES
from stress.machine.seam import Cpu, kernel
from stress.programs.modprobe import modprobe_judged_under
from stress.programs.read_symbol import kallsyms_reader


@kernel
def stop_machine_hasty(cpu: Cpu) -> None:
    """stop_machine that takes what it asked for as done."""
    down(cpu, STOPMACHINE_MUTEX)
    preempt_disable(cpu)
    local_irq_disable(cpu)
    publish_state(cpu, STOPMACHINE_PREPARE)
    publish_state(cpu, STOPMACHINE_DISABLE_IRQ)


@kernel
def link_module(cpu: Cpu, mod: int) -> None:
    """Add the module to the list, looking at the other CPUs before and after."""
    stop_machine_hasty(cpu)
    warn_if_running(cpu)
    list_add(cpu, mod + LIST, MODULES)
    warn_if_running(cpu)
    restart_machine(cpu)


@kernel
def unlink_module(cpu: Cpu, mod: int) -> None:
    """Take the module off the list, looking at the other CPUs before and after."""
    stop_machine_hasty(cpu)
    warn_if_running(cpu)
    list_del(cpu, mod + LIST)
    warn_if_running(cpu)
    restart_machine(cpu)


SCENARIO = Scenario(
    name="changes_while_running",
    claim="asking every CPU to stop is enough, there is no need to wait for their answers",
    source="planted in 2.6.11's stop_machine",
    point="cure",
    protocol=STOPPED.but("hasty", link=link_module, unlink=unlink_module),
    programs=(Program("modprobe", modprobe_judged_under, cpus=1, writes=True), Program("kallsyms", kallsyms_reader)),
    outcomes=with_more("running", "right"),
    expect="violated",
    learnt="nearly every change is then made while some CPU still runs",
)
