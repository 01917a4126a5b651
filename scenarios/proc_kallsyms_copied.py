"""Reading /proc/kallsyms with the module's name copied under module_mutex, as the symbol's is.

What `proc_kallsyms` lacks.

Source: ea07890a680 in 2.6.22.
"""

from stress import Program, Scenario
from stress.kernel.kallsyms import KSYM_NAME_LEN, MODNAMEBUF, SYMBOL_MODNAME
from stress.kernel.kallsyms_names import get_kallsym
from stress.kernel.stop_machine import down, up
from stress.kernel.string import strncpy
from stress.kernel.struct_module import MODULE_MUTEX
from stress.machine.seam import Cpu, kernel
from stress.programs.modprobe import modprobe_under
from stress.programs.read_names import proc_kallsyms_reader, wait_in_buffer


@kernel
def read_line(cpu: Cpu, index: int, symbol: int) -> bool:
    """Find a line and copy all of it under the mutex; it is printed a little later."""
    down(cpu, MODULE_MUTEX)
    found = get_kallsym(cpu, index, symbol)
    if found:
        strncpy(cpu, cpu.area + MODNAMEBUF, cpu.load(symbol + SYMBOL_MODNAME), KSYM_NAME_LEN)
    up(cpu, MODULE_MUTEX)
    wait_in_buffer(cpu)
    return found


@kernel
def reader(cpu: Cpu) -> int:
    """One line of /proc/kallsyms."""
    return proc_kallsyms_reader(cpu, read_line)


SCENARIO = Scenario(
    name="proc_kallsyms_copied",
    claim="/proc/kallsyms is safe if all of a line is copied under module_mutex",
    source="Linux 2.6.22 (ea07890a680)",
    point="5",
    programs=(Program("modprobe", modprobe_under, cpus=1, writes=True), Program("proc_kallsyms", reader)),
    expect="held",
    twin="proc_kallsyms",
    learnt="copies made under the mutex are whole, whenever they are printed",
)
