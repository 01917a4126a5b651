"""How the module list changes: before the patch under modlist_lock, which kallsyms does not take; since, under a stop.

The two kernels are the protocols `LOCKED` and `STOPPED`. Scenarios that test something else build on one of them.
"""

from collections.abc import Callable

from stress.kernel.list import list_add, list_del
from stress.kernel.module import ListChange, sys_delete_module, sys_init_module
from stress.kernel.protocol import Protocol, per_protocol
from stress.kernel.protocols.stop_machine import STOP_MACHINE
from stress.kernel.spinlock import spin_lock, spin_unlock
from stress.kernel.struct_module import LIST, MODLIST_LOCK, MODULES
from stress.machine.seam import Cpu, kernel

SystemCall = Callable[[Cpu, int], int]


@kernel
def lock_modlist(cpu: Cpu) -> None:
    """Before the patch: keep other writers away from the list, and no reader."""
    spin_lock(cpu, MODLIST_LOCK)


@kernel
def unlock_modlist(cpu: Cpu) -> None:
    """Let other writers at the list."""
    spin_unlock(cpu, MODLIST_LOCK)


LOCKED = Protocol("locked", write_lock=lock_modlist, write_unlock=unlock_modlist)
"""The kernel before the patch."""

STOPPED = STOP_MACHINE.but("stopped")
"""The kernel since the patch: under the stop the list needs no lock, since no other CPU runs."""


@per_protocol("link")
def link_under(protocol: Protocol) -> ListChange:
    """Add a module to the list."""
    write_lock, write_unlock = protocol.write_lock, protocol.write_unlock

    def link(cpu: Cpu, mod: int) -> None:
        write_lock(cpu)
        list_add(cpu, mod + LIST, MODULES)
        write_unlock(cpu)

    return link


@per_protocol("unlink")
def unlink_under(protocol: Protocol) -> ListChange:
    """Take a module off the list; readers may be standing on it."""
    write_lock, write_unlock = protocol.write_lock, protocol.write_unlock

    def unlink(cpu: Cpu, mod: int) -> None:
        write_lock(cpu)
        list_del(cpu, mod + LIST)
        write_unlock(cpu)

    return unlink


def changes_of(protocol: Protocol) -> tuple[ListChange, ListChange]:
    """How a module comes into the list and goes: as the protocol says, or by a change of the list under its lock."""
    return protocol.link or link_under(protocol), protocol.unlink or unlink_under(protocol)


@per_protocol("insmod")
def insmod_under(protocol: Protocol) -> SystemCall:
    """insmod of an image. 0, -EEXIST or -ENOMEM."""
    link, _ = changes_of(protocol)

    def insmod(cpu: Cpu, image: int) -> int:
        return sys_init_module(cpu, image, link)

    return insmod


@per_protocol("rmmod")
def rmmod_under(protocol: Protocol) -> SystemCall:
    """rmmod of the module whose name is at an address. 0, -ENOENT, -EBUSY or -EWOULDBLOCK."""
    (_, unlink), free = changes_of(protocol), protocol.retire

    def rmmod(cpu: Cpu, name: int) -> int:
        return sys_delete_module(cpu, name, unlink, free)

    return rmmod


link_locked, unlink_locked = changes_of(LOCKED)
link_stopped, unlink_stopped = changes_of(STOPPED)
insmod_locked, rmmod_locked = insmod_under(LOCKED), rmmod_under(LOCKED)
insmod_stopped, rmmod_stopped = insmod_under(STOPPED), rmmod_under(STOPPED)
