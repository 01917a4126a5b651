"""CPUs that a monitor of a run can watch, without a run."""

from random import Random

from stress.marks.operations.cpu import Signals, StressCpu
from stress.marks.operations.player import Player
from stress.marks.operations.roles import Duty, Role


def players(count: int) -> list[Player]:
    """CPUs that are in their first operation."""
    role = Role(lambda cpu: None, Duty.WRITER, None)
    return [Player(StressCpu(one, role.name, Random(1), Signals()), role) for one in range(count)]
