"""A name of 127 or more characters ends with a NUL in the buffer of /proc/kallsyms.

A reader of /proc/kallsyms copies a symbol's name into its buffer and prints the buffer. strncpy writes 127 bytes and
adds no NUL to a long name. The last byte of the buffer keeps what memory had, so the printing runs past the buffer. The
fix ends every copy with a NUL. The model is ours: one module, which a writer replaces, with a name of 112 to 142
characters; readers and writer take one lock, so that the copy is the only bug.

Source: commit 098c5eea03d (2.6.18), fact tagged V.
"""

from collections.abc import Callable

from stress import Outcome, Program, Scenario, Struct, Structure
from stress.kernel.kallsyms import KSYM_NAME_LEN
from stress.kernel.protocol import Protocol
from stress.kernel.protocols.spinlock import SPINLOCK
from stress.kernel.string import strncpy
from stress.kernel.struct import new
from stress.machine.loop import UNJUDGED
from stress.machine.notes import note
from stress.machine.random import prandom
from stress.machine.seam import Cpu, kernel
from stress.machine.slab import kfree
from stress.machine.words import static

SHORTEST, LENGTHS = 112, 31
LETTER = 0x61
LINE_ROOM = 200
"""The printing stops here at the latest."""

Copy = Callable[[Cpu, int, int], None]

Module = Struct("module", length="word", symbol=18)
Line = Struct("line", text=16)
MODULE = static("module_of_long_name")
OUT = Outcome.table(
    whole=("acceptable", "the name, or its first 127 characters, and nothing else"),
    overrun=("forbidden", "printed on behind the end of the buffer"),
)


@kernel
def new_module(cpu: Cpu) -> int:
    """A module with one symbol, whose name is long; 0 when memory is short."""
    module = new(cpu, Module)
    if module == 0:
        return 0
    length = SHORTEST + prandom(cpu, LENGTHS)
    cpu.store(module + Module.length, length)
    for at in range(length):
        cpu.store8(module + Module.symbol + at, LETTER)
    cpu.store8(module + Module.symbol + length, 0)
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
def printed(cpu: Cpu, name: int) -> int:
    """Print a name up to its NUL; how many characters that are."""
    length = 0
    while length < LINE_ROOM and cpu.load8(name + length) != 0:
        length += 1
    note(cpu, "printed", length)
    return length


@kernel
def copy_name(cpu: Cpu, p: Protocol, name: int, copy: Copy) -> int:
    """Copy the name of the module's symbol; how many characters of it have room."""
    p.read_begin(cpu)
    module = p.dereference(cpu, MODULE, 0)
    copy(cpu, name, module + Module.symbol)
    length = cpu.load(module + Module.length)
    p.read_end(cpu)
    return min(length, KSYM_NAME_LEN)


@kernel
def read_line(cpu: Cpu, p: Protocol, copy: Copy) -> int:
    """Open /proc/kallsyms, which allocates the buffer, read a line and close it again."""
    line = new(cpu, Line)
    if line == 0:
        return UNJUDGED
    length = copy_name(cpu, p, line + Line.text, copy)
    outcome = OUT.whole if printed(cpu, line + Line.text) == length else OUT.overrun
    kfree(cpu, line)
    return outcome


@kernel
def copy_unended(cpu: Cpu, target: int, source: int) -> None:
    """Broken: strncpy leaves the buffer's last byte as it is."""
    strncpy(cpu, target, source, KSYM_NAME_LEN)


@kernel
def copy_ended(cpu: Cpu, target: int, source: int) -> None:
    """Mended: the buffer's last byte is a NUL, however long the name is (strlcpy)."""
    strncpy(cpu, target, source, KSYM_NAME_LEN)
    cpu.store8(target + KSYM_NAME_LEN, 0)


@kernel
def read_unended(cpu: Cpu, p: Protocol) -> int:
    """One line of /proc/kallsyms before the fix."""
    return read_line(cpu, p, copy_unended)


@kernel
def read_ended(cpu: Cpu, p: Protocol) -> int:
    """One line of /proc/kallsyms since the fix."""
    return read_line(cpu, p, copy_ended)


LINES = Structure("proc_kallsyms", [Module, Line], boot, outcomes=OUT, objects=64)
INSMOD = Program("insmod", insmod, cpus=1, writes=True)
BROKEN = Scenario(
    name="broken",
    claim="strncpy of 127 bytes is enough for a buffer of 128",
    source="098c5eea03d (2.6.18): before the fix",
    programs=(INSMOD, Program("proc_kallsyms", read_unended)),
    expect="violated",
    outcomes=LINES.all_outcomes,
    protocol=SPINLOCK,
    structure=LINES,
    learnt="a buffer that is longer than the copy by one byte has no NUL unless somebody stores it",
)
MENDED = Scenario(
    name="mended",
    claim="a copy that always ends with a NUL is printed within its buffer, however long the name is",
    source="098c5eea03d (2.6.18)",
    programs=(INSMOD, Program("proc_kallsyms", read_ended)),
    expect="held",
    twin=BROKEN,
    outcomes=LINES.all_outcomes,
    protocol=SPINLOCK,
    structure=LINES,
    learnt="long names are cut, and nothing behind them is printed",
)
SCENARIOS = [BROKEN, MENDED]
