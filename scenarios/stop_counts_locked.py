"""The same counts asked of the kernel before the patch: only rmmod's first stop is there.

The twin of `stop_counts`: it shows that the count would be seen to be wrong.

Source: 2.6.11-rc1, kernel/module.c.
"""

from stress import Program, Scenario
from stress.judge.outcomes import with_more
from stress.kernel.modlist import LOCKED
from stress.programs.count_stops import count_stops_under
from stress.programs.read_symbol import kallsyms_reader

SCENARIO = Scenario(
    name="stop_counts_locked",
    claim="the kernel before the patch stops the machine as often as the patched one",
    source="2.6.11-rc1 and before",
    point="cure",
    protocol=LOCKED,
    programs=(Program("modprobe", count_stops_under, cpus=1, writes=True), Program("kallsyms", kallsyms_reader)),
    outcomes=with_more("miscounted", "right"),
    expect="violated",
    learnt="before the patch insmod stops nothing and rmmod stops once",
)
