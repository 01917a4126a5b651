"""Threads that the code under test starts take noise on every Python, and an exception that ends one fails the test."""

import re
import threading

import pytest

from stress.marks.noise.other_threads import OtherThreads
from stress.marks.noise.switches import Kind
from stress.marks.noise.thread_hook import ThreadHook

pytestmark = pytest.mark.threads

SMALL = ("-p", "no:cacheprovider", "-p", "no:hypothesispytest", "--stress-duration", "300ms", "--stress-seed", "1")

MONITOR = """
    import threading
    import pytest
    import monitored

    @pytest.mark.stress(cpus=2)
    def test_it(stress):
        monitor = monitored.Monitor()

        @stress.thread
        def use(cpu):
            monitor.beats.append(cpu.number)
            {body}

        {start}
        stress.run()
        monitor.stop()
        monitor.thread.join()
"""

MONITORED = """
    import threading

    class Monitor:
        def __init__(self):
            self.beats, self.ends = [], False
            self.thread = threading.Thread(target=self.watch, name="monitor")
            self.thread.start()

        def watch(self):
            while not self.ends:
                self.look()

        def look(self):
            if len(self.beats) > {most}:
                raise LookupError("too many beats")

        def stop(self):
            self.ends = True
"""


def run(pytester: pytest.Pytester, most: int = 10**9, **words: str) -> pytest.RunResult:
    """Run one test whose object starts a thread."""
    parts = {"body": "pass", "start": "", **words}
    pytester.makepyfile(monitored=MONITORED.format(most=most), test_it=MONITOR.format(**parts))
    return pytester.runpytest_inprocess(*SMALL, "-v", "-W", "error", "--strict-markers")


def test_a_thread_of_the_code_under_test_takes_noise(pytester: pytest.Pytester) -> None:
    result = run(pytester)
    result.assert_outcomes(passed=1)
    assert re.search(r"noise: .*monitored [\d,]+", result.stdout.str())
    assert threading.gettrace() is None


@pytest.mark.usefixtures("patient")
def test_an_exception_in_it_ends_the_run_and_fails_the_test(pytester: pytest.Pytester) -> None:
    result = run(pytester, most=5, body="monitor.thread.join(20) if len(monitor.beats) > 5 else None")
    result.assert_outcomes(failed=1)
    out = result.stdout.str()
    assert "RAISED: 1 thread of the code under test ended in an exception" in out
    assert "LookupError: too many beats" in out
    at = re.search(r"first: LookupError by thread monitor, after .* slice\n\W+meanwhile CPU 0 \(thread use, ", out)
    assert at
    assert re.search(r"^\W+meanwhile CPU 1 \(thread use, ", out[at.end() :], re.M)
    assert re.search(r"on thread monitor, \d\.\d+ s after the start, \w+ slice", out)


def test_the_hooks_of_before_are_there_again(pytester: pytest.Pytester) -> None:
    before = threading.excepthook
    run(pytester).assert_outcomes(passed=1)
    assert threading.excepthook is before


def test_an_exception_before_the_run_is_left_to_pytest(pytester: pytest.Pytester) -> None:
    lost = "thread = threading.Thread(target=lambda: 1 / 0); thread.start(); thread.join()"
    result = run(pytester, start=lost)
    result.assert_outcomes(failed=1)
    assert "PytestUnhandledThreadExceptionWarning" in result.stdout.str()
    assert "ZeroDivisionError" in result.stdout.str()


IN_A_THREAD = """
    import asyncio
    import contextlib
    import threading
    import pytest

    class Lazy:
        def __init__(self, lock):
            self.lock, self.value = lock, None

        def get(self):
            with self.lock:
                if self.value is None: self.value = object()
                return self.value

    @pytest.mark.stress
    @pytest.mark.parametrize("lock", [contextlib.nullcontext, threading.Lock])
    def test_it(stress, lock):
        @stress.fresh
        def lazy():
            return Lazy(lock())

        @stress.tasks
        async def ask(cpu, lazy):
            return await asyncio.to_thread(lazy.get)

        @stress.final
        def is_made_once(lazy, results):
            assert len(set(map(id, results))) == 1

        stress.run()
"""


@pytest.mark.usefixtures("patient")
def test_a_race_of_threads_that_tasks_use_is_found_within_a_line_and_its_locked_twin_holds(
    pytester: pytest.Pytester,
) -> None:
    pytester.makepyfile(IN_A_THREAD)
    result = pytester.runpytest_inprocess(*SMALL, "--stress-duration", "1500ms", "-W", "error")
    result.assert_outcomes(failed=1, passed=1)
    assert "test_it[4cpus-nullcontext]" in result.stdout.str()


def test_tasks_alone_take_no_noise_at_instructions() -> None:
    ends = threading.Event()
    one = threading.Thread(target=ends.wait)
    with OtherThreads(bool) as others:
        assert not others.have_noise(Kind.AWAITS)
        assert others.have_noise(Kind.DELAYS)
        one.start()
        assert others.have_noise(Kind.AWAITS)
        ends.set()
        one.join()


SETS_A_HOOK = """
    import threading
    import pytest

    heard, guard = [], threading.Lock()

    class Library:
        def use(self):
            before = threading.excepthook
            threading.excepthook = lambda ended: heard.append(ended.exc_type) or {chains}
            one = threading.Thread(target=lambda: 1 / 0, name="worker")
            one.start()
            one.join()
            if {restores}:
                threading.excepthook = before

    @pytest.mark.stress(cpus=2)
    def test_it(stress):
        @stress.thread
        def use(cpu):
            with guard:  # one that restores what another one has set would restore too much
                Library().use()

        try:
            stress.run()
        finally:
            assert heard[0] is ZeroDivisionError
"""


@pytest.mark.usefixtures("patient")
@pytest.mark.parametrize("restores", [False, True])
@pytest.mark.parametrize("chains", ["None", "before(ended)"])
def test_an_exception_is_kept_though_the_code_under_test_sets_a_hook_and_its_hook_hears_too(
    chains: str, restores: bool, pytester: pytest.Pytester, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(threading, "excepthook", before := threading.excepthook)
    pytester.makepyfile(SETS_A_HOOK.format(chains=chains, restores=restores))
    result = pytester.runpytest_inprocess(*SMALL, "-W", "error")
    result.assert_outcomes(failed=1)
    out = result.stdout.str()
    assert re.search(r"RAISED: \d+ threads? of the code under test ended in an exception", out)
    assert "first: ZeroDivisionError by thread worker, after" in out
    assert type(threading) is type(re)
    if restores:
        assert threading.excepthook is before


def test_a_hook_that_is_set_meanwhile_is_there_afterwards_and_system_exit_is_left_to_it() -> None:
    before = threading.excepthook
    kept: list[BaseException] = []
    heard: list[threading.ExceptHookArgs] = []
    hook = ThreadHook()
    hook.install(kept.append)
    try:
        threading.excepthook = heard.append
        for error in (ValueError(), SystemExit()):
            hook._ended(threading.ExceptHookArgs((type(error), error, None, None)))
    finally:
        hook.remove()
        after, threading.excepthook = threading.excepthook, before
    assert [type(error) for error in kept] == [ValueError]
    assert [args.exc_type for args in heard] == [ValueError, SystemExit]
    assert after == heard.append
