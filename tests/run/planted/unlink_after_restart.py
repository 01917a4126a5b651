"""A planted bug: the machine is stopped, restarted, and only then is the module unlinked."""

from stress import Program, Scenario
from stress.kernel.list import list_del
from stress.kernel.modlist import insmod_stopped
from stress.kernel.module import sys_delete_module
from stress.kernel.stop_machine import restart_machine, stop_machine
from stress.kernel.struct_module import LIST
from stress.machine.seam import Cpu, kernel
from stress.programs.modprobe import modprobe
from stress.programs.read_symbol import kallsyms_reader


@kernel
def unlink_module(cpu: Cpu, mod: int) -> None:
    """Take the module off the list too late."""
    stop_machine(cpu)
    restart_machine(cpu)
    list_del(cpu, mod + LIST)


@kernel
def rmmod(cpu: Cpu, name: int) -> int:
    """Unload a module that way."""
    return sys_delete_module(cpu, name, unlink_module)


@kernel
def writer(cpu: Cpu) -> int:
    """Load and unload modules."""
    return modprobe(cpu, insmod_stopped, rmmod)


SCENARIO = Scenario(
    name="unlink_after_restart",
    claim="a stop before the change is as good as one around it",
    source="planted",
    programs=(Program("modprobe", writer, cpus=1, writes=True), Program("kallsyms", kallsyms_reader)),
    expect="violated",
)
