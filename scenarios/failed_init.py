"""insmod whose init() fails takes the module off the list and frees it: under a stop, as the patch has it.

The module was listed while init() ran, and readers found it. So a failed insmod is an rmmod, and needs its
second stop.

Source: the patch's point (4); load_module's and sys_init_module's error paths in 2.6.11.
"""

from stress import Program, Scenario
from stress.kernel.modlist import insmod_stopped, link_stopped, rmmod_stopped, unlink_stopped
from stress.kernel.module import sys_init_module_failing
from stress.machine.seam import Cpu, kernel
from stress.programs.modprobe import modprobe_aimed
from stress.programs.read_symbol import kallsyms_reader

FAILURES = 6


@kernel
def insmod(cpu: Cpu, image: int) -> int:
    """Load a module whose init() fails some times before it succeeds."""
    for _ in range(FAILURES):
        sys_init_module_failing(cpu, image, link_stopped, unlink_stopped)
    return insmod_stopped(cpu, image)


@kernel
def writer(cpu: Cpu) -> int:
    """Load and unload modules."""
    return modprobe_aimed(cpu, insmod, rmmod_stopped)


SCENARIO = Scenario(
    name="failed_init",
    claim="a failed insmod frees nothing that a reader may hold, if it unlinks under a stop",
    source="the patch's point (4)",
    point="4",
    programs=(Program("modprobe", writer, cpus=1, writes=True), Program("kallsyms", kallsyms_reader)),
    expect="held",
    twin="failed_init_locked",
    learnt="the failing path is as safe as rmmod: it stops the machine twice",
)
