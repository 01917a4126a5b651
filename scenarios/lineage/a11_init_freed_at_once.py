"""insmod frees a module's init memory only after every reader has left it.

A module is loaded, and all goes well. Its symbol table still lies in init memory, and kallsyms readers walk it. insmod
switches to the table in the module's core, and frees the init memory at once, under the readers. The fix waits for a
grace period before the free. The model is ours: readers look symbols up in RCU read sections; only the symbol table
lies in init memory, so that the switch is one store; init() gives up the core, so that readers come in time.

Source: commit c749637909ee (3.19), fact tagged S.
"""

from stress import Program, Scenario
from stress.kernel.kallsyms import SYM_BYTES, kallsyms_lookup
from stress.kernel.modlist import STOPPED, link_stopped, rmmod_stopped
from stress.kernel.module import ListChange, begin_init, finish_init
from stress.kernel.protocols.rcu import call_rcu, rcu_callbacks, rcu_oops, rcu_read_lock, rcu_read_unlock
from stress.kernel.stop_machine import cond_resched
from stress.kernel.struct_module import MODULE_BYTES, NUM_SYMTAB, SYMTAB
from stress.machine.blocks import label_block, label_of
from stress.machine.loop import mark_edge
from stress.machine.seam import Cpu, kernel
from stress.machine.slab import kfree, kmalloc
from stress.programs.modprobe import modprobe_aimed
from stress.programs.read_symbol import read_symbol


@kernel
def link_with_init(cpu: Cpu, mod: int) -> None:
    """Copy the symbol table into init memory, if there is any, point the module at it, and link the module."""
    size = cpu.load(mod + NUM_SYMTAB) * SYM_BYTES
    init = kmalloc(cpu, size)
    if init != 0:
        label_block(cpu, init, label_of(cpu, mod))
        cpu.copy(init, mod + MODULE_BYTES, size)
        cpu.store(mod + SYMTAB, init)
    link_stopped(cpu, mod)


@kernel
def drop_init(cpu: Cpu, mod: int, free: ListChange) -> None:
    """Switch to the symbol table in the module's core, and give the init memory to `free`."""
    init = cpu.load(mod + SYMTAB)
    if init == mod + MODULE_BYTES:
        return
    mark_edge(cpu)
    # One store: a reader has the one table or the other.
    cpu.store(mod + SYMTAB, mod + MODULE_BYTES)
    mark_edge(cpu)
    free(cpu, init)
    mark_edge(cpu)


@kernel
def insmod(cpu: Cpu, image: int, free: ListChange) -> int:
    """Load a module whose init() succeeds. 0, -EEXIST or -ENOMEM."""
    mod = begin_init(cpu, image, link_with_init)
    if mod < 0:
        return mod
    cpu.yield_core()
    drop_init(cpu, mod, free)
    finish_init(cpu, mod)
    return 0


@kernel
def insmod_at_once(cpu: Cpu, image: int) -> int:
    """Broken: init memory is freed while readers walk it."""
    return insmod(cpu, image, kfree)


@kernel
def insmod_deferred(cpu: Cpu, image: int) -> int:
    """Mended: init memory is freed after a grace period."""
    return insmod(cpu, image, call_rcu)


@kernel
def modprobe_at_once(cpu: Cpu) -> int:
    """Load and unload modules as before the fix."""
    return modprobe_aimed(cpu, insmod_at_once, rmmod_stopped)


@kernel
def modprobe_deferred(cpu: Cpu) -> int:
    """Load and unload modules as since the fix."""
    return modprobe_aimed(cpu, insmod_deferred, rmmod_stopped)


@kernel
def lookup_in_section(cpu: Cpu, address: int, symbol: int) -> bool:
    """Look an address up in an RCU read section."""
    rcu_read_lock(cpu)
    found = kallsyms_lookup(cpu, address, symbol)
    rcu_read_unlock(cpu)
    return found


@kernel
def reader(cpu: Cpu) -> int:
    """A lookup of a symbol, half of the time in the module that is being loaded."""
    return read_symbol(cpu, lookup_in_section)


@kernel
def safepoint(cpu: Cpu) -> None:
    """Join a stop that is under way; free init memory whose grace period has ended."""
    cond_resched(cpu)
    rcu_callbacks(cpu)


READER = Program("kallsyms", reader)
STOPPED_AND_RCU = STOPPED.but("stopped_and_rcu", safepoint=safepoint, oops=rcu_oops)
BROKEN = Scenario(
    name="broken",
    claim="insmod frees nothing that a reader may hold, if the load succeeds",
    source="c749637909ee (3.19): before the fix",
    point="4",
    programs=(Program("modprobe", modprobe_at_once, cpus=1, writes=True), READER),
    expect="violated",
    protocol=STOPPED_AND_RCU,
    learnt="a load that succeeds frees memory too: readers walk a symbol table that is poison by now",
)
MENDED = Scenario(
    name="mended",
    claim="init memory may be freed after a load, once a grace period has ended",
    source="c749637909ee (3.19)",
    point="4",
    programs=(Program("modprobe", modprobe_deferred, cpus=1, writes=True), READER),
    expect="held",
    twin=BROKEN,
    protocol=STOPPED_AND_RCU,
    learnt="the readers who began before the switch have left the init memory when it goes",
)
SCENARIOS = [BROKEN, MENDED]
