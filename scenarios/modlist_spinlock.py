"""Before the patch: the module list changes under a spinlock that kallsyms does not take.

Linux up to 2.6.11-rc1 linked and unlinked modules under modlist_lock (`link_locked` and `unlink_locked` in
stress/kernel/modlist.py). kallsyms walks the same list with no lock at all, since an oops handler must be able
to call it. So the lock keeps writers from each other and nothing from the readers: rmmod frees a module that a
lookup is reading, and the lookup steps onto poison, into the next module's memory, or copies a name that is no
name.

Source: David Howells, "Fix kallsyms/insmod/rmmod race [try #2]", 28 January 2005, points (1) to (4).
"""

from stress import Program, Scenario
from stress.kernel.modlist import LOCKED
from stress.programs.modprobe import modprobe_under
from stress.programs.read_symbol import kallsyms_reader

SCENARIO = Scenario(
    name="modlist_spinlock",
    claim="a spinlock around link and unlink protects kallsyms readers, who take no lock",
    source="2.6.11-rc1 and before; the patch's points (1) to (4)",
    point="2",
    protocol=LOCKED,
    programs=(Program("modprobe", modprobe_under, cpus=1, writes=True), Program("kallsyms", kallsyms_reader)),
    expect="violated",
    learnt="a lock that readers do not take protects writers only: every kind of wrong answer is seen",
)
