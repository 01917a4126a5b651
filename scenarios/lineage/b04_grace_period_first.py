"""An insmod that fails takes the module off the list first, and waits for the readers after it.

insmod links the module, and readers of kallsyms find it. Then something fails, and insmod frees the module. The broken
order waits for the readers, takes the module off the list, and frees it at once: readers who came after the wait stand
on it. The fix has the wait between the removal and the free. The model is ours: readers walk in read sections of RCU,
and a module fails several times before it is loaded.

Source: the merge of commit e513cc1c07e2 (2014), fact tagged M.
"""

from stress import Program, Protocol, Scenario
from stress.judge.lookups import TARGET_ADDRESS, draw_target, judge_absence, judge_name, listed
from stress.kernel.kallsyms import NAMEBUF, kallsyms_lookup
from stress.kernel.list import list_del_rcu
from stress.kernel.modlist import insmod_under, link_under, rmmod_under
from stress.kernel.module import ListChange, sys_init_module_failing
from stress.kernel.protocol import lock_updates, unlock_updates
from stress.kernel.protocols.rcu import RCU, synchronize_rcu
from stress.kernel.struct_module import LIST
from stress.machine.seam import Cpu, kernel
from stress.machine.slab import kfree
from stress.programs.modprobe import modprobe_aimed

FAILURES = 3


@kernel
def unlink(cpu: Cpu, mod: int) -> None:
    """Take a module off the list, and keep its link for the readers who stand on it."""
    lock_updates(cpu)
    list_del_rcu(cpu, mod + LIST)
    unlock_updates(cpu)


@kernel
def unlink_after_wait(cpu: Cpu, mod: int) -> None:
    """Broken: wait for the readers, then take the module off the list; it is freed at once."""
    synchronize_rcu(cpu)
    unlink(cpu, mod)


@kernel
def free_after_wait(cpu: Cpu, mod: int) -> None:
    """Wait for the readers, who cannot find the module any more, then free it."""
    synchronize_rcu(cpu)
    kfree(cpu, mod)


@kernel
def kallsyms(cpu: Cpu, p: Protocol) -> int:
    """The reader: look a symbol up and copy its name, in a read section."""
    target = draw_target(cpu)
    listed_before = listed(cpu, target)
    cpu.barrier()
    p.read_begin(cpu)
    found = kallsyms_lookup(cpu, cpu.peek(target + TARGET_ADDRESS), cpu.area + NAMEBUF)
    p.read_end(cpu)
    return judge_name(cpu, target, cpu.area + NAMEBUF) if found else judge_absence(cpu, target, listed_before)


LISTED = RCU.but("listed", unlink=unlink, retire=free_after_wait)
link, insmod, rmmod = link_under(LISTED), insmod_under(LISTED), rmmod_under(LISTED)


@kernel
def insmod_after_failures(cpu: Cpu, image: int, unlink_failed: ListChange, free_failed: ListChange) -> int:
    """Load a module whose load fails several times; each failure undoes what it did by the two functions."""
    for _ in range(FAILURES):
        sys_init_module_failing(cpu, image, link, unlink_failed, free_failed)
    return insmod(cpu, image)


@kernel
def insmod_waiting_first(cpu: Cpu, image: int) -> int:
    """Broken: the wait comes before the removal."""
    return insmod_after_failures(cpu, image, unlink_after_wait, kfree)


@kernel
def insmod_waiting_last(cpu: Cpu, image: int) -> int:
    """Mended: the wait comes between the removal and the free."""
    return insmod_after_failures(cpu, image, unlink, free_after_wait)


@kernel
def modprobe_waiting_first(cpu: Cpu) -> int:
    """The writer before the fix."""
    return modprobe_aimed(cpu, insmod_waiting_first, rmmod)


@kernel
def modprobe_waiting_last(cpu: Cpu) -> int:
    """The writer since the fix."""
    return modprobe_aimed(cpu, insmod_waiting_last, rmmod)


READER = Program("kallsyms", kallsyms)
BROKEN = Scenario(
    name="broken",
    claim="a grace period before the module is taken off the list lets every reader leave it",
    source="the merge of e513cc1c07e2 (2014): before the fix",
    point="4",
    protocol=LISTED,
    programs=(Program("modprobe", modprobe_waiting_first, cpus=1, writes=True), READER),
    expect="violated",
    learnt="the wait lets readers leave, and others come: what is still listed is found again",
)
MENDED = Scenario(
    name="mended",
    claim="a grace period between the removal and the free lets every reader leave the module",
    source="the merge of e513cc1c07e2 (2014)",
    point="4",
    protocol=LISTED,
    programs=(Program("modprobe", modprobe_waiting_last, cpus=1, writes=True), READER),
    expect="held",
    twin=BROKEN,
    learnt="the same two steps in the other order",
)
SCENARIOS = [BROKEN, MENDED]
