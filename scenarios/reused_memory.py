"""Before the patch, where freed memory is neither poisoned nor unmapped, but given to the next module at once.

vmalloc hands the range that was freed last to the next module of its size. A stale pointer then reads a module
that is whole, only another one: nothing crashes, and the answer is wrong.

Source: mm/vmalloc.c, which module memory comes from; the patch's point (5).
"""

from stress import Program, Scenario
from stress.kernel.modlist import LOCKED
from stress.programs.modprobe import modprobe_under
from stress.programs.read_symbol import kallsyms_reader

SCENARIO = Scenario(
    name="reused_memory",
    claim="freed modules do no harm as long as their memory stays readable",
    source="2.6.11-rc1 and before, with the memory that modules have there",
    point="2",
    protocol=LOCKED,
    programs=(Program("modprobe", modprobe_under, cpus=1, writes=True), Program("kallsyms", kallsyms_reader)),
    fate="reused",
    expect="violated",
    learnt="without poison most damage is foreign data: torn and alien names, not oopses",
)
