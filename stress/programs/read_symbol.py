"""Readers that look up a symbol by its address, as an oops report does; the name that they get is judged."""

from collections.abc import Callable

from stress.judge.lookups import (
    TARGET_ADDRESS,
    TARGET_MODNAME,
    draw_target,
    judge_absence,
    judge_name,
    judge_text,
    listed,
)
from stress.kernel.kallsyms import (
    KSYM_NAME_LEN,
    MODNAMEBUF,
    NAMEBUF,
    NMI_NAMEBUF,
    SYMBOL_MODNAME,
    any_module,
    find_symbol_name,
    kallsyms_lookup,
)
from stress.kernel.string import strncpy
from stress.machine.random import prandom
from stress.machine.seam import Cpu, kernel

Lookup = Callable[[Cpu, int, int], bool]
Pause = Callable[[Cpu], None]

STEPS_A_STAY = 64
STAY_NANOSECONDS = 50_000
"""About the shortest sleep that Linux gives."""


@kernel
def linger(cpu: Cpu) -> None:
    """At one step in 64, sleep where the walk is, as a reader does whose core is taken away."""
    if prandom(cpu, STEPS_A_STAY) == 0:
        cpu.sleep(STAY_NANOSECONDS)


@kernel
def read_into(cpu: Cpu, lookup: Lookup, namebuf: int) -> int:
    """Look up a random target into `namebuf`; the outcome."""
    target = draw_target(cpu)
    # Read before the lookup begins, and compared after it: only a target that was listed all the while must be found.
    listed_before = listed(cpu, target)
    cpu.barrier()
    if lookup(cpu, cpu.peek(target + TARGET_ADDRESS), namebuf):
        return judge_name(cpu, target, namebuf)
    return judge_absence(cpu, target, listed_before)


@kernel
def read_symbol(cpu: Cpu, lookup: Lookup) -> int:
    """One operation: `lookup` of a target into this CPU's buffer; its outcome."""
    return read_into(cpu, lookup, cpu.area + NAMEBUF)


@kernel
def kallsyms_reader(cpu: Cpu) -> int:
    """The reader of most scenarios: one lookup as an oops report does it."""
    return read_symbol(cpu, kallsyms_lookup)


@kernel
def nmi_reader(cpu: Cpu) -> int:
    """The same as an NMI handler, which interrupts other code: into a buffer of its own."""
    return read_into(cpu, kallsyms_lookup, cpu.area + NMI_NAMEBUF)


@kernel
def no_pause(cpu: Cpu) -> None:
    """The pause of a reader that uses the answer of a lookup at once."""


@kernel
def read_pointer(cpu: Cpu, pause: Pause) -> int:
    """One operation as before the patch: kallsyms_lookup returns a pointer to the name; `pause`; then the copy."""
    target = draw_target(cpu)
    listed_before = listed(cpu, target)
    cpu.barrier()
    namebuf = cpu.area + NAMEBUF
    name = find_symbol_name(cpu, cpu.peek(target + TARGET_ADDRESS), namebuf, any_module)
    if name == 0:
        return judge_absence(cpu, target, listed_before)
    pause(cpu)
    strncpy(cpu, namebuf, name, KSYM_NAME_LEN)
    return judge_name(cpu, target, namebuf)


@kernel
def read_modname(cpu: Cpu, pause: Pause) -> int:
    """One operation: a lookup, then `pause`, then the copy of the module's name from the pointer that it returned."""
    target = draw_target(cpu)
    listed_before = listed(cpu, target)
    cpu.barrier()
    namebuf = cpu.area + NAMEBUF
    if not kallsyms_lookup(cpu, cpu.peek(target + TARGET_ADDRESS), namebuf):
        return judge_absence(cpu, target, listed_before)
    pause(cpu)
    strncpy(cpu, cpu.area + MODNAMEBUF, cpu.load(namebuf + SYMBOL_MODNAME), KSYM_NAME_LEN)
    return judge_text(cpu, cpu.peek(target + TARGET_MODNAME), cpu.area + MODNAMEBUF)
