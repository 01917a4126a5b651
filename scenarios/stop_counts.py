"""How often each way through insmod and rmmod stops the machine: rmmod twice, insmod once.

rmmod: 2 when all goes well, 1 when the module is in use (EWOULDBLOCK), none when there is no such module (ENOENT)
or it is not LIVE (EBUSY). insmod: 1 when all goes well, 2 when init() fails.

Source: the patch; kernel/module.c.
"""

from stress import Program, Scenario
from stress.judge.outcomes import with_more
from stress.kernel.modlist import STOPPED
from stress.programs.count_stops import count_stops_under
from stress.programs.read_symbol import kallsyms_reader

SCENARIO = Scenario(
    name="stop_counts",
    claim="rmmod stops the machine twice, insmod once, and each way that fails as often as it got",
    source="the patch; kernel/module.c",
    point="cure",
    protocol=STOPPED,
    programs=(Program("modprobe", count_stops_under, cpus=1, writes=True), Program("kallsyms", kallsyms_reader)),
    outcomes=with_more("miscounted", "right"),
    expect="held",
    twin="stop_counts_locked",
    learnt="six ways, six counts, as the patch has them",
)
