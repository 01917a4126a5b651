"""kallsyms the other way round (kernel/module.c, 2.6.11): from a name to an address, and from an index to a line."""

from stress.kernel.kallsyms import (
    KSYM_NAME_LEN,
    SHN_UNDEF,
    ST_VALUE,
    SYM_BYTES,
    SYMBOL_MODNAME,
    SYMBOL_VALUE,
    first_module,
    next_module,
)
from stress.kernel.list import NEXT
from stress.kernel.stop_machine import down, up
from stress.kernel.string import strcmp, strncpy
from stress.kernel.struct_module import MODULE_MUTEX, MODULES, NAME, NUM_SYMTAB, STRTAB, SYMTAB
from stress.machine.seam import Cpu, kernel


@kernel
def name_of_symbol(cpu: Cpu, mod: int, index: int) -> int:
    """Address of the name of symbol `index` of `mod`."""
    packed = cpu.load(cpu.load(mod + SYMTAB) + index * SYM_BYTES)
    return cpu.load(mod + STRTAB) + (packed & 0xFFFF_FFFF)


@kernel
def value_of_symbol(cpu: Cpu, mod: int, index: int) -> int:
    """Value (an address) of symbol `index` of `mod`; 0 for an undefined symbol."""
    entry = cpu.load(mod + SYMTAB) + index * SYM_BYTES
    if cpu.load(entry) >> 48 & 0xFFFF == SHN_UNDEF:
        return 0
    return cpu.load(entry + ST_VALUE)


@kernel
def mod_find_symname(cpu: Cpu, mod: int, name: int) -> int:
    """Address of the symbol of `mod` with this name, or 0."""
    symtab = cpu.load(mod + SYMTAB)
    strtab = cpu.load(mod + STRTAB)
    for index in range(cpu.load(mod + NUM_SYMTAB)):
        if strcmp(cpu, strtab + (cpu.load(symtab + index * SYM_BYTES) & 0xFFFF_FFFF), name) == 0:
            return value_of_symbol(cpu, mod, index)
    return 0


@kernel
def module_kallsyms_lookup_name(cpu: Cpu, modname: int, name: int) -> int:
    """Walk the modules, with no lock, for a symbol of this name; its address, or 0.

    With a `modname` (0: none) only the module of that name is searched, as for the kernel's "mod:sym".
    """
    mod = first_module(cpu)
    walked = 0
    while mod != MODULES:
        if modname == 0 or strcmp(cpu, mod + NAME, modname) == 0:
            value = mod_find_symname(cpu, mod, name)
            if value != 0:
                return value
        walked += 1
        mod = next_module(cpu, mod, walked)
    return 0


@kernel
def put_line(cpu: Cpu, mod: int, index: int, symbol: int) -> None:
    """Fill `symbol` with symbol `index` of `mod`: name copied, address, raw pointer to the module's name."""
    cpu.store(symbol + SYMBOL_VALUE, value_of_symbol(cpu, mod, index))
    cpu.store(symbol + SYMBOL_MODNAME, mod + NAME)
    strncpy(cpu, symbol, name_of_symbol(cpu, mod, index), KSYM_NAME_LEN)


@kernel
def get_kallsym(cpu: Cpu, index: int, symbol: int) -> bool:
    """Line `index` of /proc/kallsyms into `symbol`, if there is one; holds module_mutex."""
    mod = cpu.load(MODULES + NEXT)
    while mod != MODULES:
        count = cpu.load(mod + NUM_SYMTAB)
        if index < count:
            put_line(cpu, mod, index, symbol)
            return True
        index -= count
        mod = cpu.load(mod + NEXT)
    return False


@kernel
def module_get_kallsym(cpu: Cpu, index: int, symbol: int) -> bool:
    """`get_kallsym` under module_mutex. Nothing protects the pointer to the module's name once this returns."""
    down(cpu, MODULE_MUTEX)
    found = get_kallsym(cpu, index, symbol)
    up(cpu, MODULE_MUTEX)
    return found
