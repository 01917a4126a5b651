"""From a name to an address, in the patched kernel: module_kallsyms_lookup_name walks the list with no lock too.

Source: the patch; kernel/module.c in 2.6.11.
"""

from stress import Program, Scenario
from stress.programs.modprobe import modprobe_under
from stress.programs.read_names import lookup_name_reader

SCENARIO = Scenario(
    name="lookup_name",
    claim="looking an address up by a symbol's name is as safe under the patch as the other way round",
    source="the patch; kernel/module.c",
    point="cure",
    programs=(Program("modprobe", modprobe_under, cpus=1, writes=True), Program("lookup_name", lookup_name_reader)),
    expect="held",
    twin="lookup_name_locked",
    learnt="the patch covers both directions",
)
