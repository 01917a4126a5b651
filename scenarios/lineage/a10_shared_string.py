"""A lookup of "module:symbol" leaves the string of its caller alone.

module_kallsyms_lookup_name splits "module:symbol" at the colon: it stores a NUL there, finds the module, and stores the
colon again. Two CPUs look the same string up at once. One of them finds no colon, and takes the module's name for a
symbol; or it compares the whole string with names of modules, since the other one has put the colon back. The fix does
not change its argument. The model is ours: four modules that stay, one that comes and goes under RCU, and two strings
that all CPUs share; the mended lookup compares the bytes before the colon.

Source: commit 4f6de4d51f4a (3.11), fact tagged S.
"""

from collections.abc import Callable

from stress import Outcome, Program, Scenario, Struct, Structure
from stress.kernel.protocol import Protocol
from stress.kernel.protocols.rcu import RCU
from stress.kernel.string import strcmp
from stress.kernel.struct import new, walk_on
from stress.machine.loop import UNJUDGED
from stress.machine.notes import note
from stress.machine.random import prandom
from stress.machine.seam import Cpu, kernel
from stress.machine.words import static

MODULES, STRINGS = 4, 2
COMING = 9
COLON, DIGITS = 0x3A, 0x30
LETTER_OF_MODULE, LETTER_OF_SYMBOL = 0x6D, 0x73
VALUES = 0xA000

Lookup = Callable[[Cpu, Protocol, int], int]

Module = Struct("module", next="pointer", title="word", symbol="word", value="word")
HEAD = static("modules_by_name")
NAMES = static("shared_strings", STRINGS)
OUT = Outcome.table(
    right=("acceptable", "the value of that symbol of that module"),
    wrong=("forbidden", "said that there is no such symbol, or gave the value of another one"),
)


@kernel
def new_module(cpu: Cpu, number: int) -> int:
    """A module "m<number>" with a symbol "s", which every module has; 0 when memory is short."""
    module = new(cpu, Module)
    if module != 0:
        cpu.store(module + Module.title, LETTER_OF_MODULE | DIGITS + number << 8)
        cpu.store(module + Module.symbol, LETTER_OF_SYMBOL)
        cpu.store(module + Module.value, VALUES + number)
    return module


@kernel
def link(cpu: Cpu, p: Protocol, module: int, following: int) -> None:
    """Put a module at the head of the list; `following` is the one behind it."""
    cpu.store(module + Module.next, following)
    p.publish(cpu, HEAD, module)


@kernel
def boot(cpu: Cpu, p: Protocol) -> None:
    """The modules that stay, in front of them the one that comes and goes, and the shared strings "m<number>:s"."""
    for number in range(MODULES):
        link(cpu, p, new_module(cpu, number), cpu.load(HEAD))
    link(cpu, p, new_module(cpu, COMING), cpu.load(HEAD))
    for number in range(STRINGS):
        module = LETTER_OF_MODULE | DIGITS + number << 8
        cpu.store(NAMES + number * 8, module | COLON << 16 | LETTER_OF_SYMBOL << 24)


@kernel
def reload(cpu: Cpu, p: Protocol) -> int:
    """The writer: put another module into the place of the first one, which no string names."""
    module = new_module(cpu, COMING)
    if module == 0:
        return UNJUDGED
    p.write_lock(cpu)
    before = cpu.load(HEAD)
    link(cpu, p, module, p.mark_removed(cpu, before + Module.next))
    p.write_unlock(cpu)
    p.retire(cpu, before)
    return UNJUDGED


@kernel
def length_to(cpu: Cpu, name: int, end: int) -> int:
    """How many bytes of `name` stand before the byte `end`, or before its NUL."""
    length = 0
    while cpu.load8(name + length) != end and cpu.load8(name + length) != 0:
        length += 1
    return length


@kernel
def is_called(cpu: Cpu, module: int, name: int, length: int) -> bool:
    """Whether the module's name is the first `length` bytes of `name`."""
    for at in range(length):
        if cpu.load8(module + Module.title + at) != cpu.load8(name + at):
            return False
    return cpu.load8(module + Module.title + length) == 0


@kernel
def value_in(cpu: Cpu, p: Protocol, name: int, length: int, symbol: int) -> int:
    """The value of `symbol` in the module called by the first `length` bytes of `name`, any if that is 0; 0 if none."""
    module = p.dereference(cpu, HEAD, 0)
    walked = 0
    while module != 0:
        if length == 0 or is_called(cpu, module, name, length):
            if strcmp(cpu, module + Module.symbol, symbol) == 0:
                return cpu.load(module + Module.value)
        walked = walk_on(cpu, module, walked)
        module = p.dereference(cpu, module + Module.next, walked & 1)
    return 0


@kernel
def lookup_splitting(cpu: Cpu, p: Protocol, name: int) -> int:
    """Broken: split the caller's string in place, and mend it afterwards."""
    colon = name + length_to(cpu, name, COLON)
    if cpu.load8(colon) == 0:
        return value_in(cpu, p, name, 0, name)
    cpu.store8(colon, 0)
    value = value_in(cpu, p, name, length_to(cpu, name, 0), colon + 1)
    cpu.store8(colon, COLON)
    return value


@kernel
def lookup_measuring(cpu: Cpu, p: Protocol, name: int) -> int:
    """Mended: compare as many bytes as stand before the colon."""
    length = length_to(cpu, name, COLON)
    if cpu.load8(name + length) == 0:
        return value_in(cpu, p, name, 0, name)
    return value_in(cpu, p, name, length, name + length + 1)


@kernel
def look_up(cpu: Cpu, p: Protocol, lookup: Lookup) -> int:
    """Look one of the shared strings up; the outcome."""
    number = prandom(cpu, STRINGS)
    p.read_begin(cpu)
    value = lookup(cpu, p, NAMES + number * 8)
    p.read_end(cpu)
    note(cpu, "value", value)
    return OUT.right if value == VALUES + number else OUT.wrong


@kernel
def look_up_splitting(cpu: Cpu, p: Protocol) -> int:
    """A lookup before the fix."""
    return look_up(cpu, p, lookup_splitting)


@kernel
def look_up_measuring(cpu: Cpu, p: Protocol) -> int:
    """A lookup since the fix."""
    return look_up(cpu, p, lookup_measuring)


NAMED = Structure("modules_by_name", [Module], boot, outcomes=OUT, objects=1024)
RELOAD = Program("reload", reload, cpus=1, writes=True)
BROKEN = Scenario(
    name="broken",
    claim="a lookup may split its caller's string, if it puts the colon back",
    source="4f6de4d51f4a (3.11): before the fix",
    programs=(RELOAD, Program("lookup_name", look_up_splitting)),
    expect="violated",
    outcomes=NAMED.all_outcomes,
    protocol=RCU,
    structure=NAMED,
    learnt="readers that write race with each other: the second one takes the string as the first one left it",
)
MENDED = Scenario(
    name="mended",
    claim="a lookup that only reads its caller's string may run on any number of CPUs",
    source="4f6de4d51f4a (3.11)",
    programs=(RELOAD, Program("lookup_name", look_up_measuring)),
    expect="held",
    twin=BROKEN,
    outcomes=NAMED.all_outcomes,
    protocol=RCU,
    structure=NAMED,
    learnt="a length in place of a NUL, and the string can be shared",
)
SCENARIOS = [BROKEN, MENDED]
