"""Loading and unloading modules (kernel/module.c, 2.6.11). The caller says how the list changes.

A change passes up to four edges, and a lookup that overlaps one is a race window: the change is requested (before the
protection's first step), the entry is linked or unlinked, the free begins, the free has ended. module_mutex guards the
list against other writers; readers do not take it.
"""

from collections.abc import Callable

from stress.kernel.list import NEXT
from stress.kernel.stop_machine import down, restart_machine, schedule, stop_machine, up
from stress.kernel.string import strcmp
from stress.kernel.struct_module import (
    IMAGE_BYTES,
    IMAGE_MODULE,
    INIT_SIZE,
    INIT_TEXT_SIZE,
    LIST,
    MODULE_INIT,
    MODULE_MUTEX,
    MODULE_STATE_COMING,
    MODULE_STATE_GOING,
    MODULE_STATE_LIVE,
    MODULES,
    NAME,
    REFCOUNT,
    STATE,
    STRTAB,
    SYMTAB,
)
from stress.machine.blocks import label_block
from stress.machine.loop import mark_edge
from stress.machine.seam import Cpu, kernel
from stress.machine.slab import kfree, kmalloc
from stress.machine.words import COUNTERS

ListChange = Callable[[Cpu, int], None]

LOADS = COUNTERS
UNLOADS = COUNTERS + 8

ENOENT, EWOULDBLOCK, ENOMEM, EBUSY, EEXIST, ENODEV = 2, 11, 12, 16, 17, 19
"""The numbers of errors as Linux has them, whatever the host has."""


@kernel
def count(cpu: Cpu, counter: int) -> None:
    """Add one to a counter of this CPU's log."""
    cpu.poke(cpu.log + counter, cpu.peek(cpu.log + counter) + 1)


@kernel
def find_module(cpu: Cpu, name: int) -> int:
    """The module of this name in the list, or 0; holds module_mutex."""
    entry = cpu.load(MODULES + NEXT)
    while entry != MODULES:
        if strcmp(cpu, entry - LIST + NAME, name) == 0:
            return entry - LIST
        entry = cpu.load(entry + NEXT)
    return 0


@kernel
def load_module(cpu: Cpu, image: int) -> int:
    """Allocate a module, copy `image` into it and relocate its pointers; COMING, not yet listed. 0: no memory."""
    size = cpu.load(image + IMAGE_BYTES)
    mod = kmalloc(cpu, size)
    if mod != 0:
        label_block(cpu, mod, image)
        cpu.copy(mod, image + IMAGE_MODULE, size)
        cpu.store(mod + SYMTAB, cpu.load(mod + SYMTAB) + mod)
        cpu.store(mod + STRTAB, cpu.load(mod + STRTAB) + mod)
        cpu.store(mod + STATE, MODULE_STATE_COMING)
        # The module is whole before anybody can find it: `link` publishes it with a plain store, as 2.6.11 does.
        cpu.barrier()
    return mod


@kernel
def free_init(cpu: Cpu, mod: int) -> None:
    """Forget the init range once init() has run."""
    # The order is that of 2.6.11. No lock keeps readers out: one that comes between the stores sees a range at 0.
    cpu.store(mod + MODULE_INIT, 0)
    cpu.store(mod + INIT_SIZE, 0)
    cpu.store(mod + INIT_TEXT_SIZE, 0)


@kernel
def add_module(cpu: Cpu, image: int, link: ListChange) -> int:
    """Load `image` and link it with `link`; holds module_mutex. The module, COMING, or -EEXIST, -ENOMEM."""
    if find_module(cpu, image + IMAGE_MODULE + NAME) != 0:
        return -EEXIST
    mod = load_module(cpu, image)
    if mod == 0:
        return -ENOMEM
    mark_edge(cpu)
    link(cpu, mod)
    mark_edge(cpu)
    return mod


@kernel
def begin_init(cpu: Cpu, image: int, link: ListChange) -> int:
    """insmod up to where the module's init() runs, the mutex free: the module, listed, or -EEXIST, -ENOMEM."""
    down(cpu, MODULE_MUTEX)
    mod = add_module(cpu, image, link)
    up(cpu, MODULE_MUTEX)
    return mod


@kernel
def finish_init(cpu: Cpu, mod: int) -> None:
    """The rest of insmod once init() has succeeded: the module is LIVE, its init range forgotten."""
    down(cpu, MODULE_MUTEX)
    cpu.store(mod + STATE, MODULE_STATE_LIVE)
    free_init(cpu, mod)
    up(cpu, MODULE_MUTEX)
    count(cpu, LOADS)


@kernel
def free_module(cpu: Cpu, mod: int, unlink: ListChange, free: ListChange = kfree) -> None:
    """Take `mod` off the list with `unlink` and give it to `free`; holds module_mutex."""
    # An edge on either side of each step: a reader that overlaps any part of a step has seen one of the two pass.
    mark_edge(cpu)
    unlink(cpu, mod)
    mark_edge(cpu)
    mark_edge(cpu)
    free(cpu, mod)
    mark_edge(cpu)


@kernel
def fail_init(cpu: Cpu, mod: int, unlink: ListChange, free: ListChange = kfree) -> None:
    """The rest of insmod once init() has failed: the module is GOING, then taken off the list and freed."""
    cpu.store(mod + STATE, MODULE_STATE_GOING)
    down(cpu, MODULE_MUTEX)
    free_module(cpu, mod, unlink, free)
    up(cpu, MODULE_MUTEX)


@kernel
def sys_init_module(cpu: Cpu, image: int, link: ListChange) -> int:
    """insmod of a module whose init() succeeds, linked with `link`. 0, -EEXIST, -ENOMEM."""
    mod = begin_init(cpu, image, link)
    if mod < 0:
        return mod
    finish_init(cpu, mod)
    return 0


@kernel
def sys_init_module_failing(
    cpu: Cpu, image: int, link: ListChange, unlink: ListChange, free: ListChange = kfree
) -> int:
    """insmod of a module whose init() fails; `link` and `unlink` change the list. -ENODEV, or -EEXIST, -ENOMEM.

    init() takes time (`schedule`), in which readers reach the module.
    """
    mod = begin_init(cpu, image, link)
    if mod < 0:
        return mod
    schedule(cpu)
    fail_init(cpu, mod, unlink, free)
    return -ENODEV


@kernel
def try_stop_module(cpu: Cpu, mod: int) -> int:
    """rmmod's first stop: mark the module GOING while no other CPU runs, unless it is in use. 0 or -EWOULDBLOCK."""
    result = 0
    # Under the stop nobody can take a reference between the look at the count and the mark.
    stop_machine(cpu)
    if cpu.load(mod + REFCOUNT) != 0:
        result = -EWOULDBLOCK
    else:
        cpu.store(mod + STATE, MODULE_STATE_GOING)
    restart_machine(cpu)
    return result


@kernel
def begin_removal(cpu: Cpu, name: int) -> int:
    """Find the module of this name and mark it GOING; the module, or -ENOENT, -EBUSY, -EWOULDBLOCK."""
    mod = find_module(cpu, name)
    if mod == 0:
        return -ENOENT
    if cpu.load(mod + STATE) != MODULE_STATE_LIVE:
        return -EBUSY
    result = try_stop_module(cpu, mod)
    return mod if result == 0 else result


@kernel
def begin_exit(cpu: Cpu, name: int) -> int:
    """rmmod up to where the module's exit() runs, the mutex free: the module, GOING, or what `begin_removal` says."""
    down(cpu, MODULE_MUTEX)
    mod = begin_removal(cpu, name)
    up(cpu, MODULE_MUTEX)
    return mod


@kernel
def finish_exit(cpu: Cpu, mod: int, unlink: ListChange, free: ListChange = kfree) -> None:
    """The rest of rmmod once exit() has run."""
    down(cpu, MODULE_MUTEX)
    free_module(cpu, mod, unlink, free)
    up(cpu, MODULE_MUTEX)
    count(cpu, UNLOADS)


@kernel
def sys_delete_module(cpu: Cpu, name: int, unlink: ListChange, free: ListChange = kfree) -> int:
    """rmmod: 0, -ENOENT, -EBUSY or -EWOULDBLOCK.

    exit() takes time (`yield_core`). Without it, every reader would be at the first steps of a lookup when the module
    is unlinked, because the first stop has just released all of them at once.
    """
    mod = begin_exit(cpu, name)
    if mod < 0:
        return mod
    cpu.yield_core()
    finish_exit(cpu, mod, unlink, free)
    return 0
