"""The test that pytest-run-parallel runs in all its threads.

`python -m benchmarks.marks` runs it and gives it what each thread does; pytest does not collect it by itself.
"""

from collections.abc import Callable

TIMES = 10_000
"""How often each thread calls its body in one iteration: of 1 to 100,000 those that find most, and soonest."""


def test_shape(call: Callable[[int], None], seen: set[int], thread_index: int) -> None:
    """One iteration in one thread, until the witness has seen enough; `seen` has the index of each thread."""
    seen.add(thread_index)
    call(thread_index)
