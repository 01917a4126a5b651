"""Readers from names to addresses: of an address by its symbol's name, and of the lines of /proc/kallsyms."""

from collections.abc import Callable

from stress.judge.lookups import (
    TARGET_MODNAME,
    draw_next_to_go,
    draw_target,
    judge_absence,
    judge_address,
    judge_text,
    listed,
)
from stress.judge.names import length_of
from stress.kernel.kallsyms import KSYM_NAME_LEN, MODNAMEBUF, NAMEBUF, SYMBOL_VALUE
from stress.kernel.kallsyms_names import module_kallsyms_lookup_name
from stress.kernel.list import NEXT
from stress.kernel.stop_machine import down, schedule, up
from stress.kernel.struct_module import CORE_SIZE, IMAGE_MODULE, MODULE_CORE, MODULE_MUTEX, MODULES, NAME, NUM_SYMTAB
from stress.machine.loop import UNJUDGED
from stress.machine.notes import note_subject
from stress.machine.random import prandom
from stress.machine.seam import Cpu, kernel
from stress.programs.modprobe import NUM_SLOTS, SLOT_BYTES, SLOT_IMAGE, SLOTS

PLAIN_NAMES = 16
"""One lookup in so many names no module, and so searches all of them, which takes long."""

ReadLine = Callable[[Cpu, int, int], bool]


@kernel
def lookup_name_reader(cpu: Cpu) -> int:
    """One operation: look up a target's address by its name, 15 times of 16 by "mod:sym", which searches one module.

    A name that is too long for the target table, and was cut there, is not looked up.
    """
    target = draw_target(cpu)
    if length_of(cpu, target) == KSYM_NAME_LEN:
        return UNJUDGED
    cpu.copy_unchecked(cpu.area + NAMEBUF, target, KSYM_NAME_LEN + 1)
    listed_before = listed(cpu, target)
    cpu.barrier()
    modname = cpu.peek(target + TARGET_MODNAME) if prandom(cpu, PLAIN_NAMES) != 0 else 0
    address = module_kallsyms_lookup_name(cpu, modname, cpu.area + NAMEBUF)
    if address == 0:
        return judge_absence(cpu, target, listed_before)
    return judge_address(cpu, target, address)


@kernel
def modname_at(cpu: Cpu, address: int) -> int:
    """Address of the name, in its image, of the module whose core range covers `address`, or 0."""
    for slot in range(cpu.peek(NUM_SLOTS)):
        image = cpu.peek(cpu.peek(SLOTS) + slot * SLOT_BYTES + SLOT_IMAGE) + IMAGE_MODULE
        start = cpu.peek(image + MODULE_CORE)
        if start <= address < start + cpu.peek(image + CORE_SIZE):
            return image + NAME
    return 0


@kernel
def wait_in_buffer(cpu: Cpu) -> None:
    """Let time pass between finding a line and printing it, as when the reader of the file has to wait for a core."""
    schedule(cpu)
    schedule(cpu)


@kernel
def first_line_of(cpu: Cpu, core: int) -> int:
    """Index of the first line of the module whose core range starts at `core`; holds module_mutex."""
    mod = cpu.load(MODULES + NEXT)
    index = 0
    while mod != MODULES and cpu.load(mod + MODULE_CORE) != core:
        index += cpu.load(mod + NUM_SYMTAB)
        mod = cpu.load(mod + NEXT)
    return index


@kernel
def draw_line(cpu: Cpu) -> int:
    """Index of a random line of /proc/kallsyms, of a module that a writer unloads next."""
    image = cpu.peek(draw_next_to_go(cpu) + TARGET_MODNAME) - NAME
    down(cpu, MODULE_MUTEX)
    index = first_line_of(cpu, cpu.peek(image + MODULE_CORE))
    up(cpu, MODULE_MUTEX)
    return index + prandom(cpu, cpu.peek(image + NUM_SYMTAB))


@kernel
def proc_kallsyms_reader(cpu: Cpu, read_line: ReadLine) -> int:
    """One operation: read a line of /proc/kallsyms; the module's name at its end must fit the address at its start.

    `read_line` takes an index and a symbol buffer, and copies the module's name into MODNAMEBUF.
    """
    symbol = cpu.area + NAMEBUF
    index = draw_line(cpu)
    note_subject(cpu, 0)
    if not read_line(cpu, index, symbol):
        return UNJUDGED
    expected = modname_at(cpu, cpu.peek(symbol + SYMBOL_VALUE))
    if expected == 0:
        return UNJUDGED
    return judge_text(cpu, expected, cpu.area + MODNAMEBUF)
