"""NMIs and nothing else to judge: the programs only work, the handlers say that they ran."""

from fractions import Fraction

from stress import Hardware, Program, Scenario
from stress.judge.outcomes import Code
from stress.machine.loop import UNJUDGED
from stress.machine.seam import Cpu, kernel
from stress.machine.words import AREAS

FOUND = int(Code.FOUND)


@kernel
def work(cpu: Cpu) -> int:
    """An operation that is not judged."""
    for word in range(16):
        cpu.load(AREAS + word * 8)
    return UNJUDGED


@kernel
def handle(cpu: Cpu) -> int:
    """A handler that did well."""
    return FOUND


SCENARIO = Scenario(
    name="nmis_alone",
    claim="NMIs are judged on their own",
    source="planted",
    programs=(Program("worker", work),),
    hardware=Hardware(nmi=Fraction(1, 50), nmi_handler=handle),
    expect="inconclusive",
)
