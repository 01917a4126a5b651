"""How the module list changes: before the patch under modlist_lock, which kallsyms does not take; since, under a stop.

The two kernels are the protocols `LOCKED` and `STOPPED`. Scenarios that test something else build on one of them.
"""

from collections.abc import Callable

from stress.kernel.list import list_add, list_del
from stress.kernel.module import sys_delete_module, sys_init_module
from stress.kernel.protocol import Protocol, per_protocol
from stress.kernel.spinlock import spin_lock, spin_unlock
from stress.kernel.stop_machine import restart_machine, stop_machine
from stress.kernel.struct_module import LIST, MODLIST_LOCK, MODULES
from stress.machine.loop import mark_edge
from stress.machine.seam import Cpu, kernel

SystemCall = Callable[[Cpu, int], int]


@kernel
def link_locked(cpu: Cpu, mod: int) -> None:
    """Before the patch: add the module to the list, safe from other writers."""
    spin_lock(cpu, MODLIST_LOCK)
    list_add(cpu, mod + LIST, MODULES)
    spin_unlock(cpu, MODLIST_LOCK)


@kernel
def unlink_locked(cpu: Cpu, mod: int) -> None:
    """Before the patch: take the module off the list, safe from other writers; readers may be standing on it."""
    spin_lock(cpu, MODLIST_LOCK)
    list_del(cpu, mod + LIST)
    spin_unlock(cpu, MODLIST_LOCK)


@kernel
def link_stopped(cpu: Cpu, mod: int) -> None:
    """The patch: add the module to the list while the machine is stopped. It needs no lock: no other CPU runs.

    The edge inside the stop is for NMI handlers, which run during a stop too.
    """
    stop_machine(cpu)
    list_add(cpu, mod + LIST, MODULES)
    mark_edge(cpu)
    restart_machine(cpu)


@kernel
def unlink_stopped(cpu: Cpu, mod: int) -> None:
    """The patch: take the module off the list while the machine is stopped: rmmod's second stop."""
    stop_machine(cpu)
    list_del(cpu, mod + LIST)
    mark_edge(cpu)
    restart_machine(cpu)


LOCKED = Protocol("locked", link_locked, unlink_locked)
"""The kernel before the patch."""

STOPPED = Protocol("stopped", link_stopped, unlink_stopped)
"""The kernel since the patch."""


@per_protocol("insmod")
def insmod_under(protocol: Protocol) -> SystemCall:
    """insmod of an image. 0, -EEXIST or -ENOMEM."""
    link = protocol.link

    def insmod(cpu: Cpu, image: int) -> int:
        return sys_init_module(cpu, image, link)

    return insmod


@per_protocol("rmmod")
def rmmod_under(protocol: Protocol) -> SystemCall:
    """rmmod of the module whose name is at an address. 0, -ENOENT, -EBUSY or -EWOULDBLOCK."""
    unlink, free = protocol.unlink, protocol.free

    def rmmod(cpu: Cpu, name: int) -> int:
        return sys_delete_module(cpu, name, unlink, free)

    return rmmod


insmod_locked, rmmod_locked = insmod_under(LOCKED), rmmod_under(LOCKED)
insmod_stopped, rmmod_stopped = insmod_under(STOPPED), rmmod_under(STOPPED)
