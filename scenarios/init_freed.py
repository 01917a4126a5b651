"""insmod succeeds and frees the init memory that kallsyms was reading the symbol tables of.

Both list changes stop the machine, as in the patch; only the tables that init memory held go without one. A
reader that began with them goes on in freed memory, or takes one table from here and the other from there.

Source: c749637909ee (3.19) and 8244062ef1e5 (4.5), which mended it; the patch's point (4).
"""

from stress import Program, Scenario
from stress.kernel.init_tables import sys_init_module_with_tables, use_core_tables
from stress.kernel.modlist import rmmod_stopped
from stress.machine.seam import Cpu, kernel
from stress.programs.modprobe import modprobe_aimed
from stress.programs.read_symbol import kallsyms_reader


@kernel
def insmod(cpu: Cpu, image: int) -> int:
    """Load a module; its init memory is freed while readers run."""
    return sys_init_module_with_tables(cpu, image, use_core_tables)


@kernel
def writer(cpu: Cpu) -> int:
    """Load and unload modules."""
    return modprobe_aimed(cpu, insmod, rmmod_stopped)


SCENARIO = Scenario(
    name="init_freed",
    claim="insmod may free init memory after a successful load, since it only adds to the list",
    source="before 3.19 (c749637909ee) and 4.5 (8244062ef1e5); the patch's point (4)",
    point="4",
    programs=(Program("modprobe", writer, cpus=1, writes=True), Program("kallsyms", kallsyms_reader)),
    expect="violated",
    learnt="insmod frees memory even when all goes well: its own init memory",
)
