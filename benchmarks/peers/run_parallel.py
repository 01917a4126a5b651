"""The test that pytest-run-parallel runs in all its threads: the first is the writer, the others are readers.

`python -m benchmarks.marks` runs it and gives it its race and witness; pytest does not collect it by itself.
"""

from benchmarks.peers.races import Race
from benchmarks.witness import WRITERS, Witness

TIMES = 10_000
"""How often each thread calls its body in one iteration: of 1 to 100,000 those that find most, and soonest."""


def test_race(race: Race, witness: Witness, seen: set[int], thread_index: int) -> None:
    """One iteration in one thread, until the witness has seen enough; `seen` has the index of each thread."""
    seen.add(thread_index)
    if not witness.is_over():
        witness.turn(race.write if thread_index < WRITERS else race.read, TIMES)
