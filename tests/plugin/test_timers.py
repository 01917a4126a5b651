"""Timers that end the waits of CPUs: who waits for one has not stalled; who waits for one after the other has."""

import asyncio
import sys
import threading
from collections.abc import Hashable

import pytest

from stress.host import clocks
from stress.marks.crews import run_end
from stress.marks.crews.loops import LoopTimers
from stress.marks.crews.monitor import Monitor, ThreadSample
from stress.marks.crews.timers import Timeouts, Timers
from stress.marks.noise import expressions
from tests.plugin.noisy import notes
from tests.plugin.watching import players

pytestmark = pytest.mark.threads

SMALL = ("-p", "no:cacheprovider", "-p", "no:hypothesispytest", "-W", "error", "--stress-duration", "100ms")

BODY = """
    import asyncio, queue, threading, time
    import pytest

    @pytest.mark.stress
    def test_it(stress):
        jobs, event = queue.Queue(), threading.Event()

        @stress.thread
        {define} use(cpu):
            try:
                {body}
            except queue.Empty:
                pass

        stress.run()
"""


def run(pytester: pytest.Pytester, body: str) -> pytest.RunResult:
    """Run one test whose threads, two of them, have a body."""
    pytester.makepyfile(BODY.format(body=body, define="async def" if "await" in body else "def"))
    return pytester.runpytest_inprocess(*SMALL, "--stress-cpus", "2")


@pytest.mark.usefixtures("until_sure")
@pytest.mark.parametrize("body", ["jobs.get(timeout=1.2)", "time.sleep(1.2)", "await asyncio.sleep(1.2)"])
def test_threads_that_all_wait_for_long_have_not_stalled_if_each_wait_has_an_end(
    pytester: pytest.Pytester, body: str
) -> None:
    result = run(pytester, body)
    result.assert_outcomes(passed=1)
    assert notes(result) == []


@pytest.mark.usefixtures("collected", "until_sure")
@pytest.mark.parametrize("body", ["event.wait(60)", "await asyncio.sleep(60)"])
def test_threads_whose_waits_end_after_the_run_are_notes(
    pytester: pytest.Pytester, monkeypatch: pytest.MonkeyPatch, body: str
) -> None:
    monkeypatch.setattr(run_end, "LONGEST_GRACE_SECONDS", 1.0)
    result = run(pytester, body)
    result.assert_outcomes(failed=1)
    assert "INCONCLUSIVE: none of 2 operations overlapped" in result.stdout.str()
    assert len(notes(result)) == 2


@pytest.mark.usefixtures("until_sure")
def test_threads_that_look_again_and_again_whether_they_may_go_on_have_stalled(
    pytester: pytest.Pytester, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(run_end, "LONGEST_GRACE_SECONDS", 2.0)
    result = run(pytester, "while not event.wait(0.4): pass")
    result.assert_outcomes(failed=1)
    assert "STALLED: 2 of 2 CPUs do not end their operation" in result.stdout.str()


class Calls:
    """What calls that wait look like: each returns the timeout that the source of its caller shows."""

    seconds = 4.5

    def acquire(self, blocking: bool = True, timeout: float = -1) -> float | None:
        return expressions.timeout(sys._getframe(1))

    sleep = join = get = other = acquire


def test_the_timeout_of_a_call_is_read_from_its_source() -> None:
    calls, seconds = Calls(), 2.5
    sleep = calls.sleep
    assert calls.acquire(True, 3) == 3.0
    assert calls.acquire(timeout=seconds) == 2.5
    assert calls.get(True, calls.seconds) == 4.5
    assert (calls.sleep(3), calls.join(1)) == (3.0, 1.0)  # type: ignore[arg-type]
    assert sleep(seconds) == 2.5  # type: ignore[arg-type]
    # no timeout, one that is for ever, and what the source alone does not show
    assert (calls.acquire(), calls.acquire(True, -1), calls.other(True, 3)) == (None, None, None)
    assert calls.acquire(True, seconds + 1) is None


def test_a_timeout_counts_from_the_first_look_and_each_operation_has_its_own() -> None:
    event, now, still = threading.Event(), [0.0], [True]
    thread = threading.Thread(target=event.wait, args=(60,), daemon=True)
    thread.start()
    [player] = players(1)
    timeouts = Timeouts([player], lambda number: thread, lambda number: still[0], lambda: now[0])
    try:
        while not (first := timeouts.left()):
            clocks.sleep(0.001)
        now[0] = 59.0
        assert timeouts.left() == dict.fromkeys(first, 1.0)
        now[0] = 60.0
        assert timeouts.left() == {}
        player.operations += 1
        assert list(timeouts.left().values()) == [60.0]
        still[0] = False
        assert timeouts.left() == {}
    finally:
        event.set()
        thread.join()


def test_once_an_operation_has_ended_the_next_one_may_wait_as_long() -> None:
    left: dict[Hashable, float] = {"the first": 60.0}
    [player] = watched = players(1)
    watching = Monitor(watched, lambda number: ThreadSample(), timers=Timers(lambda: left))
    watching.sample()
    assert (watching.timers.pend(), watching.timers.stand) == (True, True)
    del left["the first"]
    left["the second"] = 60.0
    assert (watching.timers.pend(), watching.timers.stand) == (True, False)
    player.operations += 1
    watching.sample()
    assert (watching.timers.pend(), watching.timers.stand) == (True, True)


def test_a_timer_ends_a_wait_only_if_it_is_not_one_of_many() -> None:
    loop = asyncio.new_event_loop()
    try:
        timers = Timers(LoopTimers(lambda: loop).left)
        loop.call_later(0.01, bool)
        assert (timers.pend(), timers.stand) == (False, False)
        timers = Timers(LoopTimers(lambda: loop).left)
        first = loop.call_later(60, bool)
        assert (timers.pend(), timers.stand) == (True, True)
        loop.call_later(60, bool)
        first.cancel()
        assert (timers.pend(), timers.stand) == (True, False)
    finally:
        loop.close()


class Clocked:
    """An event loop with one timer, as far as its timers are looked at."""

    def __init__(self) -> None:
        self.now = 0.0
        self._scheduled = [asyncio.TimerHandle(60.0, bool, (), self)]  # type: ignore[arg-type]

    def time(self) -> float:
        return self.now

    def get_debug(self) -> bool:
        return False

    def timers(self) -> Timers:
        return Timers(LoopTimers(lambda: self).left, clock=self.time)  # type: ignore[arg-type,return-value]


def test_what_a_timer_has_woken_gets_a_moment_to_run() -> None:
    loop = Clocked()
    timers = loop.timers()
    seen = []
    for now in (0.0, 59.9, 60.01, 61.0):
        loop.now = now
        loop._scheduled = [one for one in loop._scheduled if one.when() > now]
        seen.append(timers.pend())
    assert seen == [True, True, True, False]


def test_a_timer_that_was_far_off_in_the_run_pends_at_its_end() -> None:
    loop = Clocked()
    watching = Monitor(players(1), lambda number: ThreadSample(), timers=loop.timers())
    watching.sample()  # the first one sees that the operation has begun
    watching.sample()
    loop.now = 59.9
    assert watching.timers.pend()


def test_without_a_loop_there_are_no_timers() -> None:
    timers = Timers()
    assert (timers.pend(), timers.stand) == (False, False)
