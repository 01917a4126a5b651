"""insmod switches to the core's symbol tables under a stop, and then frees those in init memory.

What `init_freed` lacks: no reader is inside a lookup while both pointers change, and who looks afterwards finds
the new ones. Linux has a pointer to all of the tables and a grace period instead.

Source: c749637909ee (3.19), 8244062ef1e5 (4.5); the patch's point (4).
"""

from stress import Program, Scenario
from stress.kernel.init_tables import sys_init_module_with_tables, use_core_tables
from stress.kernel.modlist import rmmod_stopped
from stress.kernel.stop_machine import restart_machine, stop_machine
from stress.machine.seam import Cpu, kernel
from stress.programs.modprobe import modprobe_aimed
from stress.programs.read_symbol import kallsyms_reader


@kernel
def switch_stopped(cpu: Cpu, mod: int) -> None:
    """Switch to the core's tables while the machine is stopped."""
    stop_machine(cpu)
    use_core_tables(cpu, mod)
    restart_machine(cpu)


@kernel
def insmod(cpu: Cpu, image: int) -> int:
    """Load a module; nobody reads its init memory when that is freed."""
    return sys_init_module_with_tables(cpu, image, switch_stopped)


@kernel
def writer(cpu: Cpu) -> int:
    """Load and unload modules."""
    return modprobe_aimed(cpu, insmod, rmmod_stopped)


SCENARIO = Scenario(
    name="init_freed_stopped",
    claim="init memory may be freed once a stop has let every reader leave it",
    source="in place of the grace period of 3.19 (c749637909ee); the patch's point (4)",
    point="4",
    programs=(Program("modprobe", writer, cpus=1, writes=True), Program("kallsyms", kallsyms_reader)),
    expect="held",
    twin="init_freed",
    learnt="the patch's cure works for init memory too",
)
