"""insmod whose init() fails, before the patch: it unlinks under a lock that readers do not take, and frees.

The twin of `failed_init`. rmmod stops the machine in both, so whatever is seen comes from the failed insmod.

Source: the patch's point (4), "insmod probably isn't a problem": where init() fails, it is.
"""

from stress import Program, Scenario
from stress.kernel.modlist import insmod_stopped, link_locked, rmmod_stopped, unlink_locked
from stress.kernel.module import sys_init_module_failing
from stress.machine.seam import Cpu, kernel
from stress.programs.modprobe import modprobe_aimed
from stress.programs.read_symbol import kallsyms_reader

FAILURES = 6


@kernel
def insmod(cpu: Cpu, image: int) -> int:
    """Load a module whose init() fails some times before it succeeds."""
    for _ in range(FAILURES):
        sys_init_module_failing(cpu, image, link_locked, unlink_locked)
    return insmod_stopped(cpu, image)


@kernel
def writer(cpu: Cpu) -> int:
    """Load and unload modules."""
    return modprobe_aimed(cpu, insmod, rmmod_stopped)


SCENARIO = Scenario(
    name="failed_init_locked",
    claim="insmod is no problem, as nothing goes away",
    source="2.6.11-rc1 and before; the patch's point (4)",
    point="4",
    programs=(Program("modprobe", writer, cpus=1, writes=True), Program("kallsyms", kallsyms_reader)),
    expect="violated",
    learnt="insmod does free memory, when init() fails: the guess in point (4) holds for success only",
)
