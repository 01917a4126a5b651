"""The patch of 2005: writers change the structure while every other CPU spins; readers do nothing at all.

A reader may use what it found until it reschedules: every stop waits for each CPU to come to a safepoint.
"""

from stress.kernel.protocol import Protocol
from stress.kernel.stop_machine import restart_machine, stop_machine
from stress.machine.loop import mark_edge
from stress.machine.seam import Cpu, kernel
from stress.machine.slab import kfree


@kernel
def end_stop(cpu: Cpu) -> None:
    """Let the machine go on. The edge inside the stop is for NMI handlers, which run during a stop too."""
    mark_edge(cpu)
    restart_machine(cpu)


UNSTOPPED = Protocol(
    "stop_machine_skipped",
    claim="broken: writers change the structure while readers run",
    source="Rusty Russell's and David Howells' thread on the patch: what it cures",
)
STOP_MACHINE = Protocol(
    "stop_machine",
    write_lock=stop_machine,
    write_unlock=end_stop,
    retire=kfree,
    claim="writers change the structure under stop_machine: what a reader found is valid until it reschedules",
    source="David Howells' patch of 2005",
    lacking=UNSTOPPED,
)
