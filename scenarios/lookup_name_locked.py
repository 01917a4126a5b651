"""From a name to an address, before the patch: the walk compares names in modules that are being freed.

Source: 2.6.11-rc1, kernel/module.c; the patch's points (1) to (4).
"""

from stress import Program, Scenario
from stress.kernel.modlist import LOCKED
from stress.programs.modprobe import modprobe_under
from stress.programs.read_names import lookup_name_reader

SCENARIO = Scenario(
    name="lookup_name_locked",
    claim="a spinlock around list changes protects lookups by name",
    source="2.6.11-rc1 and before",
    point="2",
    protocol=LOCKED,
    programs=(Program("modprobe", modprobe_under, cpus=1, writes=True), Program("lookup_name", lookup_name_reader)),
    expect="violated",
    learnt="readers by name meet freed memory as readers by address do",
)
