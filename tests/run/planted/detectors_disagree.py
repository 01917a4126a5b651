"""A planted fault of the harness: detectors that contradict each other."""

from stress import Program, Scenario
from stress.judge.outcomes import Code
from stress.machine.loop import disagree
from stress.machine.seam import Cpu, kernel

POISONED = int(Code.POISONED)


@kernel
def contradict(cpu: Cpu) -> int:
    """An operation that is judged poisoned, though nobody freed anything."""
    disagree(cpu)
    cpu.sleep(1_000_000)
    return POISONED


SCENARIO = Scenario(
    name="detectors_disagree",
    claim="the harness notices its own faults",
    source="planted",
    programs=(Program("contradictor", contradict),),
    expect="violated",
)
