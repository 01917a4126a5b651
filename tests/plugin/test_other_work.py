"""A CPU that waits may wait for a thread that is no CPU, as one of a pool: while that works, nothing has stalled."""

import os
import threading
from collections.abc import Callable
from itertools import count

import pytest

from stress.host.threads import Flag
from stress.marks.crews.monitor import FAIR_SECONDS, Monitor, OtherWork, ThreadSample, other_threads
from stress.marks.crews.run_end import GRACE_SECONDS, LONGEST_GRACE_SECONDS, EndState, RunEnd
from tests.plugin.watching import players
from tests.support import UNTIL_FOUND

OTHER = 7
"""The native id of a thread that is no CPU."""


def watched(
    look: Callable[[float], ThreadSample], seconds: float, calm: bool = True, gets_on_after: float = 0.0
) -> Monitor:
    """A monitor over two CPUs that wait; `look` says what the thread OTHER does, by the time.

    One of the CPUs has ended an operation by `gets_on_after`.
    """
    now = [0.0]
    others = OtherWork(lambda: {OTHER}, lambda native_id: look(now[0]))
    watching = Monitor(players(2), lambda number: ThreadSample(), lambda: now[0], others)
    while now[0] < seconds:
        now[0] += 0.05
        watching.players[0].operations = int(now[0] > gets_on_after)
        watching.sample(calm)
    return watching


@pytest.mark.parametrize(
    ("look", "state"),
    [
        (lambda now: ThreadSample(now / 8, ready=True), EndState.HELPED),
        (lambda now: ThreadSample(0.0, ready=True), EndState.HELPED),
        (lambda now: ThreadSample(0.0, ready=False), EndState.STALLED),
        (lambda now: ThreadSample(min(now, 0.4), ready=False), EndState.STALLED),
        (lambda now: ThreadSample(now, ready=True), EndState.STALLED),
    ],
    ids=["works slowly", "gets no core", "sleeps", "worked and sleeps now", "had its chance"],
)
def test_who_waits_has_stalled_once_no_other_thread_works(
    look: Callable[[float], ThreadSample], state: EndState
) -> None:
    watching = watched(look, 3.0)
    assert watching.has_stalled(2.5)
    assert RunEnd(watching, Flag()).state_of(0, in_a_cycle=False) is state
    assert RunEnd(watching, Flag()).state_of(0, in_a_cycle=True) is EndState.STALLED


def test_work_under_noise_is_no_chance() -> None:
    for calm, state in ((False, EndState.HELPED), (True, EndState.STALLED)):
        watching = watched(lambda now: ThreadSample(now, ready=True), 2 * FAIR_SECONDS + 1.0, calm)
        assert RunEnd(watching, Flag()).state_of(0, in_a_cycle=False) is state


def test_a_cpu_that_gets_on_gives_the_others_a_new_chance() -> None:
    for gets_on_after, is_helped in ((0.0, False), (2.8, True)):
        watching = watched(lambda now: ThreadSample(now, ready=True), 3.0, gets_on_after=gets_on_after)
        assert watching.is_helped == is_helped


@pytest.mark.parametrize(("ready", "longest"), [(True, LONGEST_GRACE_SECONDS), (False, GRACE_SECONDS)])
def test_the_end_waits_longer_where_other_threads_work(ready: bool, longest: float) -> None:
    looks = count()
    others = OtherWork(lambda: {OTHER}, lambda native_id: ThreadSample(0.0, ready))
    clock = lambda: 0.05 * next(looks)  # noqa: E731
    watching = Monitor(players(2), lambda number: ThreadSample(), clock, others)
    ending = RunEnd(watching, Flag())
    while ending.goes_on():
        pass
    assert watching.idle == pytest.approx(longest, abs=0.3)


def test_the_other_threads_are_all_of_this_process_but_the_cpus_and_who_asks() -> None:
    if not os.path.isdir("/proc/self/task"):
        assert other_threads([]) == set()
        return
    goes_on = threading.Event()
    cpu, other = (threading.Thread(target=goes_on.wait, daemon=True) for _ in range(2))
    for one in (cpu, other):
        one.start()
    try:
        found = other_threads([cpu.native_id or 0])
        assert other.native_id in found
        assert found.isdisjoint({cpu.native_id, threading.get_native_id()})
    finally:
        goes_on.set()


IN_A_POOL = """
    from concurrent.futures import ThreadPoolExecutor
    import pytest

    def work():
        total = 0
        for number in range({steps}):
            total += number
        return total

    @pytest.mark.stress(cpus=3)
    def test_it(stress):
        with ThreadPoolExecutor(3) as pool:
            stress.thread(lambda cpu: pool.submit(work).result() and None)
            stress.run()
"""


@pytest.mark.usefixtures("short")
def test_who_waits_for_a_pool_that_works_has_not_stalled(pytester: pytest.Pytester) -> None:
    pytester.makepyfile(IN_A_POOL.format(steps=1_000_000))
    result = pytester.runpytest_inprocess("-p", "no:cacheprovider", "--stress-duration", "200ms")
    assert "STALLED" not in result.stdout.str(), "three jobs take a second, and all CPUs wait for as long"


@pytest.mark.usefixtures("until_sure")
def test_who_waits_for_a_pool_that_waits_too_has_stalled(pytester: pytest.Pytester) -> None:
    source = IN_A_POOL.format(steps=1).replace("return total", "waits.wait()")
    source = source.replace("    def work", "    import threading\n    waits = threading.Event()\n\n    def work")
    pytester.makepyfile(source.replace("            stress.run()", STUCK))
    result = pytester.runpytest_inprocess("-p", "no:cacheprovider", *UNTIL_FOUND)
    result.assert_outcomes(failed=1)
    result.stdout.fnmatch_lines(["*STALLED: 3 of 3 CPUs do not end their operation"])


STUCK = """
            try:
                stress.run()
            finally:
                waits.set()
"""
