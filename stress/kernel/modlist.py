"""How the module list changes: before the patch under modlist_lock, which kallsyms does not take; since, under a stop.

Scenarios that test something else build on one of these two kernels; `insmod_*` and `rmmod_*` are its system calls.
"""

from stress.kernel.list import list_add, list_del
from stress.kernel.module import sys_delete_module, sys_init_module
from stress.kernel.spinlock import spin_lock, spin_unlock
from stress.kernel.stop_machine import restart_machine, stop_machine
from stress.kernel.struct_module import LIST, MODLIST_LOCK, MODULES
from stress.machine.loop import mark_edge
from stress.machine.seam import Cpu, kernel


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


@kernel
def insmod_locked(cpu: Cpu, image: int) -> int:
    """insmod before the patch."""
    return sys_init_module(cpu, image, link_locked)


@kernel
def rmmod_locked(cpu: Cpu, name: int) -> int:
    """rmmod before the patch."""
    return sys_delete_module(cpu, name, unlink_locked)


@kernel
def insmod_stopped(cpu: Cpu, image: int) -> int:
    """insmod since the patch."""
    return sys_init_module(cpu, image, link_stopped)


@kernel
def rmmod_stopped(cpu: Cpu, name: int) -> int:
    """rmmod since the patch."""
    return sys_delete_module(cpu, name, unlink_stopped)
