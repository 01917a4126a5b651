"""Readers that forbid preemption for the walk, and copy the name after they allowed it again.

The pointer that the walk found is good only while preemption is off.

Source: mended by 6dd06c9fbe0 in 2.6.25.
"""

from fractions import Fraction

from stress import Hardware, Program, Scenario
from stress.kernel.kallsyms import KSYM_NAME_LEN, any_module, find_symbol_name
from stress.kernel.preempt import preempt_disable, preempt_enable
from stress.kernel.string import strncpy
from stress.machine.seam import Cpu, kernel
from stress.programs.modprobe import modprobe_under
from stress.programs.read_symbol import read_symbol


@kernel
def lookup_early(cpu: Cpu, address: int, symbol: int) -> bool:
    """kallsyms_lookup with preemption off for the walk only."""
    preempt_disable(cpu)
    name = find_symbol_name(cpu, address, symbol, any_module)
    preempt_enable(cpu)
    if name == 0:
        return False
    strncpy(cpu, symbol, name, KSYM_NAME_LEN)
    return True


@kernel
def reader(cpu: Cpu) -> int:
    """A lookup that can be preempted before its copy."""
    return read_symbol(cpu, lookup_early)


SCENARIO = Scenario(
    name="preempt_enable_early",
    claim="preempt_disable around the walk alone is enough",
    source="2.6.24, mended in 2.6.25 (6dd06c9fbe0)",
    point="doubt",
    programs=(Program("modprobe", modprobe_under, cpus=1, writes=True), Program("kallsyms", reader)),
    hardware=Hardware(interrupt=Fraction(1, 500)),
    expect="violated",
    learnt="the copy is part of the read: protection must last until it is done",
)
