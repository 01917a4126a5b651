"""The same as `equal.py`, slowed: a lookup in four is done twice and counted once, so that 4 of 5 are counted.

Source: none; the code is that of scenarios/modlist_spinlock.py.
"""

from stress import Program, Scenario
from stress.machine.random import prandom
from stress.machine.seam import Cpu, kernel
from stress.programs.modprobe import modprobe_locked
from stress.programs.read_symbol import kallsyms_reader


@kernel
def slow_reader(cpu: Cpu) -> int:
    """One operation: a lookup and, one time in four, another one before it that nobody hears of."""
    if prandom(cpu, 4) == 0:
        kallsyms_reader(cpu)
    return kallsyms_reader(cpu)


SCENARIO = Scenario(
    name="compared",
    claim="none: it is compared with what is not slowed",
    source="benchmarks",
    programs=(Program("modprobe", modprobe_locked, cpus=1, writes=True), Program("kallsyms", slow_reader)),
    expect="violated",
)
