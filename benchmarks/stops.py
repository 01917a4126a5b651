"""Scenarios that are in no catalogue, having no guarantee to test: stops without pause, lookups without a writer.

`benchmarks/ours.py` runs them.
"""

from fractions import Fraction

import attrs

from stress.kernel.stop_machine import restart_machine, stop_machine
from stress.machine.loop import UNJUDGED
from stress.machine.seam import Cpu, kernel
from stress.programs.read_symbol import kallsyms_reader, nmi_reader
from stress.scenario import Hardware, Program, Scenario

SELDOM = Fraction(1, 10**9)


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

INTERRUPTS = attrs.evolve(READERS, name="bench_interrupts", hardware=Hardware(interrupt=SELDOM))
NMIS = attrs.evolve(READERS, name="bench_nmis", hardware=Hardware(nmi=SELDOM, nmi_handler=nmi_reader))
UNMAPPED = attrs.evolve(READERS, name="bench_unmapped", fate="unmapped")

BENCHED = {"stops": STOPS, "readers": READERS, "interrupts": INTERRUPTS, "nmis": NMIS, "unmapped": UNMAPPED}
"""By what `benchmarks/ours.py` calls them."""
