"""A symbol can be looked up in a hard interrupt, whatever the interrupted code holds.

A sysrq key arrives in a hard interrupt, and its report looks symbols up. The lookup takes module_mutex. The interrupt
may have come while the code below it holds that mutex; then the interrupt waits for what it has interrupted. The fix
walks the module list with preemption off and takes no mutex: the list changes under stop_machine alone. The model is
ours: processes look symbols up under module_mutex all the time, and sysrq comes at one access in 1000.

Source: commit cb2a52052ce (2.6.24), fact tagged V.
"""

from fractions import Fraction

from stress import Hardware, Program, Scenario
from stress.judge.lookups import TARGET_ADDRESS, draw_next_to_go
from stress.kernel.kallsyms import NMI_NAMEBUF, kallsyms_lookup
from stress.kernel.modlist import STOPPED
from stress.kernel.preempt import preempt_disable, preempt_enable
from stress.kernel.stop_machine import down, up
from stress.kernel.struct_module import MODULE_MUTEX
from stress.machine.seam import Cpu, kernel
from stress.programs.modprobe import modprobe_under
from stress.programs.read_symbol import Lookup, read_symbol


@kernel
def lookup_locked(cpu: Cpu, address: int, symbol: int) -> bool:
    """A lookup under module_mutex, which waits until the mutex is free."""
    down(cpu, MODULE_MUTEX)
    found = kallsyms_lookup(cpu, address, symbol)
    up(cpu, MODULE_MUTEX)
    return found


@kernel
def lookup_unpreempted(cpu: Cpu, address: int, symbol: int) -> bool:
    """A lookup with preemption off, which waits for nothing: no stop comes before it has ended."""
    preempt_disable(cpu)
    found = kallsyms_lookup(cpu, address, symbol)
    preempt_enable(cpu)
    return found


@kernel
def show_timers(cpu: Cpu, lookup: Lookup) -> None:
    """The report of a sysrq key: look up the function of a timer, in a buffer that only interrupts use."""
    lookup(cpu, cpu.peek(draw_next_to_go(cpu) + TARGET_ADDRESS), cpu.area + NMI_NAMEBUF)


@kernel
def sysrq_locked(cpu: Cpu) -> None:
    """Broken: the interrupt takes the mutex."""
    show_timers(cpu, lookup_locked)


@kernel
def sysrq_unpreempted(cpu: Cpu) -> None:
    """Mended: the interrupt takes nothing."""
    show_timers(cpu, lookup_unpreempted)


@kernel
def process(cpu: Cpu) -> int:
    """A process that looks a symbol up under module_mutex, where it may be interrupted."""
    return read_symbol(cpu, lookup_locked)


PROGRAMS = (Program("modprobe", modprobe_under, cpus=1, writes=True), Program("process", process))
SYSRQ = Hardware(interrupt=Fraction(1, 1000))
BROKEN = Scenario(
    name="broken",
    claim="a lookup may take module_mutex, wherever it is called",
    source="cb2a52052ce (2.6.24): before the fix",
    point="1",
    programs=PROGRAMS,
    hardware=SYSRQ,
    expect="stalled",
    protocol=STOPPED.but("sysrq_locked", interrupt=sysrq_locked),
    learnt="the interrupt waits for the code that it has interrupted",
)
MENDED = Scenario(
    name="mended",
    claim="a lookup with preemption off, and no mutex, can be called in a hard interrupt",
    source="cb2a52052ce (2.6.24)",
    point="1",
    programs=PROGRAMS,
    hardware=SYSRQ,
    expect="held",
    twin=BROKEN,
    protocol=STOPPED.but("sysrq_unpreempted", interrupt=sysrq_unpreempted),
    learnt="the interrupt ends whatever the code below it holds, and reads no freed memory",
)
SCENARIOS = [BROKEN, MENDED]
