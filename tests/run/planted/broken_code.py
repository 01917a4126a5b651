"""A planted bug in a scenario's own code: an exception that no fault of the CPU explains."""

from stress import Program, Scenario
from stress.machine.seam import Cpu, kernel
from stress.machine.words import OPERATIONS


@kernel
def divider(cpu: Cpu) -> int:
    """Divide by zero in the first operation."""
    return 1 // cpu.peek(cpu.log + OPERATIONS)


SCENARIO = Scenario(
    name="broken_code",
    claim="none",
    source="planted",
    programs=(Program("divider", divider),),
    expect="held",
)
