"""Before the patch, where freed memory is unmapped at once, as vfree does with modules: the first touch faults.

No poison is ever copied. The reader oopses, in the midst of an oops report; or the next module was mapped at the
same address meanwhile, and it copies a foreign name.

Source: mm/vmalloc.c, which module memory comes from; the patch's point (1).
"""

from stress import Program, Scenario
from stress.kernel.modlist import LOCKED
from stress.programs.modprobe import modprobe_under
from stress.programs.read_symbol import kallsyms_reader

SCENARIO = Scenario(
    name="unmapped_memory",
    claim="a reader that comes too late notices nothing worse than a wrong name",
    source="2.6.11-rc1 and before, with the memory that modules have there",
    point="2",
    protocol=LOCKED,
    programs=(Program("modprobe", modprobe_under, cpus=1, writes=True), Program("kallsyms", kallsyms_reader)),
    fate="unmapped",
    expect="violated",
    learnt="a late read is a second oops, or meets the next module at the same address; poison is never seen",
)
