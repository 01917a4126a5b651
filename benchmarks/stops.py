"""A scenario for the stop latency alone: one CPU stops and restarts the machine without pause, the others look up.

It is in no catalogue: it has no guarantee to test. `benchmarks/ours.py` runs it and its kin without a writer.
"""

from stress.kernel.stop_machine import restart_machine, stop_machine
from stress.machine.loop import UNJUDGED
from stress.machine.seam import Cpu, kernel
from stress.programs.read_symbol import kallsyms_reader
from stress.scenario import Program, Scenario


@kernel
def stopper(cpu: Cpu) -> int:
    """Stop the machine and let it go."""
    stop_machine(cpu)
    restart_machine(cpu)
    return UNJUDGED


STOPS = Scenario(
    name="bench_stops",
    claim="none: measures how long a stop takes",
    source="benchmarks",
    programs=(Program("stopper", stopper, cpus=1, writes=True), Program("kallsyms", kallsyms_reader)),
    expect="inconclusive",
)

READERS = Scenario(
    name="bench_readers",
    claim="none: measures lookups that nothing disturbs",
    source="benchmarks",
    programs=(Program("kallsyms", kallsyms_reader),),
    expect="inconclusive",
)
