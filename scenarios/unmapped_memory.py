"""Before the patch, where freed memory is unmapped at once, as vfree does with modules: the first touch faults.

No poisoned, torn or foreign name is ever copied; the reader oopses instead, in the midst of an oops report.

Source: catalogue section 4; the patch's point (1).
"""

from stress import Program, Scenario
from stress.programs.modprobe import modprobe_locked
from stress.programs.read_symbol import kallsyms_reader

SCENARIO = Scenario(
    name="unmapped_memory",
    claim="a reader that comes too late notices nothing worse than a wrong name",
    source="2.6.11-rc1 and before, with the memory that modules have there",
    point="2",
    programs=(Program("modprobe", modprobe_locked, cpus=1, writes=True), Program("kallsyms", kallsyms_reader)),
    fate="unmapped",
    expect="violated",
    learnt="every late read is an oops: in the report of an oops, that is a second one",
)
