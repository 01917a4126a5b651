"""A writer waits for the kind of grace period that its readers take part in.

Readers of the module list disable preemption: that makes a read section of RCU-sched. rmmod takes the module off the
list, waits with synchronize_rcu and frees it. This waits for rcu_read_lock sections alone, and nobody is in one. So it
returns at once, and the free comes while readers stand on the module. The fix waits with synchronize_sched, which
returns when each CPU has passed a context switch. The model is ours: rmmod is that of 2.6.11 but for the wait;
interrupts switch the context of a CPU where preemption is enabled, at one access in 500; a hypervisor takes a CPU away
for 0.1 ms at one access in 5000; both kinds of grace periods are real ones.

Source: commit 0be964be0d45 (2015), fact tagged V.
"""

from fractions import Fraction

from stress import Hardware, Program, Scenario
from stress.kernel.grace import synchronize
from stress.kernel.kallsyms import kallsyms_lookup
from stress.kernel.list import list_del_rcu
from stress.kernel.preempt import preempt_disable, preempt_enable
from stress.kernel.protocol import Protocol, lock_updates, reclaim, unlock_updates
from stress.kernel.protocols.qsbr import QSBR_PERIODS, quiescent_state
from stress.kernel.protocols.rcu import synchronize_rcu
from stress.kernel.stop_machine import cond_resched, preempt_schedule
from stress.kernel.struct_module import LIST
from stress.machine.seam import Cpu, kernel
from stress.programs.modprobe import modprobe_under
from stress.programs.read_symbol import read_symbol


@kernel
def lookup_unpreempted(cpu: Cpu, address: int, symbol: int) -> bool:
    """A lookup in a read section of RCU-sched."""
    preempt_disable(cpu)
    found = kallsyms_lookup(cpu, address, symbol)
    preempt_enable(cpu)
    return found


@kernel
def reader(cpu: Cpu) -> int:
    """A lookup of a symbol, half of the time in the module that is about to go."""
    return read_symbol(cpu, lookup_unpreempted)


@kernel
def unlink(cpu: Cpu, mod: int) -> None:
    """Take a module off the list, and keep its link for the readers who stand on it."""
    lock_updates(cpu)
    list_del_rcu(cpu, mod + LIST)
    unlock_updates(cpu)


@kernel
def synchronize_sched(cpu: Cpu) -> None:
    """Wait until every CPU has passed a context switch, and so every section of RCU-sched has ended."""
    synchronize(cpu, QSBR_PERIODS)


@kernel
def free_after_rcu(cpu: Cpu, mod: int) -> None:
    """Broken: wait for the sections of plain RCU, which are none."""
    synchronize_rcu(cpu)
    reclaim(cpu, mod)


@kernel
def free_after_sched(cpu: Cpu, mod: int) -> None:
    """Mended: wait for the sections that readers are in."""
    synchronize_sched(cpu)
    reclaim(cpu, mod)


@kernel
def context_switch(cpu: Cpu) -> None:
    """Between two operations: join a stop; a section of RCU-sched has ended."""
    cond_resched(cpu)
    quiescent_state(cpu)


@kernel
def interrupt(cpu: Cpu) -> None:
    """Preempt this CPU, which is in no section of RCU-sched: its preemption is enabled."""
    preempt_schedule(cpu)
    quiescent_state(cpu)


SWITCHING = Protocol(
    "waits_for_rcu", unlink=unlink, retire=free_after_rcu, safepoint=context_switch, interrupt=interrupt
)
PROGRAMS = (Program("modprobe", modprobe_under, cpus=1, writes=True), Program("kallsyms", reader))
HARDWARE = Hardware(interrupt=Fraction(1, 500), gap=Fraction(1, 5000), gap_s=100e-6)
BROKEN = Scenario(
    name="broken",
    claim="a module may be freed after a grace period, whatever its kind",
    source="0be964be0d45 (2015): before the fix",
    programs=PROGRAMS,
    hardware=HARDWARE,
    expect="violated",
    protocol=SWITCHING,
    learnt="the grace period is a real one and it ends, but it is not that of the readers",
)
MENDED = Scenario(
    name="mended",
    claim="a module may be freed after a grace period of RCU-sched, if its readers disable preemption",
    source="0be964be0d45 (2015)",
    programs=PROGRAMS,
    hardware=HARDWARE,
    expect="held",
    twin=BROKEN,
    protocol=SWITCHING.but("waits_for_sched", retire=free_after_sched),
    learnt="readers and writer mean the same sections: no reader stands on what is freed",
)
SCENARIOS = [BROKEN, MENDED]
