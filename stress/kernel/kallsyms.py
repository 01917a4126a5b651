"""kallsyms (kernel/kallsyms.c and kernel/module.c, 2.6.11): from an address to a symbol's name, with no lock.

The `SYMBOL_*` offsets lay out the buffer that a lookup fills: the name, then what the kernel returns through pointers
(size, offset, the raw pointer to the module's name). Lookups use plain loads and no barrier, as the kernel does: each
CPU loads what it stands on, whatever writers do meanwhile.
"""

from collections.abc import Callable

from stress.kernel.list import NEXT
from stress.kernel.string import strncpy
from stress.kernel.struct_module import (
    CORE_SIZE,
    CORE_TEXT_SIZE,
    INIT_SIZE,
    INIT_TEXT_SIZE,
    MODULE_CORE,
    MODULE_INIT,
    MODULES,
    NAME,
    NUM_SYMTAB,
    STRTAB,
    SYMTAB,
)
from stress.machine.notes import note_step
from stress.machine.seam import Cpu, Oops, kernel
from stress.machine.words import CAUSE_ENDLESS, FAULT_CAUSE, percpu, static

KSYM_NAME_LEN = 127

KALLSYMS_NUM = static("kallsyms_num_syms")
KALLSYMS_ADDRESSES = static("kallsyms_addresses")
KALLSYMS_NAMES = static("kallsyms_names")
KALLSYMS_END = static("kallsyms_end")

SYMBOL_NAME = 0
SYMBOL_SIZE = 128
SYMBOL_OFFSET = 136
SYMBOL_MODNAME = 144
SYMBOL_VALUE = 152
SYMBOL_BYTES = 160
NAMEBUF = percpu("namebuf", SYMBOL_BYTES // 8)
NMI_NAMEBUF = percpu("nmi_namebuf", SYMBOL_BYTES // 8)
MODNAMEBUF = percpu("modnamebuf", (KSYM_NAME_LEN + 1) // 8)

LOOKUPS_DONE = percpu("lookups_done")

ModuleTest = Callable[[Cpu, int], bool]

# An ELF symbol as it lies in memory, little-endian: st_name 0-31, st_info 32-39, st_other 40-47, st_shndx 48-63.
SYM_BYTES = 24
ST_VALUE = 8
SHN_UNDEF = 0

LONGEST_WALK = 100_000
"""Ten times as many modules as a corpus has at most: a walk that is longer goes round in a ring."""


HIGHEST = (1 << 63) - 1
"""The highest signed word."""


@kernel
def within(address: int, start: int, size: int) -> bool:
    """Whether `address` lies in the `size` bytes from `start`; both may be poison, so that their sum leaves 64 bits."""
    # The sign comes last: it is looked at for few of the modules that a walk passes.
    return start <= address and address - start < size and start >= 0


@kernel
def end_of(start: int, size: int) -> int:
    """The address behind `size` bytes from `start`; the highest one for poison, whose sum leaves 64 bits."""
    return start + size if start >= 0 and 0 <= size <= HIGHEST - start else HIGHEST


@kernel
def is_arm_mapping_symbol(cpu: Cpu, name: int) -> bool:
    """Whether the name is `$a`, `$t` or `$d`, with or without a suffix behind a dot."""
    if cpu.load8(name) != 0x24:
        return False
    second = cpu.load8(name + 1)
    if second != 0x61 and second != 0x74 and second != 0x64:
        return False
    third = cpu.load8(name + 2)
    return third == 0 or third == 0x2E


@kernel
def is_named(cpu: Cpu, name: int) -> bool:
    """Whether a symbol has a name that a lookup may give."""
    return cpu.load8(name) != 0 and not is_arm_mapping_symbol(cpu, name)


@kernel
def end_of_text(cpu: Cpu, mod: int, address: int) -> int:
    """The end of the text, init or core, that `address` lies in: no symbol there ends behind it."""
    init = cpu.load(mod + MODULE_INIT)
    if within(address, init, cpu.load(mod + INIT_SIZE)):
        return end_of(init, cpu.load(mod + INIT_TEXT_SIZE))
    return end_of(cpu.load(mod + MODULE_CORE), cpu.load(mod + CORE_TEXT_SIZE))


@kernel
def get_ksymbol(cpu: Cpu, mod: int, address: int, symbol: int) -> int:
    """Address of the name of the symbol of `mod` that covers `address`, or 0; fills size and offset in `symbol`.

    The greatest value at or below `address` wins, the first of equals; undefined, unnamed and ARM mapping
    symbols do not count; index 0 is the table's null entry.
    """
    # Every word of `mod` and its tables may belong to freed memory: nothing here is trusted, and the loop ends at the
    # latest where `entry` leaves RAM, which faults.
    following = end_of_text(cpu, mod, address)
    symtab = cpu.load(mod + SYMTAB)
    strtab = cpu.load(mod + STRTAB)
    best = 0
    best_value = cpu.load(symtab + ST_VALUE)
    for index in range(1, cpu.load(mod + NUM_SYMTAB)):
        entry = symtab + index * SYM_BYTES
        packed = cpu.load(entry)
        if packed >> 48 & 0xFFFF == SHN_UNDEF:
            continue
        value = cpu.load(entry + ST_VALUE)
        if best_value < value <= address:
            if is_named(cpu, strtab + (packed & 0xFFFF_FFFF)):
                best = index
                best_value = value
        elif address < value < following and is_named(cpu, strtab + (packed & 0xFFFF_FFFF)):
            following = value
    if best == 0:
        return 0
    cpu.store(symbol + SYMBOL_SIZE, following - best_value)
    cpu.store(symbol + SYMBOL_OFFSET, address - best_value)
    return strtab + (cpu.load(symtab + best * SYM_BYTES) & 0xFFFF_FFFF)


@kernel
def covers(cpu: Cpu, mod: int, address: int) -> bool:
    """Whether `address` lies in the init or the core range of `mod`."""
    if within(address, cpu.load(mod + MODULE_INIT), cpu.load(mod + INIT_SIZE)):
        return True
    return within(address, cpu.load(mod + MODULE_CORE), cpu.load(mod + CORE_SIZE))


@kernel
def any_module(cpu: Cpu, mod: int) -> bool:
    """The `considers` of a walk that looks at every module."""
    return True


@kernel
def first_module(cpu: Cpu) -> int:
    """The first module of the list, or its head if there is none: where a walk with no lock begins."""
    mod = cpu.load(MODULES + NEXT)
    note_step(cpu, mod, 0)
    return mod


@kernel
def next_module(cpu: Cpu, mod: int, walked: int) -> int:
    """The module behind `mod`; `walked` modules are behind this walk, which takes no lock.

    Raises Oops (CAUSE_ENDLESS) after `LONGEST_WALK` modules: links that were freed and reused can make a ring.
    """
    if walked > LONGEST_WALK:
        cpu.poke(cpu.log + FAULT_CAUSE, CAUSE_ENDLESS)
        raise Oops
    following = cpu.load(mod + NEXT)
    note_step(cpu, following, walked)
    return following


@kernel
def module_address_lookup(cpu: Cpu, address: int, symbol: int, considers: ModuleTest) -> int:
    """Walk the module list for the module that covers `address`; address of the symbol's name, or 0.

    `considers(cpu, mod)` says of each module whether to look at it.
    """
    mod = first_module(cpu)
    walked = 0
    while mod != MODULES:
        if considers(cpu, mod) and covers(cpu, mod, address):
            cpu.store(symbol + SYMBOL_MODNAME, mod + NAME)
            return get_ksymbol(cpu, mod, address, symbol)
        walked += 1
        mod = next_module(cpu, mod, walked)
    return 0


@kernel
def last_at_or_below(cpu: Cpu, address: int) -> int:
    """Index of the last of the kernel's own symbols whose address is not above `address`, by binary search."""
    addresses = cpu.load(KALLSYMS_ADDRESSES)
    low = 0
    high = cpu.load(KALLSYMS_NUM)
    while high - low > 1:
        middle = (low + high) // 2
        if cpu.load(addresses + middle * 8) <= address:
            low = middle
        else:
            high = middle
    return low


@kernel
def kernel_lookup(cpu: Cpu, address: int, symbol: int) -> int:
    """The kernel's own symbol that covers `address`, the first of aliases; address of its name, or 0."""
    count = cpu.load(KALLSYMS_NUM)
    addresses = cpu.load(KALLSYMS_ADDRESSES)
    if count == 0 or address < cpu.load(addresses) or address >= cpu.load(KALLSYMS_END):
        return 0
    index = last_at_or_below(cpu, address)
    following = cpu.load(KALLSYMS_END) if index + 1 == count else cpu.load(addresses + index * 8 + 8)
    value = cpu.load(addresses + index * 8)
    while index > 0 and cpu.load(addresses + index * 8 - 8) == value:
        index -= 1
    cpu.store(symbol + SYMBOL_SIZE, following - value)
    cpu.store(symbol + SYMBOL_OFFSET, address - value)
    cpu.store(symbol + SYMBOL_MODNAME, 0)
    return cpu.load(cpu.load(KALLSYMS_NAMES) + index * 8)


@kernel
def find_symbol_name(cpu: Cpu, address: int, symbol: int, considers: ModuleTest) -> int:
    """kallsyms_lookup as it was before the patch: returns a pointer to the symbol's name, or 0; fills the other fields.

    `symbol` is a buffer of `SYMBOL_BYTES`.
    """
    cpu.store8(symbol + KSYM_NAME_LEN, 0)
    cpu.store8(symbol, 0)
    name = kernel_lookup(cpu, address, symbol)
    if name == 0:
        name = module_address_lookup(cpu, address, symbol, considers)
    return name


@kernel
def lookup_in(cpu: Cpu, address: int, symbol: int, considers: ModuleTest) -> bool:
    """kallsyms_lookup that looks only at modules for which `considers` is true."""
    name = find_symbol_name(cpu, address, symbol, considers)
    if name == 0:
        return False
    strncpy(cpu, symbol, name, KSYM_NAME_LEN)
    return True


@kernel
def kallsyms_lookup(cpu: Cpu, address: int, symbol: int) -> bool:
    """Look `address` up and copy its symbol's name into `symbol`; whether there is one.

    A module's name is left as a raw pointer, "valid until we reschedule".
    """
    return lookup_in(cpu, address, symbol, any_module)
