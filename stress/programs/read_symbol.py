"""A reader: look a symbol up by its address, as an oops report would, and judge the name that came back."""

from collections.abc import Callable

from stress.judge.lookups import TARGET_ADDRESS, draw_target, judge_absence, judge_name, listed
from stress.kernel.kallsyms import NAMEBUF, kallsyms_lookup
from stress.machine.notes import note_subject
from stress.machine.seam import Cpu, kernel


@kernel
def read_symbol(cpu: Cpu, lookup: Callable[[Cpu, int, int], bool]) -> int:
    """One operation: `lookup` of a target drawn at random into this CPU's buffer; its outcome."""
    target = draw_target(cpu)
    listed_before = listed(cpu, target)
    cpu.barrier()
    namebuf = cpu.area + NAMEBUF
    note_subject(cpu, target, namebuf)
    if lookup(cpu, cpu.peek(target + TARGET_ADDRESS), namebuf):
        return judge_name(cpu, target, namebuf)
    return judge_absence(cpu, target, listed_before)


@kernel
def kallsyms_reader(cpu: Cpu) -> int:
    """The reader of most scenarios: one lookup as an oops report does it."""
    return read_symbol(cpu, kallsyms_lookup)
