"""The turns of tasks between operations: a task runs ahead of the others, but neither long nor in every slice."""

import re
from itertools import count, takewhile
from pathlib import Path
from random import Random

import pytest

from stress.host import clocks
from stress.marks.noise import noise_summary
from stress.marks.noise.code_under_test import CodeUnderTest
from stress.marks.noise.noise import Noise
from stress.marks.noise.switches import IN_TASKS, TASK_KINDS, Kind, NoiseCounts
from stress.marks.noise.turns import LONGEST_RUN_SECONDS, MOST_AHEAD, Turns

pytestmark = pytest.mark.threads

SMALL = ("-p", "no:cacheprovider", "-p", "no:hypothesispytest", "--stress-duration", "500ms", "--stress-seed", "1")
QUEUE = """
    import asyncio
    import collections
    import pytest

    class Overfull:
        '''A queue of two. Who waits for room does not look again: it may have gone meanwhile.'''

        def __init__(self):
            self.items, self.room, self.there = collections.deque(), asyncio.Event(), asyncio.Event()

        async def wait_for_room(self):
            if len(self.items) >= 2:
                self.room.clear()
                await self.room.wait()

        async def put(self, one):
            await self.wait_for_room()
            self.items.append(one)
            self.there.set()
            return len(self.items)

        async def get(self):
            while not self.items:
                self.there.clear()
                await self.there.wait()
            self.items.popleft()
            self.room.set()

    class Bounded(Overfull):
        async def wait_for_room(self):
            while len(self.items) >= 2:
                await super().wait_for_room()

    @pytest.mark.stress
    @pytest.mark.parametrize("kind", [Overfull, Bounded])
    def test_it(stress, kind):
        queue = kind()

        @stress.tasks(count=2)
        async def put(cpu):
            return "fits" if await queue.put(1) <= 2 else "overfull"

        @stress.tasks
        async def get(cpu):
            await queue.get()

        stress.run({"fits"})
"""


def test_a_queue_that_is_full_only_if_tasks_run_ahead_overfills_and_its_twin_holds(pytester: pytest.Pytester) -> None:
    pytester.makepyfile(QUEUE)
    result = pytester.runpytest_inprocess(*SMALL, "-W", "error")
    result.assert_outcomes(failed=1, passed=1)
    out = result.stdout.str()
    assert "test_it[4cpus-Overfull]" in out
    assert re.search(
        r"noise: switches at awaits, lines and instructions: \S+ [\d,]+; [\d,]+ operations ran ahead of the other", out
    )


@pytest.mark.parametrize("kind", TASK_KINDS)
def test_a_task_never_runs_ahead_for_long_and_in_bare_slices_never(kind: Kind, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(clocks, "monotonic_ns", int)
    one = Turns(Random(1), counts := NoiseCounts())
    rows = [sum(1 for _ in takewhile(one.goes_on, iter(lambda: kind, None))) for _ in range(2000)]
    assert max(rows) == (0 if kind is Kind.BARE else MOST_AHEAD - 1)
    assert min(rows) == 0 or kind is Kind.DELAYS
    assert sum(rows) == counts.ahead


def test_operations_that_take_long_are_done_in_turn(monkeypatch: pytest.MonkeyPatch) -> None:
    now = count(0, int(LONGEST_RUN_SECONDS * 1e9))
    monkeypatch.setattr(clocks, "monotonic_ns", lambda: next(now))
    one = Turns(Random(1), NoiseCounts())
    assert not any(one.goes_on(Kind.DELAYS) for _ in range(200))


def test_tasks_that_hardly_wait_are_not_told_to_name_the_code_under_test(tmp_path: Path) -> None:
    noise = Noise(CodeUnderTest(tmp_path), 1)
    noise.counts.where = IN_TASKS
    told = noise_summary.nothing_reached(noise)
    assert told.startswith("noise reached no code: hardly any await of a body waited, ")
    assert "stress_noise" not in told
