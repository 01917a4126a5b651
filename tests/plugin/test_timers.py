"""Timers that end the waits of CPUs: who waits for one has not stalled; who waits for one after the other has."""

import ast
import asyncio
import re
import runpy
import sys
import threading
from collections.abc import Hashable
from pathlib import Path

import pytest

from stress.host import clocks
from stress.host.threads import Flag
from stress.marks.crews import run_end
from stress.marks.crews.loops import LoopTimers
from stress.marks.crews.monitor import Monitor, ThreadSample
from stress.marks.crews.run_end import EndState, Helpers, RunEnd
from stress.marks.crews.timers import Timeouts, Timers
from stress.marks.noise import expressions
from stress.marks.noise.expressions import may_give_up
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
CROSSED = """
    import threading
    import pytest

    @pytest.mark.stress
    def test_it(stress):
        locks, both = [threading.Lock(), threading.Lock()], threading.Barrier(2)
        def cross(one, other):
            with one:
                both.wait()
                other.acquire(timeout=20)

        @stress.thread
        def use(cpu):
            cross(*locks[:: -1 if cpu.number else 1])

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
@pytest.mark.parametrize(
    "body", ["event.wait(60)", "await asyncio.sleep(60)", "event.wait(60 if cpu.number else None)"]
)
def test_it_is_unknown_whether_threads_stall_whose_waits_would_end_after_the_run(
    pytester: pytest.Pytester, monkeypatch: pytest.MonkeyPatch, body: str
) -> None:
    monkeypatch.setattr(run_end, "LONGEST_GRACE_SECONDS", 1.0)
    result = run(pytester, body)
    result.assert_outcomes(failed=1)
    out = result.stdout.str()
    assert "INCONCLUSIVE: 2 of 2 CPUs waited in an operation at the end of the run, with a timeout or a timer" in out
    assert "waits, and a timeout or a timer that may end its wait is not over" in out
    assert ("its timeout of 60.0 s would end that" in out) == ("event.wait(60" in body)


@pytest.mark.usefixtures("collected", "until_sure")
def test_who_waits_for_a_lock_with_a_timeout_is_told_who_holds_it_and_is_in_no_deadlock(
    pytester: pytest.Pytester, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(run_end, "LONGEST_GRACE_SECONDS", 1.0)
    pytester.makepyfile(CROSSED)
    result = pytester.runpytest_inprocess(*SMALL, "--stress-cpus", "2")
    result.assert_outcomes(failed=1)
    out = result.stdout.str()
    assert "INCONCLUSIVE: 2 of 2 CPUs waited in an operation at the end of the run, with a timeout or a timer" in out
    lock = r"it waits for the lock `other` \(\S+:10\), which CPU \d holds in its `with one` \(\S+:8\)"
    assert len(re.findall(rf"{lock}; its timeout of 20\.0 s would end that", out)) == 2


@pytest.mark.usefixtures("until_sure")
@pytest.mark.parametrize("patient", ["", "True", "timeout=-1", "True, -1"])
def test_who_waits_for_a_lock_for_as_long_as_it_takes_is_in_a_deadlock(pytester: pytest.Pytester, patient: str) -> None:
    pytester.makepyfile(CROSSED.replace("timeout=20", patient))
    result = pytester.runpytest_inprocess(*SMALL, "--stress-cpus", "2")
    assert "deadlock: CPU 0 waits for CPU 1, CPU 1 waits for CPU 0" in result.stdout.str()


@pytest.mark.parametrize("call", ["timeout=2", "False", "blocking=False", "True, 2", "*given", "**given"])
def test_a_call_that_may_end_without_the_lock_is_no_part_of_a_deadlock(call: str) -> None:
    [node] = ast.parse(f"lock.acquire({call})").body
    assert isinstance(node, ast.Expr)
    assert isinstance(node.value, ast.Call)
    assert may_give_up(node.value)


@pytest.mark.usefixtures("until_sure")
def test_a_timeout_that_stands_for_none_ends_no_wait(pytester: pytest.Pytester) -> None:
    result = run(pytester, "event.wait(threading.TIMEOUT_MAX)")
    result.assert_outcomes(failed=1)
    assert "STALLED: 2 of 2 CPUs do not end their operation" in result.stdout.str()


@pytest.mark.usefixtures("until_sure")
def test_threads_that_look_again_and_again_whether_they_may_go_on_have_stalled(
    pytester: pytest.Pytester, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(run_end, "LONGEST_GRACE_SECONDS", 2.0)
    result = run(pytester, "while not event.wait(0.4): pass")
    result.assert_outcomes(failed=1)
    assert "STALLED: 2 of 2 CPUs do not end their operation" in result.stdout.str()


def test_an_operation_that_has_not_lasted_as_long_as_an_earlier_one_may_end_yet() -> None:
    now = [0.0]
    watched = players(2)
    watching = Monitor(watched, lambda number: ThreadSample(), lambda: now[0])
    for _ in range(40):
        now[0] += 0.05
        watching.sample()
    ending = RunEnd(watching, Flag())
    states = []
    for watched[1].longest_ns in (3 * 10**9, 10**9):
        states.append(ending.state_of(0, in_a_cycle=False))
    assert states == [EndState.LONG, EndState.STALLED]


def test_who_has_been_in_an_operation_for_long_begins_no_other_at_the_end_of_a_run() -> None:
    now = [0.0]
    [long, short] = watched = players(2)
    watching = Monitor(watched, lambda number: ThreadSample(), lambda: now[0])
    for player in watched:
        player.go_on()
        player.cpu.signals.end()
    for at in range(40):
        now[0] += 0.05
        short.operations = at
        watching.sample()
    RunEnd(watching, Flag())
    assert [player._is_to_rest(player._leave) for player in watched] == [True, False]
    long.go_on()
    assert not long._is_to_rest(long._leave)


def test_nobody_is_let_run_on_while_what_is_under_way_may_take_as_long_as_what_has_ended() -> None:
    now = [0.0]
    [rests, _] = watched = players(2)
    helpers = Helpers(watched, lambda: now[0])
    rests._rested, rests.longest_ns = rests._leave, 10**9
    seen = []
    for now[0] in (0.1, 1.5, 1.7):
        helpers.help()
        seen.append(rests.rests)
    assert seen == [True, True, False]


def test_a_timeout_of_one_is_no_excuse_for_another_that_runs_on() -> None:
    now = [0.0]
    looks = [lambda: ThreadSample(now[0] / 2), ThreadSample]
    timers = Timers(lambda: {"of CPU 1": 60.0}, lambda: now[0])
    watching = Monitor(players(2), lambda number: looks[number](), lambda: now[0], timers=timers)
    for _ in range(80):
        now[0] += 0.05
        watching.sample()
    ending = RunEnd(watching, Flag())
    assert [ending.state_of(number, in_a_cycle=False) for number in (0, 1)] == [EndState.STALLED, EndState.TIMED]


class Calls:
    """What calls that wait look like: each returns the timeout that the source of its caller shows."""

    seconds = 4.5

    def acquire(self, blocking: bool = True, timeout: float = -1) -> float | None:
        return expressions.timeout(sys._getframe(1))

    sleep = join = get = other = acquire
    __seconds = 0.5

    def of_its_own(self) -> float | None:
        return self.acquire(timeout=self.__seconds)


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


def test_a_timeout_is_read_wherever_its_call_stands() -> None:
    calls = Calls()
    assert calls.of_its_own() == 0.5
    assert list(calls.sleep(one) for one in [3]) == [3.0]  # type: ignore[arg-type]  # noqa: C400
    assert [(lambda: calls.sleep(1))(), (lambda: calls.sleep(2))()] == [1.0, 2.0]  # type: ignore[arg-type]
    in_lines = (
        calls
        .acquire(timeout=4)
    )  # fmt: skip
    assert in_lines == 4.0


class OfItsOwn(float):
    """A number of the code under test, which must not be asked anything."""

    def __ge__(self, other: object) -> bool:
        raise AssertionError

    __float__ = __ge__  # type: ignore[assignment]


class Slotted:
    """An object whose attribute may be unset."""

    __slots__ = ("seconds",)


def test_no_code_under_test_is_called_for_a_timeout_and_what_is_unset_is_none() -> None:
    calls, seconds, unset = Calls(), OfItsOwn(3.0), Slotted()
    assert calls.acquire(True, seconds) is None
    assert expressions._stored(unset, "seconds") is expressions.NOTHING


def test_the_dict_of_a_function_that_keeps_it_is_left_alone() -> None:
    calls, seconds = Calls(), 1.0
    kept = locals()
    seconds = 2.0
    assert calls.acquire(timeout=seconds) == (None if sys.version_info < (3, 13) else 2.0)
    assert calls.acquire(timeout=3) == 3.0
    assert kept["seconds"] == 1.0


def test_the_source_of_a_function_may_be_deep(tmp_path: Path) -> None:
    deep = tmp_path / "deep.py"
    deep.write_text(f"def deep(x):\n    return {'+'.join(['x'] * 900)}\n\ndef waits(sleep):\n    return sleep(3)\n")
    words = runpy.run_path(str(deep))
    assert words["waits"](lambda seconds: expressions.timeout(sys._getframe(1))) == 3.0


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
