"""The patch, with NMIs that look symbols up, also on a CPU that is stopped: some of them see half a list_del.

Nothing masks an NMI, so a stop does not keep its handler from the list. An NMI that stands on the entry when
list_del poisons its links steps on to LIST_POISON1. Nothing else goes wrong: the CPU acknowledges the end of the
stop after its NMI, and the module is freed after that; before list_del's second store the entry's way on is
whole, and after it nobody new comes upon the entry.

Source: the patch says nothing of NMIs; kallsyms is called from them on i386 and x86_64.
"""

from fractions import Fraction

from stress import Hardware, Program, Scenario
from stress.programs.idle import cpu_idle
from stress.programs.modprobe import modprobe_under
from stress.programs.show_trace import nmi_of_readers

SCENARIO = Scenario(
    name="nmi_stopped",
    claim="the patch protects NMI handlers that look symbols up, also on a stopped CPU",
    source="a gap in the patch; NMI handlers of i386 and x86_64",
    point="unsaid",
    programs=(Program("modprobe", modprobe_under, cpus=1, writes=True), Program("idle", cpu_idle)),
    hardware=Hardware(nmi=Fraction(1, 10), nmi_handler=nmi_of_readers),
    expect="violated",
    learnt="NMIs that stand on the entry step to LIST_POISON1; no NMI ever read freed memory",
)
