"""Readers pass over a module that is in the list and not yet formed.

insmod links a module early: its image is copied, and nothing in it is relocated yet. A lookup finds the module there,
because its address range is right. It follows the pointer to the symbol table, which is still relative to the module's
start, and faults. The fix has a state UNFORMED for such modules, and every reader passes over them. The state changes
only when the module is whole. The model is ours: both variants link early; a load gives up the core before it relocates
the pointers, where Linux has much more to do.

Source: commits 0d21b0e3477 and 1fb9341ac34 (2013), fact without a tag.
"""

from stress import Program, Scenario
from stress.kernel.kallsyms import kallsyms_lookup, lookup_in
from stress.kernel.modlist import link_stopped, rmmod_stopped
from stress.kernel.module import ENOMEM, finish_init
from stress.kernel.stop_machine import down, up
from stress.kernel.struct_module import (
    IMAGE_BYTES,
    IMAGE_MODULE,
    MODULE_MUTEX,
    MODULE_STATE_COMING,
    STATE,
    STRTAB,
    SYMTAB,
)
from stress.machine.blocks import label_block
from stress.machine.loop import mark_edge
from stress.machine.seam import Cpu, kernel
from stress.machine.slab import kmalloc
from stress.programs.modprobe import modprobe_aimed
from stress.programs.read_symbol import read_symbol

MODULE_STATE_UNFORMED = 3


@kernel
def link_early(cpu: Cpu, image: int) -> int:
    """Copy an image and link it as it is, UNFORMED; holds module_mutex. The module; 0 when memory is short."""
    size = cpu.load(image + IMAGE_BYTES)
    mod = kmalloc(cpu, size)
    if mod == 0:
        return 0
    label_block(cpu, mod, image)
    cpu.copy(mod, image + IMAGE_MODULE, size)
    cpu.store(mod + STATE, MODULE_STATE_UNFORMED)
    mark_edge(cpu)
    link_stopped(cpu, mod)
    mark_edge(cpu)
    return mod


@kernel
def form(cpu: Cpu, mod: int) -> None:
    """Relocate the module's pointers, and say that it is formed."""
    cpu.yield_core()
    cpu.store(mod + SYMTAB, cpu.load(mod + SYMTAB) + mod)
    cpu.store(mod + STRTAB, cpu.load(mod + STRTAB) + mod)
    # Who sees the new state sees a whole module.
    cpu.store_release(mod + STATE, MODULE_STATE_COMING)
    mark_edge(cpu)


@kernel
def insmod(cpu: Cpu, image: int) -> int:
    """Load a module that is linked before it is formed. 0 or -ENOMEM."""
    down(cpu, MODULE_MUTEX)
    mod = link_early(cpu, image)
    up(cpu, MODULE_MUTEX)
    if mod == 0:
        return -ENOMEM
    form(cpu, mod)
    finish_init(cpu, mod)
    return 0


@kernel
def modprobe(cpu: Cpu) -> int:
    """Load and unload modules; readers aim at the module that is being loaded."""
    return modprobe_aimed(cpu, insmod, rmmod_stopped)


@kernel
def is_formed(cpu: Cpu, mod: int) -> bool:
    """Whether a reader may look at this module."""
    return cpu.load_acquire(mod + STATE) != MODULE_STATE_UNFORMED


@kernel
def lookup_formed(cpu: Cpu, address: int, symbol: int) -> bool:
    """Mended: a lookup that passes over modules that are not formed."""
    return lookup_in(cpu, address, symbol, is_formed)


@kernel
def read_formed(cpu: Cpu) -> int:
    """A lookup since the fix."""
    return read_symbol(cpu, lookup_formed)


@kernel
def read_any(cpu: Cpu) -> int:
    """A lookup before the fix: it looks at every module of the list."""
    return read_symbol(cpu, kallsyms_lookup)


MODPROBE = Program("modprobe", modprobe, cpus=1, writes=True)
BROKEN = Scenario(
    name="broken",
    claim="insmod may link a module before it is formed, since its address range is right by then",
    source="0d21b0e3477, 1fb9341ac34 (2013): without the state UNFORMED",
    point="4",
    programs=(MODPROBE, Program("kallsyms", read_any)),
    expect="violated",
    learnt="readers find the module by its addresses and follow a pointer that is none yet",
)
MENDED = Scenario(
    name="mended",
    claim="readers pass over UNFORMED modules, so insmod may link a module before it is formed",
    source="0d21b0e3477, 1fb9341ac34 (2013)",
    point="4",
    programs=(MODPROBE, Program("kallsyms", read_formed)),
    expect="held",
    twin=BROKEN,
    learnt="one word, stored last, hides all that is not ready",
)
SCENARIOS = [BROKEN, MENDED]
