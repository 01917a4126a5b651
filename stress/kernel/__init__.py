"""The kernel that the CPUs run: Linux 2.6.11's lists, locks, stop_machine, modules and kallsyms, in kernel code.

For a structure of one's own, the words of kernel code are here too: `from stress.kernel import Cpu, kernel, new, note`.
"""

from stress.kernel import kallsyms, protocols, stop_machine, struct_module
from stress.kernel.contents import has_contents, write_contents
from stress.kernel.protocol import reclaim, reuse
from stress.kernel.spinlock import spin_lock, spin_unlock
from stress.kernel.struct import aim, aimed, new, walk_on
from stress.machine.notes import note
from stress.machine.random import prandom
from stress.machine.seam import Cpu, Oops, kernel
from stress.machine.slab import kfree, kmalloc
from stress.machine.words import lock, percpu, static

__all__ = [
    "Cpu",
    "Oops",
    "aim",
    "aimed",
    "has_contents",
    "kallsyms",
    "kernel",
    "kfree",
    "kmalloc",
    "lock",
    "new",
    "note",
    "percpu",
    "prandom",
    "protocols",
    "reclaim",
    "reuse",
    "spin_lock",
    "spin_unlock",
    "static",
    "stop_machine",
    "struct_module",
    "walk_on",
    "write_contents",
]
