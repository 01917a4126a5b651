"""Outcomes of a scenario's own, whose codes are allotted: a reader that returns them in turn."""

from stress import Outcome, Program, Scenario
from stress.machine.random import prandom
from stress.machine.seam import Cpu, kernel
from stress.programs.modprobe import modprobe_under

OWN = Outcome.table(odd=("acceptable", "drew an odd number"), even=("forbidden", "drew an even number"))
ODD, EVEN = OWN["odd"].code, OWN["even"].code


@kernel
def reader(cpu: Cpu) -> int:
    """Draw a number."""
    return ODD if prandom(cpu, 2) == 1 else EVEN


SCENARIO = Scenario(
    name="own_outcomes",
    claim="no number is even",
    source="planted",
    programs=(Program("modprobe", modprobe_under, cpus=1, writes=True), Program("draw", reader)),
    outcomes=OWN,
    expect="violated",
)
