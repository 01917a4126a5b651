"""A module that was looked up with preemption disabled is used before preemption is enabled again.

A caller disables preemption, asks which module an address belongs to, and enables preemption. Then it uses the module
that it got. The pointer is good only while preemption is disabled. Behind that the caller may be preempted; rmmod gets
its grace period, and frees the module under the caller. The fix uses the module before preemption is enabled. The model
is ours: the caller searches the module's symbols; rmmod is that of 2.6.11, but it frees after a grace period that
waits for each CPU's context switch; where preemption is enabled, one access in 200 is preempted for half a millisecond.

Source: commit a145c848d69f (2025), fact tagged V.
"""

from fractions import Fraction

from stress import Hardware, Program, Scenario
from stress.kernel.grace import synchronize
from stress.kernel.kallsyms import KSYM_NAME_LEN, covers, first_module, get_ksymbol, next_module
from stress.kernel.list import list_del_rcu
from stress.kernel.preempt import preempt_disable, preempt_enable
from stress.kernel.protocol import Protocol, lock_updates, reclaim, unlock_updates
from stress.kernel.protocols.qsbr import QSBR_PERIODS, go_offline, quiescent_state
from stress.kernel.stop_machine import cond_resched
from stress.kernel.string import strncpy
from stress.kernel.struct_module import LIST, MODULES
from stress.machine.seam import Cpu, kernel
from stress.programs.modprobe import modprobe_under
from stress.programs.read_symbol import read_symbol

SLICE_NANOSECONDS = 500_000


@kernel
def module_address(cpu: Cpu, address: int) -> int:
    """The module whose range covers `address`, or 0; the caller has disabled preemption."""
    mod = first_module(cpu)
    walked = 0
    while mod != MODULES:
        if covers(cpu, mod, address):
            return mod
        walked += 1
        mod = next_module(cpu, mod, walked)
    return 0


@kernel
def use(cpu: Cpu, mod: int, address: int, symbol: int) -> bool:
    """Use a module: search its symbols for the one at `address`, and copy the name. False without a module."""
    name = get_ksymbol(cpu, mod, address, symbol) if mod != 0 else 0
    if name != 0:
        strncpy(cpu, symbol, name, KSYM_NAME_LEN)
    return name != 0


@kernel
def find_then_use(cpu: Cpu, address: int, symbol: int) -> bool:
    """Broken: preemption is enabled behind the lookup. Whether a name was copied."""
    preempt_disable(cpu)
    mod = module_address(cpu, address)
    preempt_enable(cpu)
    return use(cpu, mod, address, symbol)


@kernel
def find_and_use(cpu: Cpu, address: int, symbol: int) -> bool:
    """Mended: preemption is enabled behind the use. Whether a name was copied."""
    preempt_disable(cpu)
    found = use(cpu, module_address(cpu, address), address, symbol)
    preempt_enable(cpu)
    return found


@kernel
def call_late(cpu: Cpu) -> int:
    """A caller before the fix."""
    return read_symbol(cpu, find_then_use)


@kernel
def call_inside(cpu: Cpu) -> int:
    """A caller since the fix."""
    return read_symbol(cpu, find_and_use)


@kernel
def unlink(cpu: Cpu, mod: int) -> None:
    """Take a module off the list, and keep its link for the readers who stand on it."""
    lock_updates(cpu)
    list_del_rcu(cpu, mod + LIST)
    unlock_updates(cpu)


@kernel
def free_after_switches(cpu: Cpu, mod: int) -> None:
    """Wait until each CPU has passed a context switch, and free a module."""
    synchronize(cpu, QSBR_PERIODS)
    reclaim(cpu, mod)


@kernel
def context_switch(cpu: Cpu) -> None:
    """Between two operations: join a stop; this CPU holds nothing."""
    cond_resched(cpu)
    quiescent_state(cpu)


@kernel
def preempt(cpu: Cpu) -> None:
    """The interrupt handler: another thread runs for a while, and this CPU holds up no grace period meanwhile."""
    go_offline(cpu)
    cond_resched(cpu)
    cpu.sleep(SLICE_NANOSECONDS)
    context_switch(cpu)


SCHED = Protocol("sched", unlink=unlink, retire=free_after_switches, safepoint=context_switch, interrupt=preempt)
MODPROBE = Program("modprobe", modprobe_under, cpus=1, writes=True)
PREEMPTIBLE = Hardware(interrupt=Fraction(1, 200))
BROKEN = Scenario(
    name="broken",
    claim="preemption is disabled while a module is looked up, so the module is good",
    source="a145c848d69f (2025): before the fix",
    point="doubt",
    programs=(MODPROBE, Program("module_address", call_late)),
    hardware=PREEMPTIBLE,
    expect="violated",
    protocol=SCHED,
    learnt="the mistake of 6dd06c9fbe0 again: what is protected is the lookup, and not what it gives",
)
MENDED = Scenario(
    name="mended",
    claim="a module is good until preemption is enabled, and used before",
    source="a145c848d69f (2025)",
    point="doubt",
    programs=(MODPROBE, Program("module_address", call_inside)),
    hardware=PREEMPTIBLE,
    expect="held",
    twin=BROKEN,
    protocol=SCHED,
    learnt="lookup and use in one section: the grace period comes behind both",
)
SCENARIOS = [BROKEN, MENDED]
