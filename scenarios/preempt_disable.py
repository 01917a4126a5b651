"""The patch, with readers that forbid preemption around the walk and the copy.

Interrupts come as in `preempted_reader`, but find preemption disabled until the name is in the caller's buffer.

Source: the patch's doubt; mended by 6dd06c9fbe0 in 2.6.25.
"""

from fractions import Fraction

from stress import Hardware, Program, Scenario
from stress.kernel.kallsyms import kallsyms_lookup
from stress.kernel.preempt import preempt_disable, preempt_enable
from stress.machine.seam import Cpu, kernel
from stress.programs.modprobe import modprobe_under
from stress.programs.read_symbol import read_symbol


@kernel
def lookup_undisturbed(cpu: Cpu, address: int, symbol: int) -> bool:
    """kallsyms_lookup with preemption off from its first step to its last."""
    preempt_disable(cpu)
    found = kallsyms_lookup(cpu, address, symbol)
    preempt_enable(cpu)
    return found


@kernel
def reader(cpu: Cpu) -> int:
    """A lookup that cannot be preempted."""
    return read_symbol(cpu, lookup_undisturbed)


SCENARIO = Scenario(
    name="preempt_disable",
    claim="preempt_disable around walk and copy makes the patch hold with preemption",
    source="Linux 2.6.25 (6dd06c9fbe0)",
    point="doubt",
    programs=(Program("modprobe", modprobe_under, cpus=1, writes=True), Program("kallsyms", reader)),
    hardware=Hardware(interrupt=Fraction(1, 500)),
    expect="held",
    twin="preempted_reader",
    learnt="two lines in the reader settle the patch's doubt",
)
