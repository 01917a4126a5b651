"""A module's symbol table, its length and its strings change together, behind one pointer.

While a module is loaded, kallsyms reads full tables in init memory; afterwards it reads smaller ones in the module's
core. insmod switches symtab, num_symtab and strtab one after the other. A reader between two of the stores takes a
symbol from one table and its name from the other, or walks a short table by the length of the long one. The fix has a
structure of all three, and switches one pointer to it. The model is ours: a writer loads one module again and again;
what it replaces is freed after a grace period in both variants; init() gives up the core.

Source: commit 8244062ef1e5 (4.5), fact tagged S.
"""

from collections.abc import Callable

from stress import Outcome, Program, Scenario, Struct, Structure
from stress.kernel.protocol import Protocol
from stress.kernel.protocols.rcu import RCU
from stress.kernel.struct import new
from stress.machine.loop import UNJUDGED
from stress.machine.notes import note
from stress.machine.random import prandom
from stress.machine.seam import Cpu, kernel
from stress.machine.slab import kfree
from stress.machine.words import static

FULL, CORE = 16, 8
VALUE_SHIFT, PLACE_MASK = 16, 0xFFFF
TAG = 0x1234_5678

# Where the tables are: three words, which lie in init memory and twice in the module.
SYMTAB, NUM_SYMTAB, STRTAB = 0, 8, 16
WORDS = 3

Switch = Callable[[Cpu, Protocol, int], None]

Module = Struct("module", present=WORDS, core=WORDS, kallsyms="pointer", core_syms=CORE, core_strs=CORE)
Init = Struct("init_memory", tables=WORDS, syms=FULL, strs=FULL)
MODULE = static("module_with_tables")
OUT = Outcome.table(
    right=("acceptable", "the symbol that was asked for"),
    torn=("forbidden", "another name or none, though both tables have the symbol"),
)


@kernel
def write_tables(cpu: Cpu, syms: int, strs: int, count: int) -> None:
    """Write `count` symbols, each a value and the place of its name; a short table has every second of a long one."""
    for index in range(count):
        value = index * (FULL // count)
        cpu.store(syms + index * 8, value << VALUE_SHIFT | index)
        cpu.store(strs + index * 8, value ^ TAG)


@kernel
def point_at(cpu: Cpu, tables: int, syms: int, count: int) -> None:
    """Store where the tables are, one word after the other; the strings lie behind the symbols."""
    cpu.store(tables + SYMTAB, syms)
    cpu.store(tables + NUM_SYMTAB, count)
    cpu.store(tables + STRTAB, syms + count * 8)


@kernel
def fill_module(cpu: Cpu, module: int, init: int) -> None:
    """Write the tables of a module that nobody sees yet; those in init memory are in use."""
    write_tables(cpu, module + Module.core_syms, module + Module.core_strs, CORE)
    write_tables(cpu, init + Init.syms, init + Init.strs, FULL)
    point_at(cpu, module + Module.core, module + Module.core_syms, CORE)
    point_at(cpu, module + Module.present, init + Init.syms, FULL)
    point_at(cpu, init + Init.tables, init + Init.syms, FULL)
    cpu.store(module + Module.kallsyms, init + Init.tables)


@kernel
def load(cpu: Cpu, p: Protocol) -> int:
    """Load a module in place of the one before, which is retired; the module, its init() running, or 0."""
    module = new(cpu, Module)
    init = new(cpu, Init)
    if module == 0 or init == 0:
        kfree(cpu, module)
        kfree(cpu, init)
        return 0
    fill_module(cpu, module, init)
    p.write_lock(cpu)
    before = cpu.load(MODULE)
    p.publish(cpu, MODULE, module)
    p.write_unlock(cpu)
    p.retire(cpu, before)
    return module


@kernel
def insmod(cpu: Cpu, p: Protocol, switch: Switch) -> int:
    """The writer: load a module, run its init(), switch to the tables in its core and retire init memory."""
    module = load(cpu, p)
    if module == 0:
        return UNJUDGED
    init = cpu.load(module + Module.kallsyms) - Init.tables
    cpu.yield_core()
    p.write_lock(cpu)
    switch(cpu, p, module)
    p.write_unlock(cpu)
    p.retire(cpu, init)
    return UNJUDGED


@kernel
def boot(cpu: Cpu, p: Protocol) -> None:
    """One module, whose init() runs."""
    load(cpu, p)


@kernel
def name_of(cpu: Cpu, tables: int, value: int) -> int:
    """The name of the symbol with this value; 0 if there is none."""
    for index in range(cpu.load(tables + NUM_SYMTAB)):
        symbol = cpu.load(cpu.load(tables + SYMTAB) + index * 8)
        if symbol >> VALUE_SHIFT == value:
            return cpu.load(cpu.load(tables + STRTAB) + (symbol & PLACE_MASK) * 8)
    return 0


@kernel
def look_up(cpu: Cpu, p: Protocol, tables: int) -> int:
    """Look a symbol up that both tables have, and end the caller's read section; the outcome."""
    value = prandom(cpu, CORE) * (FULL // CORE)
    name = name_of(cpu, tables, value)
    p.read_end(cpu)
    note(cpu, "value", value)
    note(cpu, "name", name ^ TAG)
    return OUT.right if name == value ^ TAG else OUT.torn


@kernel
def switch_three(cpu: Cpu, p: Protocol, module: int) -> None:
    """Broken: three stores into the words that readers use."""
    point_at(cpu, module + Module.present, module + Module.core_syms, CORE)


@kernel
def switch_one(cpu: Cpu, p: Protocol, module: int) -> None:
    """Mended: one store; the three words of the core were written before the module was linked."""
    p.publish(cpu, module + Module.kallsyms, module + Module.core)


@kernel
def insmod_three(cpu: Cpu, p: Protocol) -> int:
    """A load before the fix."""
    return insmod(cpu, p, switch_three)


@kernel
def insmod_one(cpu: Cpu, p: Protocol) -> int:
    """A load since the fix."""
    return insmod(cpu, p, switch_one)


@kernel
def look_up_three(cpu: Cpu, p: Protocol) -> int:
    """Broken: readers use the three words that change."""
    p.read_begin(cpu)
    return look_up(cpu, p, p.dereference(cpu, MODULE, 0) + Module.present)


@kernel
def look_up_one(cpu: Cpu, p: Protocol) -> int:
    """Mended: readers load the pointer once, and use the three words behind it, which never change."""
    p.read_begin(cpu)
    return look_up(cpu, p, p.dereference(cpu, p.dereference(cpu, MODULE, 0) + Module.kallsyms, 1))


TABLES = Structure("symbol_tables", [Module, Init], boot, outcomes=OUT, objects=2048)
BROKEN = Scenario(
    name="broken",
    claim="symtab, num_symtab and strtab may be switched one after the other, if the old tables stay for a while",
    source="8244062ef1e5 (4.5): before the fix",
    point="4",
    programs=(Program("insmod", insmod_three, cpus=1, writes=True), Program("kallsyms", look_up_three)),
    expect="violated",
    outcomes=TABLES.all_outcomes,
    protocol=RCU,
    structure=TABLES,
    learnt="a grace period keeps the memory good, and the answer is wrong all the same: it mixes two tables",
)
MENDED = Scenario(
    name="mended",
    claim="symtab, num_symtab and strtab change together behind one pointer",
    source="8244062ef1e5 (4.5)",
    point="4",
    programs=(Program("insmod", insmod_one, cpus=1, writes=True), Program("kallsyms", look_up_one)),
    expect="held",
    twin=BROKEN,
    outcomes=TABLES.all_outcomes,
    protocol=RCU,
    structure=TABLES,
    learnt="one store switches all three: each reader has the tables of one place",
)
SCENARIOS = [BROKEN, MENDED]
