"""Symbol tables in init memory: used while init() runs, freed afterwards (kernel/module.c, later than 2.6.11).

While a module initialises, kallsyms reads its full tables, which lie in a block of their own; afterwards it reads those
in the module's core. `switch` is the change from the first to the second, before the init memory is freed.
"""

from stress.kernel.modlist import link_stopped
from stress.kernel.module import ListChange, begin_init, finish_init
from stress.kernel.struct_module import MODULE_BYTES, STRTAB, SYMTAB
from stress.machine.blocks import ksize, label_block, label_of
from stress.machine.loop import mark_edge
from stress.machine.seam import Cpu, kernel
from stress.machine.slab import kfree, kmalloc


@kernel
def shift_tables(cpu: Cpu, mod: int, distance: int) -> None:
    """Point the module at tables `distance` bytes further on. Two stores, so a reader may see one pointer of each."""
    cpu.store(mod + SYMTAB, cpu.load(mod + SYMTAB) + distance)
    cpu.store(mod + STRTAB, cpu.load(mod + STRTAB) + distance)


@kernel
def link_with_init_tables(cpu: Cpu, mod: int) -> None:
    """Copy the module's tables into init memory, if there is any, point the module at the copy, and link the module.

    The module is linked last, as the patch does it, so no reader sees the first change of the pointers.
    """
    size = ksize(cpu, mod) - MODULE_BYTES
    tables = kmalloc(cpu, size)
    if tables != 0:
        label_block(cpu, tables, label_of(cpu, mod))
        cpu.copy(tables, mod + MODULE_BYTES, size)
        shift_tables(cpu, mod, tables - mod - MODULE_BYTES)
    link_stopped(cpu, mod)


@kernel
def use_core_tables(cpu: Cpu, mod: int) -> None:
    """Switch to the tables in the module's core while readers run."""
    shift_tables(cpu, mod, mod + MODULE_BYTES - cpu.load(mod + SYMTAB))


@kernel
def drop_init_tables(cpu: Cpu, mod: int, switch: ListChange) -> None:
    """Switch to the core's tables and free those in init memory; passes four edges, as each change of the list does."""
    tables = cpu.load(mod + SYMTAB)
    if tables == mod + MODULE_BYTES:
        return
    mark_edge(cpu)
    switch(cpu, mod)
    mark_edge(cpu)
    mark_edge(cpu)
    kfree(cpu, tables)
    mark_edge(cpu)


@kernel
def sys_init_module_with_tables(cpu: Cpu, image: int, switch: ListChange) -> int:
    """insmod with symbol tables in init memory. 0, -EEXIST, -ENOMEM."""
    mod = begin_init(cpu, image, link_with_init_tables)
    if mod < 0:
        return mod
    cpu.yield_core()
    drop_init_tables(cpu, mod, switch)
    finish_init(cpu, mod)
    return 0
