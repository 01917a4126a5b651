"""The patch, on a machine whose hypervisor takes cores away: stops wait for them, and nothing is read too late.

As `stop_machine`, with gaps of 200 microseconds at any access of any CPU, also of one that is stopped or that
changes the list. The price is the latency of the stops.

Source: the patch's point (6).
"""

from fractions import Fraction

from stress import Hardware, Program, Scenario
from stress.programs.modprobe import modprobe_under
from stress.programs.read_symbol import kallsyms_reader

SCENARIO = Scenario(
    name="hypervisor_after",
    claim="the patch holds where a hypervisor takes CPUs away at any time",
    source="Linux 2.6.11 with the patch; its point (6)",
    point="6",
    programs=(Program("modprobe", modprobe_under, cpus=1, writes=True), Program("kallsyms", kallsyms_reader)),
    hardware=Hardware(gap=Fraction(1, 20_000), gap_s=200e-6),
    expect="held",
    twin="hypervisor_before",
    learnt="the barrier waits for whoever is away: stops take longer, nothing else changes",
)
