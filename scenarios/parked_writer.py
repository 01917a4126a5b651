"""A writer sits on module_mutex and modlist_lock: lockless readers come to their end all the same.

Between its changes the writer holds both locks and lets go only when every other CPU has finished a lookup. If
readers needed either lock, nobody would ever move again.

Source: the patch's point (1); the locked twin is `parked_writer_locked`.
"""

from stress import Program, Scenario
from stress.machine.seam import Cpu, kernel
from stress.programs.parked import count_lookup, modprobe_parked
from stress.programs.read_symbol import kallsyms_reader


@kernel
def reader(cpu: Cpu) -> int:
    """A lookup with no lock, counted."""
    outcome = kallsyms_reader(cpu)
    count_lookup(cpu)
    return outcome


SCENARIO = Scenario(
    name="parked_writer",
    claim="kallsyms readers finish while a writer holds module_mutex and modlist_lock",
    source="the patch's point (1)",
    point="1",
    programs=(Program("modprobe", modprobe_parked, cpus=1, writes=True), Program("kallsyms", reader)),
    expect="held",
    twin="parked_writer_locked",
    learnt="no reader ever waited for a lock that the writer sat on",
)
