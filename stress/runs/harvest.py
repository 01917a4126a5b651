"""What becomes of a machine that is off: its counts and reports are added to those of its scenario."""

import attrs

from stress.judge.harvest import Slice, harvest
from stress.judge.tally import Tally
from stress.judge.violation import Violation
from stress.machine.inspection import inspect_free_blocks
from stress.machine.ram import Ram
from stress.machine.stacks import shown
from stress.machine.waits import Stall
from stress.machine.words import END_STACK


def stacks_of(ram: Ram) -> list[tuple[str, ...]]:
    """The stack that each CPU was in at power-off; empty where it was at no access."""
    return [shown(ram.stack(ram.map.log(number) + END_STACK, number)) for number in range(ram.map.cpus)]


@attrs.define
class Harvest:
    """The results of a scenario's machines so far. `reports` has the first violation of each outcome."""

    tally: Tally = attrs.field(factory=Tally)
    stall: Stall | None = None
    reports: tuple[Violation, ...] = ()

    def add(self, of: Slice, seconds: float, stall: Stall | None) -> None:
        """Add a machine that ran for `seconds` and is off, and how it stalled, if it did."""
        # What nobody allocates again is looked at now: its poison may have been written over.
        inspect_free_blocks(of.ram)
        if stall:
            self.stall = stall.with_stacks(stacks_of(of.ram))
        self.reports = harvest(of, self.reports)
        self.tally.add(of.ram, of.outcomes, of.started_ns, seconds)
