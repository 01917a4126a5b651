"""Threads that wait for each other are not stalled; a deadlock is, and is told with who holds what."""

import re
import threading
from collections.abc import Callable
from pathlib import Path
from random import Random

import pytest

from stress.host.threads import Flag
from stress.machine.gil import gil_enabled
from stress.marks.crews import crew, monitor
from stress.marks.crews.crew import THREAD_ENDED, Crew
from stress.marks.crews.monitor import LONGEST_SAMPLE_SECONDS, Activity, Monitor, ThreadSample
from stress.marks.crews.run_end import EndState, RunEnd
from stress.marks.noise.last_switches import LastSwitches
from stress.marks.noise.switches import Kind
from stress.marks.noise.takers import Taker, Takers
from stress.marks.operations.cpu import Signals, StressCpu
from stress.marks.operations.roles import Duty, Role
from stress.marks.operations.round_player import RoundPlayer
from stress.marks.operations.rounds import Rounds
from stress.marks.operations.tally import Judging
from tests.plugin.conftest import LITTLE_SECONDS, LONG_GRACE, SHORT_GRACE, SHORT_IDLE
from tests.plugin.noisy import notes
from tests.plugin.watching import players
from tests.support import UNTIL_FOUND, cpu_threads

pytestmark = pytest.mark.threads

WAITING = Path(__file__).parents[2] / "benchmarks" / "waiting"
SMALL = ("-p", "no:cacheprovider", "-p", "no:hypothesispytest", "-W", "error", "--stress-duration", "100ms")
UNTIL_SURE = f"""
    from stress.marks import mark_run
    from stress.marks.crews import monitor, run_end
    mark_run.STALLED_SECONDS = run_end.STALLED_SECONDS = {SHORT_GRACE}
    run_end.IDLE_SECONDS = {SHORT_IDLE}
    run_end.GRACE_SECONDS = run_end.LONGEST_GRACE_SECONDS = {LONG_GRACE}
    monitor.FAIR_SECONDS = {LITTLE_SECONDS}
"""
SHORT = f"{UNTIL_SURE}    run_end.GRACE_SECONDS = {SHORT_GRACE}\n"
"""What the fixtures of these names do, for a process of its own."""


@pytest.mark.usefixtures("patient")
def test_partners_that_wait_for_each_other_pass_and_nobody_is_left(pytester: pytest.Pytester) -> None:
    pytester.makepyfile(test_partners=(WAITING / "test_partners.py").read_text())
    result = pytester.runpytest_inprocess(*SMALL, "--stress-duration", "300ms")
    result.assert_outcomes(passed=8)
    assert notes(result) == []


TOLD = {
    "ring": (
        r"STALLED: 3 of 4 CPUs do not end their operation",
        r"deadlock: CPU 0 waits for CPU 1, CPU 1 waits for CPU 2, CPU 2 waits for CPU 0",
        r"it waits for the lock `second` \(\S+:\d+\), which CPU 1 holds in its `with first` \(\S+:\d+\)",
    ),
    "lost_notification": (
        r"STALLED: 4 of 4 CPUs",
        r"its thread was ended\n  for \S+ m?s it waits in Condition\.wait, called in `changed\.wait\(\)` \(\S+:\d+\)",
    ),
    "taken_twice": (r"STALLED: 4 of 4 CPUs", r"deadlock: CPU (\d) waits for CPU \1$"),
}


@pytest.mark.timeout(100)
@pytest.mark.parametrize(
    ("name", "conftest"), [("ring", SHORT), ("lost_notification", UNTIL_SURE), ("taken_twice", SHORT)]
)
def test_a_deadlock_is_told_with_who_waits_for_whom_whatever_others_do(
    name: str, conftest: str, pytester: pytest.Pytester
) -> None:
    pytester.makeconftest(conftest)
    pytester.makepyfile(test_deadlocks=(WAITING / "test_deadlocks.py").read_text())
    result = pytester.runpytest_subprocess(*SMALL, "-k", name, timeout=90)  # threads are left behind
    result.assert_outcomes(failed=1)
    assert [one for one in TOLD[name] if not re.search(one, result.stdout.str(), re.MULTILINE)] == []


LEFT = """
    import queue, threading, time
    import pytest

    @pytest.mark.stress(cpus=3)
    def test_it(stress):
        jobs, lock = queue.Queue(), threading.Lock()
        lock.acquire()

        @stress.writer(count=2)
        def work(cpu):
            time.sleep(0)

        @stress.reader(count=1)
        def wait(cpu):
            {body}

        stress.run()
        {after}

    BEFORE = set(threading.enumerate())

    def test_after():
        assert not [one for one in set(threading.enumerate()) - BEFORE if one.name.startswith("cpu")]
"""


AFTER_A_DEADLOCK = """
    import threading

    import pytest

    pytestmark = pytest.mark.stress(cpus=4)

    def test_joined(stress):
        lock = threading.Lock()

        @stress.writer
        def have_it_done(cpu):
            with lock:
                helper = threading.Thread(target=lock.acquire, daemon=True)
                helper.start()
                helper.join()

        stress.run()

    def test_add(stress):
        lock, sums = threading.Lock(), [0]

        @stress.writer
        def add(cpu):
            with lock:
                sums[0] += 1

        stress.run()
        assert sums[0] == dict(stress.properties())["stress_operations"]
"""


def test_threads_that_are_left_in_a_deadlock_do_not_hinder_those_of_the_next_item(pytester: pytest.Pytester) -> None:
    pytester.makeconftest(UNTIL_SURE)
    pytester.makepyfile(AFTER_A_DEADLOCK)
    result = pytester.runpytest_subprocess(*SMALL, timeout=90)  # threads are left behind
    result.assert_outcomes(failed=1, passed=1)
    result.stdout.fnmatch_lines("STALLED: 4 of 4 CPUs do not end their operation")


@pytest.mark.usefixtures("short")
def test_who_waits_for_what_never_comes_while_others_get_on_is_a_note_and_takes_nothing_later(
    pytester: pytest.Pytester,
) -> None:
    pytester.makepyfile(LEFT.format(body="jobs.get()", after="jobs.put(1); assert jobs.get(timeout=5) == 1"))
    result = pytester.runpytest_inprocess(*SMALL, "--junitxml", "out.xml")
    result.assert_outcomes(passed=2)
    told = (
        r"CPU 2 \(reader wait, operation 1\) is still in its operation at the end: for \S+ m?s it waits in Queue\.get"
    )
    assert re.search(told, result.stdout.str())
    assert "is still in its operation at the end" in (pytester.path / "out.xml").read_text()


@pytest.mark.usefixtures("short")
def test_a_thread_that_is_left_at_a_lock_counts_nothing_when_it_gets_on(pytester: pytest.Pytester) -> None:
    after = """
        seen = stress.properties()
        lock.release()
        while [one for one in set(threading.enumerate()) - BEFORE if one.name == "cpu2"]:
            time.sleep(0.001)
        assert lock.locked() and stress.properties() == seen and dict(seen)["stress_operations"] > 1
    """
    pytester.makepyfile(LEFT.format(body="lock.acquire(); raise ValueError", after=after.strip()))
    pytester.runpytest_inprocess(*SMALL).assert_outcomes(passed=2)


@pytest.mark.usefixtures("short")
def test_who_runs_on_is_stalled_while_others_get_on_and_is_ended(
    pytester: pytest.Pytester, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(monitor, "RUN_SECONDS", 0.01)  # a busy host gives it little
    monkeypatch.setattr(crew, "END_THREADS_SECONDS", LONG_GRACE)
    pytester.makepyfile(LEFT.format(body="while True: pass", after=""))
    result = pytester.runpytest_inprocess(*SMALL)
    result.assert_outcomes(failed=1, passed=1)
    out = result.stdout.str()
    assert "STALLED: 1 of 3 CPUs does not end its operation" in out
    assert re.search(r"CPU 2 .* does not end its operation; its thread was ended\n  for \S+ m?s it runs on; at:", out)
    assert "gave way" not in out  # the exception that ends it takes the trace function away


@pytest.mark.usefixtures("short")
@pytest.mark.parametrize("body", ["jobs.get()", "while True: pass"])
def test_after_an_exception_nobody_is_stalled_for_want_of_who_raised_it(
    body: str, pytester: pytest.Pytester, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(monitor, "RUN_SECONDS", 0.01)
    monkeypatch.setattr(crew, "END_THREADS_SECONDS", LONG_GRACE)
    source = LEFT.format(body=body, after="").replace("time.sleep(0)", "time.sleep(0.01); raise ValueError(7)")
    pytester.makepyfile(source)
    result = pytester.runpytest_inprocess(*SMALL)
    result.assert_outcomes(failed=1, passed=1)
    out = result.stdout.str()
    assert re.search("RAISED: [12] of ", out)
    assert "ValueError: 7" in out
    assert "CPU 2 (reader wait, operation 1) is still in its operation at the end" in out


@pytest.mark.usefixtures("until_sure")
def test_who_runs_on_with_a_lock_is_its_holder_and_all_who_wait_for_it_end_after_it(pytester: pytest.Pytester) -> None:
    before = cpu_threads()
    pytester.makepyfile("""
        import threading
        import pytest

        @pytest.mark.stress(cpus=3)
        def test_it(stress):
            lock = threading.Lock()

            @stress.thread
            def use(cpu):
                with lock:
                    while True:
                        pass

            stress.run()
    """)
    result = pytester.runpytest_inprocess(*SMALL)
    result.assert_outcomes(failed=1)
    holds = r"which CPU \d holds in its `with lock`" if gil_enabled() else "no CPU that waits is inside a `with` of it"
    told = re.findall(rf"it waits for the lock `lock` \(\S+:10\), .*{holds}", result.stdout.str())
    assert len(told) == 2
    assert result.stdout.str().count(THREAD_ENDED) == 3
    assert cpu_threads() <= before


def watched(look: Callable[[float], ThreadSample], step: float = 0.05, looks: int = 40) -> Monitor:
    """A monitor over two CPUs of which neither gets on; `look` says what their threads do, by the time."""
    now = [0.0]
    watching = Monitor(players(2), lambda number: look(now[0]), lambda: now[0])
    for _ in range(looks):
        now[0] += step
        watching.sample()
    return watching


@pytest.mark.parametrize(
    ("look", "doing"),
    [
        (lambda now: ThreadSample(0.0, ready=False), Activity.WAITS),
        (lambda now: ThreadSample(now, ready=True), Activity.RUNS),
        (lambda now: ThreadSample(now / 3, ready=False), Activity.RUNS),
        (lambda now: ThreadSample(now / 50, ready=False), Activity.WAITS),
        (lambda now: ThreadSample(now / 50, ready=True), Activity.STARVES),
        (lambda now: ThreadSample(0.0, ready=now < 0.5), Activity.WAITS),
    ],
)
def test_what_a_cpu_does_is_told_by_its_cpu_time_and_by_what_it_wants(
    look: Callable[[float], ThreadSample], doing: Activity
) -> None:
    watching = watched(look)
    assert watching.doing(0) is doing
    assert watching.has_stalled(1.0) == (doing is not Activity.STARVES)


@pytest.mark.parametrize(
    ("calm", "state"), [([False] * 40, EndState.UNKNOWN), ([False] * 40 + [True] * 40, EndState.STALLED)]
)
def test_who_runs_on_has_stalled_only_if_it_had_a_core_without_noise(calm: list[bool], state: EndState) -> None:
    now = [0.0]
    watching = Monitor(players(2), lambda number: ThreadSample(now[0] / 2), lambda: now[0])
    for one in calm:
        now[0] += 0.05
        watching.sample(one)
    assert watching.doing(0) is Activity.RUNS
    assert RunEnd(watching, Flag()).state_of(0, in_a_cycle=False) is state


def test_who_waits_beside_one_that_gets_no_core_is_not_said_to_get_none() -> None:
    now = [0.0]
    looks = [ThreadSample(0.0, ready=False), ThreadSample(0.0, ready=True)]
    watching = Monitor(players(2), lambda number: looks[number], lambda: now[0])
    for _ in range(40):
        now[0] += 0.05
        watching.sample()
    ending = RunEnd(watching, Flag())
    assert [ending.state_of(number, in_a_cycle=False) for number in (0, 1)] == [EndState.CROWDED, EndState.UNKNOWN]


def test_who_worked_long_under_noise_and_waits_now_has_stalled() -> None:
    now = [0.0]
    ran = lambda number: ThreadSample(min(now[0], 1.0) / 2)  # noqa: E731
    watching = Monitor(players(2), ran, lambda: now[0])
    for at in range(80):
        now[0] += 0.05
        watching.sample(calm=at >= 20)
    assert watching.doing(0) is Activity.WAITS
    assert RunEnd(watching, Flag()).state_of(0, in_a_cycle=False) is EndState.STALLED


def test_a_process_that_was_suspended_has_not_waited() -> None:
    assert watched(lambda now: ThreadSample(), step=60.0, looks=2).idle <= 2 * LONGEST_SAMPLE_SECONDS


def test_who_gets_on_is_seen() -> None:
    watching = Monitor(one := players(2), lambda number: ThreadSample(), iter(range(9)).__next__)
    watching.sample()
    watching.sample()
    assert watching.has_stalled(0.5)
    one[1].operations += 1
    watching.sample()
    assert watching.idle == 0


def test_who_has_nothing_to_do_may_starve_and_the_others_have_stalled_all_the_same() -> None:
    rounds = Rounds(2, list, None, Judging(), LastSwitches())
    assert rounds.open_next(rounds.current, lambda: False)
    role = Role(lambda cpu, box: None, Duty.THREAD, None)
    cpus = [StressCpu(one, role.name, Random(1), Signals()) for one in range(2)]
    late, done = (RoundPlayer(cpu, role, rounds=rounds, random=Random(1), describe=str) for cpu in cpus)
    done._once(role.body, rounds.current)
    assert (late.has_done, done.has_done) == (False, True)
    now = [0.0]
    looks = {0: ThreadSample(0.0, ready=False), 1: ThreadSample(0.0, ready=True)}
    watching = Monitor([late, done], lambda number: looks[number], lambda: now[0])
    for _ in range(40):
        now[0] += 0.05
        watching.sample()
    assert watching.doing(1) is Activity.STARVES
    assert watching.has_stalled(1.0)


def test_who_was_last_seen_to_take_a_lock_that_nobody_releases_is_told(
    pytester: pytest.Pytester, short: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(Crew, "kinds", (Kind.LINES,))
    pytester.makepyfile("""
        import contextlib, threading, time
        import pytest

        @pytest.mark.stress(cpus=3)
        def test_it(stress):
            lock, taken = threading.Lock(), []

            @stress.thread
            def use(cpu):
                lock.acquire()
                taken.append(cpu.number)
                if len(taken) != 20:
                    lock.release()

            try:
                stress.run()
            finally:
                until = time.monotonic() + 20
                for thread in set(threading.enumerate()) - BEFORE:  # other tests leave threads behind
                    while thread.is_alive() and time.monotonic() < until:
                        with contextlib.suppress(RuntimeError):  # who is ended may have it, and releases it no more
                            lock.release()
                        thread.join(0.01)

        BEFORE = set(threading.enumerate())
    """)
    result = pytester.runpytest_inprocess(*SMALL, *UNTIL_FOUND)
    result.assert_outcomes(failed=1)
    out = result.stdout.str()
    told = r"no CPU is inside a `with` of it; CPU \d was last seen to take one of that name \(\S+:10\)"
    assert re.search(told, out)


def test_a_thread_has_taken_a_lock_when_it_comes_to_the_next_line() -> None:
    takers = Takers()
    lock = threading.Lock()

    def take() -> None:
        lock.acquire()
        lock.release()

    line = take.__code__.co_firstlineno + 1

    def visit(line: int) -> None:
        thread = threading.Thread(target=takers.event, args=(take.__code__, line))
        thread.start()
        thread.join()

    for _ in range(2):  # it was ended while it waited, and waits again
        takers.event(take.__code__, line)
        assert takers.last("lock") is None
    visit(line)  # another thread waits
    takers.event(take.__code__, line + 1)
    visit(line)
    assert takers.last("lock") == Taker(threading.get_ident(), "lock", f"{__file__}:{line}")
    assert takers.last("other") is None
