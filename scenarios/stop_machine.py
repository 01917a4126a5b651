"""The patch: the module list changes only while stop_machine holds every other CPU.

`link_stopped` and `unlink_stopped` in stress/kernel/modlist.py are the patch. A CPU joins a stop only at a
safepoint, between two operations. So no lookup is under way while a module is linked or unlinked, and one that
starts afterwards cannot reach what is about to be freed. No lock is taken for the list itself: nothing else runs.

Source: David Howells, "Fix kallsyms/insmod/rmmod race [try #2]", 28 January 2005; Linux 2.6.11.
"""

from stress import Program, Scenario
from stress.programs.modprobe import modprobe_under
from stress.programs.read_symbol import kallsyms_reader

SCENARIO = Scenario(
    name="stop_machine",
    claim="linking and unlinking under stop_machine makes every lookup give a whole, live name",
    source="the patch, in Linux 2.6.11",
    point="cure",
    programs=(Program("modprobe", modprobe_under, cpus=1, writes=True), Program("kallsyms", kallsyms_reader)),
    expect="held",
    twin="modlist_spinlock",
    learnt="readers that take no lock and may not be preempted are safe if the list changes while they all stand still",
)
