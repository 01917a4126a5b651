"""A planted bug in a scenario's own code: an outcome that there cannot be."""

from stress import Program, Scenario
from stress.machine.seam import Cpu, kernel
from stress.machine.words import MOST_OUTCOMES


@kernel
def inventor(cpu: Cpu) -> int:
    """End in an outcome behind the last one."""
    return MOST_OUTCOMES


SCENARIO = Scenario(
    name="unknown_outcome",
    claim="none",
    source="planted",
    programs=(Program("inventor", inventor),),
    expect="held",
)
