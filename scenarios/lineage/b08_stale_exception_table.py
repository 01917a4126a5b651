"""A module whose init text is freed has no entries of its exception table left that point there.

An exception table says which instructions may fault, and where to go on then. Some of a module's entries are for its
init text, which is freed once init() has run. The entries stay. The memory is soon the init text of another module: a
fault in that one finds the entry of the first, and goes on in the first module's code. The fix removes the entries
before the init text is freed. In the model each init() faults once, at an instruction with an entry or at one without;
a table has one entry; the tables of all modules are searched under one lock, the newest first.

Source: commit ad6561dffa1 (2.6.31), fact tagged V.
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
from stress.machine.slab import kfree
from stress.machine.words import PRIVATE, static

INSTRUCTIONS = 4
FIXUPS = 1 << 20
# The module that this CPU has loaded: its own word.
LOADED = PRIVATE

Trim = Callable[[Cpu, Protocol, int], None]

Module = Struct("module", next="pointer", instruction="word", fixup="word")
InitText = Struct("init_text", text=INSTRUCTIONS)
# Changed and read under the lock.
FIRST = static("modules_with_exception_tables")
OUT = Outcome.table(
    fixed=("acceptable", "the fault went on where the module's own entry says"),
    oopsed=("acceptable", "the instruction has no entry, and none was found"),
    alien=("forbidden", "the fault went on in the code of another module"),
)


@kernel
def search_exception_tables(cpu: Cpu, p: Protocol, address: int) -> int:
    """Where to go on after a fault at an address: what the first entry for it says, or 0."""
    fixup = 0
    p.read_begin(cpu)
    mod = cpu.load(FIRST)
    while mod != 0 and fixup == 0:
        if cpu.load(mod + Module.instruction) == address:
            fixup = cpu.load(mod + Module.fixup)
        mod = cpu.load(mod + Module.next)
    p.read_end(cpu)
    return fixup


@kernel
def link(cpu: Cpu, p: Protocol, mod: int) -> None:
    """Put a module in front of the list."""
    p.write_lock(cpu)
    cpu.store(mod + Module.next, cpu.load(FIRST))
    p.publish(cpu, FIRST, mod)
    p.write_unlock(cpu)


@kernel
def unlink(cpu: Cpu, p: Protocol, mod: int) -> None:
    """Take a module off the list."""
    p.write_lock(cpu)
    place = FIRST
    while cpu.load(place) != mod:
        place = cpu.load(place) + Module.next
    cpu.store(place, cpu.load(mod + Module.next))
    p.write_unlock(cpu)


@kernel
def load_module(cpu: Cpu, text: int) -> int:
    """A module whose table has an entry for one instruction of its init text; 0 when memory is short."""
    mod = new(cpu, Module)
    if mod != 0:
        cpu.store(mod + Module.instruction, text + prandom(cpu, INSTRUCTIONS) * 8)
        cpu.store(mod + Module.fixup, 1 + prandom(cpu, FIXUPS))
    return mod


@kernel
def init(cpu: Cpu, p: Protocol, mod: int, text: int) -> int:
    """Run init(), which faults at one of its instructions; the outcome."""
    address = text + prandom(cpu, INSTRUCTIONS) * 8
    fixup = search_exception_tables(cpu, p, address)
    note(cpu, "fixup", fixup)
    if address == cpu.load(mod + Module.instruction):
        return OUT.fixed if fixup == cpu.load(mod + Module.fixup) else OUT.alien
    return OUT.oopsed if fixup == 0 else OUT.alien


@kernel
def rmmod(cpu: Cpu, p: Protocol) -> None:
    """Unload what this CPU loaded last."""
    mod = cpu.peek(cpu.log + LOADED)
    if mod != 0:
        unlink(cpu, p, mod)
        p.retire(cpu, mod)
    cpu.poke(cpu.log + LOADED, 0)


@kernel
def insmod(cpu: Cpu, p: Protocol, trim: Trim) -> int:
    """Load a module in place of the one that this CPU loaded last."""
    rmmod(cpu, p)
    text = new(cpu, InitText)
    mod = load_module(cpu, text)
    if text == 0 or mod == 0:
        return UNJUDGED
    link(cpu, p, mod)
    cpu.poke(cpu.log + LOADED, mod)
    outcome = init(cpu, p, mod, text)
    trim(cpu, p, mod)
    kfree(cpu, text)
    return outcome


@kernel
def keep_entries(cpu: Cpu, p: Protocol, mod: int) -> None:
    """Broken: the entries stay when init() has run."""


@kernel
def trim_entries(cpu: Cpu, p: Protocol, mod: int) -> None:
    """Mended: the entries for init text go before the text does (trim_init_extable)."""
    p.write_lock(cpu)
    cpu.store(mod + Module.instruction, 0)
    p.write_unlock(cpu)


@kernel
def insmod_keeping(cpu: Cpu, p: Protocol) -> int:
    """insmod before the fix."""
    return insmod(cpu, p, keep_entries)


@kernel
def insmod_trimming(cpu: Cpu, p: Protocol) -> int:
    """insmod since the fix."""
    return insmod(cpu, p, trim_entries)


@kernel
def boot(cpu: Cpu, p: Protocol) -> None:
    """No module is loaded."""


TABLES = Structure("exception_tables", [Module, InitText], boot, outcomes=OUT, objects=4096, reads="faults")
BROKEN = Scenario(
    name="broken",
    claim="an entry for an instruction that never runs again does no harm",
    source="ad6561dffa1 (2.6.31): before the fix",
    programs=(Program("insmod", insmod_keeping, writes=True),),
    expect="violated",
    outcomes=TABLES.all_outcomes,
    protocol=SPINLOCK,
    structure=TABLES,
    learnt="an address outlives the text that it meant: another module's text lies there",
)
MENDED = Scenario(
    name="mended",
    claim="a fault in init text finds the entry of its own module or none",
    source="ad6561dffa1 (2.6.31)",
    programs=(Program("insmod", insmod_trimming, writes=True),),
    expect="held",
    twin=BROKEN,
    outcomes=TABLES.all_outcomes,
    protocol=SPINLOCK,
    structure=TABLES,
    learnt="addresses are forgotten before the memory that they lead to is given away",
)
SCENARIOS = [BROKEN, MENDED]
