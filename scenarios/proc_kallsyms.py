"""Reading /proc/kallsyms: each line is found under module_mutex, and printed after it is dropped.

The symbol's name is copied under the mutex; the module's is a raw pointer that is followed when the line is
printed. Between the two a module may go. The patch does not touch this.

Source: mended by ea07890a680 in 2.6.22; kernel/kallsyms.c.
"""

from stress import Program, Scenario
from stress.kernel.kallsyms import KSYM_NAME_LEN, MODNAMEBUF, SYMBOL_MODNAME
from stress.kernel.kallsyms_names import module_get_kallsym
from stress.kernel.string import strncpy
from stress.machine.seam import Cpu, kernel
from stress.programs.modprobe import modprobe_under
from stress.programs.read_names import proc_kallsyms_reader, wait_in_buffer


@kernel
def read_line(cpu: Cpu, index: int, symbol: int) -> bool:
    """Find a line, and print it a little later: the module's name is copied when the mutex is free."""
    if not module_get_kallsym(cpu, index, symbol):
        return False
    wait_in_buffer(cpu)
    strncpy(cpu, cpu.area + MODNAMEBUF, cpu.load(symbol + SYMBOL_MODNAME), KSYM_NAME_LEN)
    return True


@kernel
def reader(cpu: Cpu) -> int:
    """One line of /proc/kallsyms."""
    return proc_kallsyms_reader(cpu, read_line)


SCENARIO = Scenario(
    name="proc_kallsyms",
    claim="/proc/kallsyms is safe, since it finds each line under module_mutex",
    source="2.6.11 to 2.6.21, patched or not; mended in 2.6.22 (ea07890a680)",
    point="5",
    programs=(Program("modprobe", modprobe_under, cpus=1, writes=True), Program("proc_kallsyms", reader)),
    expect="violated",
    learnt="a pointer found under a lock is good under that lock only",
)
