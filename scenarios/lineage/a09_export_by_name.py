"""A symbol counts as exported only if name and value are those of an exported symbol.

/proc/kallsyms marks exported symbols with a capital letter. It asks whether the module exports a symbol of this name. A
module may have two symbols of one name, a static one and an exported one, and then both are marked. The fix compares
the value too. The model is ours: one module with eight symbols in pairs of one name; a writer replaces the module by
one that exports another symbol. Readers and writer take one lock, so that the comparison is the only bug.

Source: commit ca4787b779d (2.6.29), fact tagged V.
"""

from collections.abc import Callable

from stress import Outcome, Program, Scenario, Struct, Structure
from stress.kernel.protocol import Protocol
from stress.kernel.protocols.spinlock import SPINLOCK
from stress.kernel.struct import new
from stress.machine.loop import UNJUDGED
from stress.machine.notes import note
from stress.machine.random import prandom
from stress.machine.seam import Cpu, kernel
from stress.machine.words import static

SYMBOLS = 8
SAME_NAME = 2
SYMBOL_BYTES = 16
TEXT = 0xA000

IsExported = Callable[[Cpu, int, int], bool]

Module = Struct("module", names=SYMBOLS, values=SYMBOLS, ksymtab_name="word", ksymtab_value="word", exported="word")
MODULE = static("module_with_exports")
OUT = Outcome.table(
    right=("acceptable", "marked as exported if the module exports it, else not"),
    wrong=("forbidden", "marked as exported, and another symbol of its name is"),
    unmarked=("forbidden", "exported, and not marked"),
)


@kernel
def export(cpu: Cpu, module: int, index: int) -> None:
    """Export symbol `index` of a module, and no other: its name and value go into the table of exports."""
    cpu.store(module + Module.ksymtab_name, cpu.load(module + Module.names + index * 8))
    cpu.store(module + Module.ksymtab_value, cpu.load(module + Module.values + index * 8))
    cpu.store(module + Module.exported, index)


@kernel
def new_module(cpu: Cpu) -> int:
    """A module in which two symbols each have one name, and all have values of their own; 0 when memory is short."""
    module = new(cpu, Module)
    if module == 0:
        return 0
    for index in range(SYMBOLS):
        cpu.store(module + Module.names + index * 8, index // SAME_NAME)
        cpu.store(module + Module.values + index * 8, TEXT + index * SYMBOL_BYTES)
    export(cpu, module, prandom(cpu, SYMBOLS))
    return module


@kernel
def insmod(cpu: Cpu, p: Protocol) -> int:
    """The writer: put another module into the place of the one that is loaded."""
    module = new_module(cpu)
    if module == 0:
        return UNJUDGED
    p.write_lock(cpu)
    before = cpu.load(MODULE)
    p.publish(cpu, MODULE, module)
    p.write_unlock(cpu)
    p.retire(cpu, before)
    return UNJUDGED


@kernel
def boot(cpu: Cpu, p: Protocol) -> None:
    """One module is loaded."""
    p.publish(cpu, MODULE, new_module(cpu))


@kernel
def name_is_exported(cpu: Cpu, module: int, index: int) -> bool:
    """Broken: whether the module exports a symbol with the name of symbol `index`."""
    return cpu.load(module + Module.names + index * 8) == cpu.load(module + Module.ksymtab_name)


@kernel
def symbol_is_exported(cpu: Cpu, module: int, index: int) -> bool:
    """Mended: whether the module exports a symbol with the name and the value of symbol `index`."""
    if cpu.load(module + Module.values + index * 8) != cpu.load(module + Module.ksymtab_value):
        return False
    return name_is_exported(cpu, module, index)


@kernel
def judge(cpu: Cpu, module: int, index: int, marked: bool) -> int:
    """The outcome of a line: whether its mark is right."""
    exported = cpu.load(module + Module.exported)
    note(cpu, "symbol", index)
    note(cpu, "exported", exported)
    if marked == (index == exported):
        return OUT.right
    return OUT.wrong if marked else OUT.unmarked


@kernel
def read_line(cpu: Cpu, p: Protocol, is_exported: IsExported) -> int:
    """Read the line of a symbol at random."""
    index = prandom(cpu, SYMBOLS)
    p.read_begin(cpu)
    module = p.dereference(cpu, MODULE, 0)
    outcome = judge(cpu, module, index, is_exported(cpu, module, index))
    p.read_end(cpu)
    return outcome


@kernel
def read_by_name(cpu: Cpu, p: Protocol) -> int:
    """One line of /proc/kallsyms before the fix."""
    return read_line(cpu, p, name_is_exported)


@kernel
def read_by_value(cpu: Cpu, p: Protocol) -> int:
    """One line of /proc/kallsyms since the fix."""
    return read_line(cpu, p, symbol_is_exported)


LINES = Structure("proc_kallsyms", [Module], boot, outcomes=OUT, objects=64)
INSMOD = Program("insmod", insmod, cpus=1, writes=True)
BROKEN = Scenario(
    name="broken",
    claim="a symbol is exported if its module exports a symbol of its name",
    source="ca4787b779d (2.6.29): before the fix",
    programs=(INSMOD, Program("proc_kallsyms", read_by_name)),
    expect="violated",
    outcomes=LINES.all_outcomes,
    protocol=SPINLOCK,
    structure=LINES,
    learnt="no race is needed: a name does not identify a symbol, and the static one of the pair is marked",
)
MENDED = Scenario(
    name="mended",
    claim="a symbol is exported if its module exports a symbol of its name and value",
    source="ca4787b779d (2.6.29)",
    programs=(INSMOD, Program("proc_kallsyms", read_by_value)),
    expect="held",
    twin=BROKEN,
    outcomes=LINES.all_outcomes,
    protocol=SPINLOCK,
    structure=LINES,
    learnt="name and value together identify a symbol",
)
SCENARIOS = [BROKEN, MENDED]
