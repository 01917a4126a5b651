"""Readers the other way round: of addresses by a symbol's name, and of the lines of /proc/kallsyms."""

from collections.abc import Callable

from stress.judge.lookups import draw_target, judge_absence, judge_address, judge_text, listed
from stress.judge.names import length_of
from stress.kernel.kallsyms import KSYM_NAME_LEN, MODNAMEBUF, NAMEBUF, SYMBOL_VALUE
from stress.kernel.kallsyms_names import module_kallsyms_lookup_name
from stress.kernel.struct_module import CORE_SIZE, IMAGE_MODULE, MODULE_CORE, NAME
from stress.machine.loop import UNJUDGED
from stress.machine.random import prandom
from stress.machine.seam import Cpu, kernel
from stress.programs.modprobe import NUM_SLOTS, SLOT_BYTES, SLOT_IMAGE, SLOTS

LINES = 4096

ReadLine = Callable[[Cpu, int, int], bool]


@kernel
def lookup_name_reader(cpu: Cpu) -> int:
    """One operation: the address of a target by its name. A name that the target table had to cut is not looked up."""
    target = draw_target(cpu)
    if length_of(cpu, target) == KSYM_NAME_LEN:
        return UNJUDGED
    cpu.copy(cpu.area + NAMEBUF, target, KSYM_NAME_LEN + 1)
    listed_before = listed(cpu, target)
    cpu.barrier()
    address = module_kallsyms_lookup_name(cpu, cpu.area + NAMEBUF)
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
def proc_kallsyms_reader(cpu: Cpu, read_line: ReadLine) -> int:
    """One operation: a line of /proc/kallsyms; the module's name that it ends in must fit the address it begins with.

    `read_line` is given an index and a symbol buffer, and copies the module's name into MODNAMEBUF.
    """
    symbol = cpu.area + NAMEBUF
    if not read_line(cpu, prandom(cpu, LINES), symbol):
        return UNJUDGED
    expected = modname_at(cpu, cpu.peek(symbol + SYMBOL_VALUE))
    if expected == 0:
        return UNJUDGED
    return judge_text(cpu, expected, cpu.area + MODNAMEBUF)
