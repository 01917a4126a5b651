"""A busy host: a run sees what other programs had of its core, makes up for it, yields in another way, and says so."""

import json
import os
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path
from random import Random

import pytest

from stress.host import system
from stress.machine.python_engine import sched_yield
from stress.marks import mark_run
from stress.marks.crews.withheld import CROWDED_SAMPLES, Withheld, wanted_seconds
from stress.marks.noise.core_yield import CoreYield, nap
from stress.marks.noise.switches import Countdown, NoiseCounts, Yields

pytestmark = pytest.mark.threads

SMALL = ("-p", "no:cacheprovider", "-p", "no:hypothesispytest", "-W", "error", "--strict-markers")
BUSY = "import os, sys; os.sched_setaffinity(0, {int(sys.argv[1])}); print(flush=True)\nwhile True: pass"
LOOPS = 3
LOST_SECONDS = 0.3
BOUND_SECONDS = 60.0
Wants = Callable[[float], float]

ADDS = """
    import pytest

    @pytest.mark.stress(cpus=2, duration="200ms")
    def test_it(stress):
        @stress.thread
        def add(cpu):
            for _ in range(20):
                pass

        stress.run()
"""

ADDS_IN_ROUNDS = """
    import pytest

    @pytest.mark.stress(cpus=2, duration="200ms")
    def test_it(stress):
        @stress.fresh
        def make():
            return []

        @stress.thread
        def add(cpu, made):
            made.append(cpu.number)

        @stress.final
        def has_all(made, results):
            assert len(made) == 2

        stress.run()
"""


def sampled(wants: dict[int, Wants], ran: Wants, cores: int = 1, samples: int = 10) -> Withheld:
    """What is withheld in a second, of threads that have wanted a core, and a process that has run, for so long."""
    now = [0.0]
    one = Withheld(list(wants), cores, lambda thread: wants[thread](now[0]), lambda: ran(now[0]), lambda: now[0])
    for sample in range(1, samples + 1):
        now[0] = sample / samples
        one.sample()
    return one


always: Wants = lambda now: now  # noqa: E731
FOUR = dict.fromkeys(range(4), always)


@pytest.mark.parametrize(
    ("wants", "ran", "cores", "lost"),
    [
        (FOUR, always, 1, 0.0),  # they compete with each other for the one core that they may use
        (FOUR, lambda now: now / 10, 1, 0.9),
        (FOUR, lambda now: now * 0.6, 1, 0.0),  # more than half of it
        (FOUR, lambda now: now * 2, 2, 0.0),
        (FOUR, lambda now: now / 2, 2, 0.75),
        (FOUR, lambda now: now * 4, 8, 0.0),
        ({0: always, 1: lambda now: 0.0}, lambda now: now / 4, 8, 0.75),  # the other one waits for it
        (dict.fromkeys(range(4), lambda now: now / 50), lambda now: now / 25, 1, 0.0),  # bodies that sleep
        (dict.fromkeys(range(4), lambda now: 0.0), lambda now: 0.0, 1, 0.0),  # as without /proc
    ],
)
def test_what_others_had_of_a_core_is_told_from_competition_among_the_cpus_and_from_sleep(
    wants: dict[int, Wants], ran: Wants, cores: int, lost: float
) -> None:
    one = sampled(wants, ran, cores)
    assert one.seconds == pytest.approx(lost)
    assert one.is_crowded == (lost > 0)
    assert one.ran == pytest.approx(ran(1.0))


def test_a_host_is_crowded_for_some_slices_after_one_that_saw_it() -> None:
    busy: Wants = lambda now: min(now, 0.5)  # noqa: E731
    for samples, crowded in ((CROWDED_SAMPLES * 2 - 2, True), (CROWDED_SAMPLES * 2 + 2, False)):
        # half of them want a core and get none, in the others nobody wants one
        assert sampled({0: busy}, lambda now: 0.0, samples=samples).is_crowded == crowded


@pytest.mark.parametrize(
    ("ran", "duration_s", "little"),
    [(0.1, 1.0, True), (0.1, 0.15, False), (0.49, 1.0, True), (0.51, 1.0, False), (1.0, 9.0, False)],
)
def test_little_is_less_than_half_of_what_a_run_should_last(ran: float, duration_s: float, little: bool) -> None:
    assert sampled(FOUR, lambda now: now * ran).is_little(duration_s) == little


def test_a_thread_that_is_gone_wants_no_core() -> None:
    assert wanted_seconds(2**22 + 1) == 0.0


@pytest.fixture
def loops() -> Iterator[int]:
    """A core that busy loops of other processes want, by number."""
    if not system.offers("affinity") or not wanted_seconds(threading.get_native_id()):
        pytest.skip("the system shows no time that threads wait for a core")
    core = system.cores()[0]
    command = [sys.executable, "-c", BUSY, str(core)]
    running = [subprocess.Popen(command, stdout=subprocess.PIPE) for _ in range(LOOPS)]
    for one in running:
        assert one.stdout
        one.stdout.readline()
    yield core
    for one in running:
        one.kill()
        one.communicate()


def test_a_run_begins_without_a_look_at_its_threads_and_only_what_comes_then_counts() -> None:
    now, looks = [0.0], [0]

    def wanted(thread: int) -> float:
        looks[0] += 1
        return max(now[0] - 5.0, 0.0)

    one = Withheld([1], 1, wanted, lambda: now[0] / 2, lambda: now[0])
    now[0] = 5.0
    one.begin()
    assert looks == [1]
    now[0] = 7.0
    one.sample()
    assert (one.elapsed, one.ran, one.seconds) == (2.0, 1.0, 0.0)


def test_a_thread_beside_busy_loops_sees_what_they_have_of_its_core(loops: int) -> None:
    made: list[Withheld] = []

    def spin() -> None:
        os.sched_setaffinity(0, {loops})
        made.append(Withheld([threading.get_native_id()], 1))
        while made[0].seconds < LOST_SECONDS and made[0].elapsed < BOUND_SECONDS:
            made[0].sample()

    thread = threading.Thread(target=spin)
    thread.start()
    thread.join()
    assert made[0].seconds >= LOST_SECONDS
    assert made[0].is_crowded


def test_a_yield_is_a_sleep_while_the_host_is_crowded() -> None:
    core = CoreYield()
    assert core.give is sched_yield
    core.adapt(is_crowded=True)
    assert core.give is nap
    core.adapt(is_crowded=False)
    assert core.give is sched_yield


def test_a_row_of_yields_ends_with_its_slice() -> None:
    core, given = CoreYield(), []
    countdown = Countdown(Yields(1, 1000), Random(1), NoiseCounts(), core)

    def give() -> None:
        given.append(1)
        if len(given) == 3:
            countdown.end()

    core.give = give
    countdown.event(give.__code__, 1)
    assert len(given) == 3


@pytest.fixture
def host(monkeypatch: pytest.MonkeyPatch) -> Callable[[float], None]:
    """Gives runs in this process a part of a core, as far as they can see; all their CPUs want one all the time."""

    def gives(part: float) -> None:
        now = time.monotonic
        seen = partial(Withheld, wanted=lambda thread: now(), used=lambda: now() * part)
        monkeypatch.setattr(mark_run, "Withheld", seen)

    monkeypatch.setattr(mark_run, "MORE_SECONDS", 0.4)
    return gives


@pytest.mark.parametrize(("source", "rounds"), [(ADDS, ""), (ADDS_IN_ROUNDS, r" \([\d,]+ rounds\)")])
def test_a_run_that_had_little_goes_on_for_longer_and_says_so(
    source: str, rounds: str, host: Callable[[float], None], pytester: pytest.Pytester
) -> None:
    host(0.05)
    pytester.makepyfile(source)
    result = pytester.runpytest_inprocess(*SMALL, "--junitxml", "all.xml", "--stress-results", "kept")
    result.assert_outcomes(passed=1)
    told = (
        r"test_\w+\.py::test_it\[2cpus\]: the host gave this run 0\.05 of \d+ cores? for \d.*s: [\d,]+ operations"
        rf"{rounds}, [\d,]+ of which overlapped another CPU's; other programs had the rest"
    )
    result.stdout.re_match_lines([".* stress notes .*", told])
    assert 'name="stress_note" value="the host gave this run 0.05' in Path("all.xml").read_text()
    [kept] = json.loads(next(Path("kept").iterdir()).read_text())["runs"]
    assert kept["verdict"] == "held"
    assert "; the host gave this run 0.05 of " in kept["reason"]
    assert kept["duration_s"] >= 0.6


def test_a_run_that_had_its_core_says_nothing(host: Callable[[float], None], pytester: pytest.Pytester) -> None:
    host(0.9)
    pytester.makepyfile(ADDS)
    result = pytester.runpytest_inprocess(*SMALL)
    result.assert_outcomes(passed=1)
    assert "stress notes" not in result.stdout.str()


def test_a_fault_that_was_seen_is_told_without_a_word_on_the_host(
    host: Callable[[float], None], pytester: pytest.Pytester
) -> None:
    host(0.05)
    pytester.makepyfile(ADDS.replace("pass", "assert cpu.number < 0"))
    result = pytester.runpytest_inprocess(*SMALL)
    result.assert_outcomes(failed=1)
    assert "stress notes" not in result.stdout.str()
