"""A reader that may sleep takes module_mutex for a lookup: the lockless walk is for oops reports.

/proc/PID/wchan and /proc/slab_allocators print symbols of modules. Both call kallsyms_lookup, which takes no lock so
that an oops report can call it. A process reads these files, and a process is preempted in the middle of the walk: the
stop that rmmod waits for comes there, and the module is freed under the reader. The fix gives such readers a lookup
that takes module_mutex. The model is ours: interrupts preempt readers at one access in 500.

Source: commit 9d65cb4a171, a5c43dae7ae (2.6.22), fact tagged V.
"""

from fractions import Fraction

from stress import Hardware, Program, Scenario
from stress.kernel.kallsyms import kallsyms_lookup
from stress.kernel.stop_machine import down, up
from stress.kernel.struct_module import MODULE_MUTEX
from stress.machine.seam import Cpu, kernel
from stress.programs.modprobe import modprobe_under
from stress.programs.read_symbol import kallsyms_reader, read_symbol


@kernel
def lookup_symbol_name(cpu: Cpu, address: int, symbol: int) -> bool:
    """Look an address up and copy its symbol's name, under module_mutex: rmmod frees no module meanwhile."""
    down(cpu, MODULE_MUTEX)
    found = kallsyms_lookup(cpu, address, symbol)
    up(cpu, MODULE_MUTEX)
    return found


@kernel
def wchan_locked(cpu: Cpu) -> int:
    """Where a process sleeps, by the lookup of the fix."""
    return read_symbol(cpu, lookup_symbol_name)


MODPROBE = Program("modprobe", modprobe_under, cpus=1, writes=True)
PREEMPTIBLE = Hardware(interrupt=Fraction(1, 500))
BROKEN = Scenario(
    name="broken",
    claim="what is good enough for an oops report is good enough for a file in /proc",
    source="9d65cb4a171, a5c43dae7ae (2.6.22): before the fix",
    point="doubt",
    programs=(MODPROBE, Program("wchan", kallsyms_reader)),
    hardware=PREEMPTIBLE,
    expect="violated",
    learnt="a walk with no lock, preempted once, goes on in a module that is gone",
)
MENDED = Scenario(
    name="mended",
    claim="readers that may sleep look symbols up under module_mutex",
    source="9d65cb4a171, a5c43dae7ae (2.6.22)",
    point="doubt",
    programs=(MODPROBE, Program("wchan", wchan_locked)),
    hardware=PREEMPTIBLE,
    expect="held",
    twin=BROKEN,
    learnt="who holds the mutex may be preempted anywhere: rmmod waits",
)
SCENARIOS = [BROKEN, MENDED]
