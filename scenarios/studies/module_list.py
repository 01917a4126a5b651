"""The module list of 2.6.11 under each protocol that fits it: kallsyms reads it, insmod and rmmod change it.

Under stop_machine it is the patch of 2005. Where readers run while a module is unlinked, its link must stay as it is
(list_del_rcu): list_del poisons it, and a reader who stands there steps to LIST_POISON1. Protocols for which an object
carries a count, or whose links are marked, do not fit struct module.

Source: David Howells' patch of 2005; the change to RCU is that of Linux 4.2 and later.
"""

from stress import Program, Protocol, study
from stress.judge.lookups import TARGET_ADDRESS, draw_target, judge_absence, judge_name, listed
from stress.kernel.kallsyms import NAMEBUF, kallsyms_lookup
from stress.kernel.list import list_del_rcu
from stress.kernel.protocol import lock_updates, unlock_updates
from stress.kernel.struct_module import LIST
from stress.machine.seam import Cpu, kernel
from stress.programs.modprobe import modprobe_under
from stress.protocols import EPOCH, PERCPU_REF, QSBR, RCU, SPINLOCK, SRCU, STOP_MACHINE


@kernel
def unlink_for_readers(cpu: Cpu, mod: int) -> None:
    """Take a module off the list, and keep its link for the readers who stand on it."""
    lock_updates(cpu)
    list_del_rcu(cpu, mod + LIST)
    unlock_updates(cpu)


def linked(protocol: Protocol) -> Protocol:
    """The protocol, and its twin, with that change of the list."""
    twin = protocol.lacking and protocol.lacking.but(protocol.lacking.name, unlink=unlink_for_readers)
    return protocol.but(protocol.name, unlink=unlink_for_readers, lacking=twin)


@kernel
def read_symbol(cpu: Cpu, p: Protocol) -> int:
    """The reader: look a symbol up and copy its name, in a read section."""
    target = draw_target(cpu)
    listed_before = listed(cpu, target)
    cpu.barrier()
    p.read_begin(cpu)
    found = kallsyms_lookup(cpu, cpu.peek(target + TARGET_ADDRESS), cpu.area + NAMEBUF)
    p.read_end(cpu)
    return judge_name(cpu, target, cpu.area + NAMEBUF) if found else judge_absence(cpu, target, listed_before)


SCENARIOS = study(
    None,
    readers=read_symbol,
    writer=(Program("modprobe", modprobe_under, cpus=1, writes=True),),
    held=(SPINLOCK, STOP_MACHINE, *map(linked, (RCU, SRCU, QSBR, EPOCH, PERCPU_REF))),
)
