"""A writer sits on module_mutex and modlist_lock until readers have made progress: readers that lock never do.

The twin of `parked_writer`: the same, but each lookup takes modlist_lock.

Source: the patch's point (1).
"""

from stress import Program, Scenario
from stress.kernel.spinlock import spin_lock, spin_unlock
from stress.kernel.struct_module import MODLIST_LOCK
from stress.machine.seam import Cpu, kernel
from stress.programs.parked import count_lookup, modprobe_parked
from stress.programs.read_symbol import kallsyms_reader


@kernel
def reader(cpu: Cpu) -> int:
    """A lookup under modlist_lock, counted."""
    spin_lock(cpu, MODLIST_LOCK)
    outcome = kallsyms_reader(cpu)
    spin_unlock(cpu, MODLIST_LOCK)
    count_lookup(cpu)
    return outcome


SCENARIO = Scenario(
    name="parked_writer_locked",
    claim="kallsyms readers may take modlist_lock and still finish while a writer holds it",
    source="the patch's point (1)",
    point="1",
    programs=(Program("modprobe", modprobe_parked, cpus=1, writes=True), Program("kallsyms", reader)),
    expect="stalled",
    learnt="writer and readers wait for each other: what an oops report must never do",
)
