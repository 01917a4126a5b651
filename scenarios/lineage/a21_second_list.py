"""An unload takes the module off every list that leads to it, also off that of a facility that is disabled.

ftrace keeps a list of its own, with an entry for each module, which kallsyms walks too. When a module is unloaded,
ftrace is told, and takes its entry off. But ftrace disables itself when something goes wrong in it, and from then on
its teardown returns at once: the entry stays in the list, and the module is freed. A lookup of an address goes from the
entry to the freed module. The fix takes the entry off in any case. The model is ours: something goes wrong in ftrace
before each unload, and the next load begins with ftrace enabled and without old entries, as after a reboot; modules and
entries are freed after a grace period in both variants.

Source: commit f914b52c379c (CVE-2025-38346), fact tagged V.
"""

from collections.abc import Callable

from stress import Outcome, Program, Scenario, Struct, Structure
from stress.kernel.contents import has_contents, write_contents
from stress.kernel.protocol import Protocol
from stress.kernel.protocols.rcu import RCU
from stress.kernel.struct import aim, aimed, new, walk_on
from stress.machine.loop import UNJUDGED
from stress.machine.notes import note
from stress.machine.random import prandom
from stress.machine.seam import Cpu, kernel
from stress.machine.slab import kfree
from stress.machine.words import static

KEYS = 6
NAME_WORDS = 4

Release = Callable[[Cpu, Protocol, int], None]

Module = Struct("module", name=NAME_WORDS)
Map = Struct("ftrace_mod_map", next="pointer", key="word", module="pointer")
# Changed by the writer alone: the modules, 0 where one is not loaded; the second list; whether ftrace is disabled; the
# key of the module that is not loaded, and 1.
MODULES = static("modules_traced", KEYS)
MAPS = static("ftrace_mod_maps")
DISABLED = static("ftrace_disabled")
AWAY = static("module_untraced")
OUT = Outcome.table(
    right=("acceptable", "the name of the module of that address"),
    absent=("acceptable", "no module has the address just now"),
    wrong=("forbidden", "another name than that of the module"),
)


@kernel
def link_map(cpu: Cpu, p: Protocol, module: int, entry: int, key: int) -> None:
    """Let ftrace's list lead to a module."""
    cpu.store(entry + Map.key, key)
    cpu.store(entry + Map.module, module)
    cpu.store(entry + Map.next, cpu.load(MAPS))
    p.publish(cpu, MAPS, entry)


@kernel
def insmod(cpu: Cpu, p: Protocol, key: int) -> None:
    """Load a module, with an entry in ftrace's list; nothing when memory is short."""
    module = new(cpu, Module)
    entry = new(cpu, Map)
    if module == 0 or entry == 0:
        kfree(cpu, module)
        kfree(cpu, entry)
        return
    write_contents(cpu, module + Module.name, NAME_WORDS, key)
    p.write_lock(cpu)
    p.publish(cpu, MODULES + key * 8, module)
    link_map(cpu, p, module, entry, key)
    p.write_unlock(cpu)


@kernel
def boot(cpu: Cpu, p: Protocol) -> None:
    """All modules."""
    for key in range(KEYS):
        insmod(cpu, p, key)


@kernel
def drop_map(cpu: Cpu, p: Protocol, key: int) -> None:
    """Take the entry of a module off ftrace's list, and retire it, if it is there."""
    p.write_lock(cpu)
    link = MAPS
    while cpu.load(link) != 0 and cpu.load(cpu.load(link) + Map.key) != key:
        link = cpu.load(link) + Map.next
    entry = cpu.load(link)
    if entry != 0:
        p.publish(cpu, link, p.mark_removed(cpu, entry + Map.next))
    p.write_unlock(cpu)
    if entry != 0:
        p.retire(cpu, entry)


@kernel
def release_if_enabled(cpu: Cpu, p: Protocol, key: int) -> None:
    """Take an entry off, unless ftrace is disabled."""
    if cpu.load(DISABLED) == 0:
        drop_map(cpu, p, key)


@kernel
def rmmod(cpu: Cpu, p: Protocol, key: int, release: Release) -> None:
    """Tell ftrace that a module goes, and free it after a grace period; nothing if it is not loaded."""
    module = cpu.load(MODULES + key * 8)
    if module == 0:
        return
    release(cpu, p, key)
    p.write_lock(cpu)
    p.publish(cpu, MODULES + key * 8, 0)
    p.write_unlock(cpu)
    p.retire(cpu, module)


@kernel
def reboot(cpu: Cpu, p: Protocol, key: int) -> None:
    """Begin anew: ftrace is enabled, no old entry is left, and the module that was unloaded is loaded."""
    cpu.store(DISABLED, 0)
    drop_map(cpu, p, key)
    insmod(cpu, p, key)


@kernel
def modprobe(cpu: Cpu, p: Protocol, release: Release) -> int:
    """The writer: begin anew; then something goes wrong in ftrace, and a module is unloaded."""
    away = cpu.load(AWAY)
    if away != 0:
        reboot(cpu, p, away - 1)
    key = prandom(cpu, KEYS)
    cpu.store(AWAY, key + 1)
    aim(cpu, key)
    cpu.store(DISABLED, 1)
    rmmod(cpu, p, key, release)
    return UNJUDGED


@kernel
def modprobe_if_enabled(cpu: Cpu, p: Protocol) -> int:
    """Broken: the entry goes only while ftrace is enabled."""
    return modprobe(cpu, p, release_if_enabled)


@kernel
def modprobe_always(cpu: Cpu, p: Protocol) -> int:
    """Mended: the entry goes, whether ftrace is disabled or not."""
    return modprobe(cpu, p, drop_map)


@kernel
def look(cpu: Cpu, p: Protocol, key: int) -> int:
    """Walk ftrace's list to an entry, and from there to its module; the outcome."""
    entry = p.dereference(cpu, MAPS, 0)
    walked = 0
    while entry != 0 and cpu.load(entry + Map.key) != key:
        walked = walk_on(cpu, entry, walked)
        entry = p.dereference(cpu, entry + Map.next, walked & 1)
    if entry == 0:
        return OUT.absent
    module = p.dereference(cpu, entry + Map.module, 2)
    return OUT.right if has_contents(cpu, module + Module.name, NAME_WORDS, key) else OUT.wrong


@kernel
def lookup(cpu: Cpu, p: Protocol) -> int:
    """The reader: which module has an address, half of the time one that is about to go?"""
    key = aimed(cpu, KEYS)
    note(cpu, "key", key)
    p.read_begin(cpu)
    outcome = look(cpu, p, key)
    p.read_end(cpu)
    return outcome


TRACED = Structure("traced_modules", [Module, Map], boot, outcomes=OUT, objects=256, reads="lookups")
LOOKUP = Program("ftrace_mod_address_lookup", lookup)
BROKEN = Scenario(
    name="broken",
    claim="a facility that has disabled itself has nothing to do when a module is unloaded",
    source="f914b52c379c (CVE-2025-38346): before the fix",
    programs=(Program("modprobe", modprobe_if_enabled, cpus=1, writes=True), LOOKUP),
    expect="violated",
    outcomes=TRACED.all_outcomes,
    protocol=RCU,
    structure=TRACED,
    learnt="a grace period is no help where a list still leads to what is freed",
)
MENDED = Scenario(
    name="mended",
    claim="a module that is off every list may be freed after a grace period",
    source="f914b52c379c (CVE-2025-38346)",
    programs=(Program("modprobe", modprobe_always, cpus=1, writes=True), LOOKUP),
    expect="held",
    twin=BROKEN,
    outcomes=TRACED.all_outcomes,
    protocol=RCU,
    structure=TRACED,
    learnt="nothing leads to the module when its grace period begins",
)
SCENARIOS = [BROKEN, MENDED]
