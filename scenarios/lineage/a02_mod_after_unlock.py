"""A line of /proc/kallsyms needs nothing of its module once module_mutex is dropped.

module_get_kallsym finds the symbol under module_mutex and leaks a pointer to its module. The mutex is dropped. The
seq_file code prints the line later: it searches the module for the symbol, to say whether it is exported, and prints
the module's name. rmmod frees the module in between. The fix copies all that the line needs under the mutex. The model
searches the whole symbol table where the kernel searches the exported symbols. The reader sleeps before it prints, as
one does that waits for room in the file's buffer.

Source: commit ea07890a680 (2.6.22), fact tagged V.
"""

from stress import Program, Scenario
from stress.kernel.kallsyms import KSYM_NAME_LEN, MODNAMEBUF, SYMBOL_MODNAME
from stress.kernel.kallsyms_names import get_kallsym, mod_find_symname
from stress.kernel.stop_machine import down, up
from stress.kernel.string import strncpy
from stress.kernel.struct_module import MODULE_MUTEX, NAME
from stress.machine.seam import Cpu, kernel
from stress.programs.modprobe import modprobe_under
from stress.programs.read_names import proc_kallsyms_reader, wait_in_buffer


@kernel
def use_module(cpu: Cpu, symbol: int) -> None:
    """Take from the module what the line needs: whether the symbol is exported, and the module's name."""
    mod = cpu.load(symbol + SYMBOL_MODNAME) - NAME
    mod_find_symname(cpu, mod, symbol)
    strncpy(cpu, cpu.area + MODNAMEBUF, mod + NAME, KSYM_NAME_LEN)


@kernel
def line_unlocked(cpu: Cpu, index: int, symbol: int) -> bool:
    """Broken: find a line under the mutex, and use its module when the line is printed."""
    down(cpu, MODULE_MUTEX)
    found = get_kallsym(cpu, index, symbol)
    up(cpu, MODULE_MUTEX)
    wait_in_buffer(cpu)
    if found:
        use_module(cpu, symbol)
    return found


@kernel
def line_locked(cpu: Cpu, index: int, symbol: int) -> bool:
    """Mended: find a line and use its module under the mutex; printing needs copies alone."""
    down(cpu, MODULE_MUTEX)
    found = get_kallsym(cpu, index, symbol)
    if found:
        use_module(cpu, symbol)
    up(cpu, MODULE_MUTEX)
    wait_in_buffer(cpu)
    return found


@kernel
def read_unlocked(cpu: Cpu) -> int:
    """One line of /proc/kallsyms before the fix."""
    return proc_kallsyms_reader(cpu, line_unlocked)


@kernel
def read_locked(cpu: Cpu) -> int:
    """One line of /proc/kallsyms since the fix."""
    return proc_kallsyms_reader(cpu, line_locked)


MODPROBE = Program("modprobe", modprobe_under, cpus=1, writes=True)
BROKEN = Scenario(
    name="broken",
    claim="a module that was found under module_mutex may be used when the line is printed",
    source="ea07890a680 (2.6.22): before the fix",
    point="5",
    programs=(MODPROBE, Program("proc_kallsyms", read_unlocked)),
    expect="violated",
    learnt="the mutex protects the module, not the pointer: after the unlock the module is freed or another one",
)
MENDED = Scenario(
    name="mended",
    claim="all that a line needs of its module is copied under module_mutex",
    source="ea07890a680 (2.6.22)",
    point="5",
    programs=(MODPROBE, Program("proc_kallsyms", read_locked)),
    expect="held",
    twin=BROKEN,
    learnt="copies are whole, whenever the line is printed",
)
SCENARIOS = [BROKEN, MENDED]
