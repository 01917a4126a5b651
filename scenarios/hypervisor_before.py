"""Before the patch, on a machine whose hypervisor takes cores away: what looks adjacent is far apart in time.

As `modlist_spinlock`, with gaps of 200 microseconds at any access of any CPU: between two stores of list_del,
between a look at a pointer and its use.

Source: the patch's point (6).
"""

from fractions import Fraction

from stress import Hardware, Program, Scenario
from stress.kernel.modlist import LOCKED
from stress.programs.modprobe import modprobe_under
from stress.programs.read_symbol import kallsyms_reader

SCENARIO = Scenario(
    name="hypervisor_before",
    claim="a spinlock around list changes is enough where a hypervisor takes CPUs away at any time",
    source="ppc64 before the patch; its point (6)",
    point="6",
    protocol=LOCKED,
    programs=(Program("modprobe", modprobe_under, cpus=1, writes=True), Program("kallsyms", kallsyms_reader)),
    hardware=Hardware(gap=Fraction(1, 20_000), gap_s=200e-6),
    expect="violated",
    learnt="gaps widen every window",
)
