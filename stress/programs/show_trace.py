"""The reader of a stack trace, which an NMI or an oops prints: it asks which words of the stack are text addresses.

Each word that may be a return address is looked for in every module (kernel/module.c, __module_text_address), with
no lock. So most of these walks go through the whole list.
"""

from stress.judge.lookups import (
    TARGET_ADDRESS,
    TARGET_MODNAME,
    draw_anywhere,
    draw_next_to_go,
    judge_absence,
    judge_text,
    listed,
)
from stress.kernel.kallsyms import KSYM_NAME_LEN, NMI_NAMEBUF, first_module, next_module, within
from stress.kernel.string import strncpy
from stress.kernel.struct_module import CORE_SIZE, MODULE_CORE, MODULES, NAME
from stress.machine.loop import UNJUDGED
from stress.machine.seam import Cpu, kernel
from stress.machine.words import BOUND, WRITERS

SLOW_YIELDS = 32


@kernel
def core_of_next(cpu: Cpu) -> int:
    """Start of the core range of a module that a writer unloads next: there the race is."""
    return cpu.peek(cpu.peek(draw_next_to_go(cpu) + TARGET_MODNAME) - NAME + MODULE_CORE)


@kernel
def dawdle(cpu: Cpu) -> None:
    """Yield the core 32 times, so that other CPUs get far meanwhile; stop at power-off, which no yield notices."""
    for _ in range(SLOW_YIELDS):
        if cpu.peek(BOUND) == 0:
            return
        cpu.yield_core()


@kernel
def module_text_address(cpu: Cpu, address: int, slow_core: int) -> int:
    """The module that covers `address`, or 0. The walk dawdles at the module whose core starts at `slow_core`."""
    mod = first_module(cpu)
    walked = 0
    while mod != MODULES:
        core = cpu.load(mod + MODULE_CORE)
        if core == slow_core:
            dawdle(cpu)
        if within(address, core, cpu.load(mod + CORE_SIZE)):
            return mod
        walked += 1
        mod = next_module(cpu, mod, walked)
    return 0


@kernel
def show_trace(cpu: Cpu) -> int:
    """One operation: find the module of an address that may be anywhere, and print its name; the outcome."""
    target = draw_anywhere(cpu)
    slow_core = core_of_next(cpu)
    listed_before = listed(cpu, target)
    cpu.barrier()
    mod = module_text_address(cpu, cpu.peek(target + TARGET_ADDRESS), slow_core)
    if mod == 0:
        return judge_absence(cpu, target, listed_before)
    strncpy(cpu, cpu.area + NMI_NAMEBUF, mod + NAME, KSYM_NAME_LEN)
    return judge_text(cpu, cpu.peek(target + TARGET_MODNAME), cpu.area + NMI_NAMEBUF)


@kernel
def nmi_of_readers(cpu: Cpu) -> int:
    """`show_trace` as an NMI handler of CPUs that are not writers: writers would do little else than take NMIs."""
    return UNJUDGED if cpu.number < cpu.peek(WRITERS) else show_trace(cpu)
