"""What a mark leaves behind: hooks, switch interval, cores and tools are as they were, whatever its code has done."""

import signal
import sys
import threading

import pytest

from stress.host.system import cores, offers
from stress.host.threads import Flag
from stress.machine.gil import gil_enabled
from stress.marks.noise.noise import TOOL, TOOL_IDS
from stress.marks.noise.other_threads import MONITORS
from stress.marks.noise.switch_interval import SHORT_INTERVAL, SwitchInterval
from tests.plugin.marked import QUIET

pytestmark = pytest.mark.threads

PATCHED = """
    import threading
    from unittest import mock
    import pytest

    def patched(hook):
        return mock.patch.object(threading, "excepthook", hook)

    @pytest.mark.stress(cpus=2)
    def test_patched(stress):
        @stress.thread
        def use(cpu):
            with patched({hook}):
                pass
        stress.run()

    def test_it_is_no_hook_of_a_run():
        assert not threading.excepthook.__module__.startswith("stress")

    def test_a_thread_that_dies():
        thread = threading.Thread(target=int, args=("x",))
        thread.start()
        thread.join()
"""
KEPT_ONCE = """
    import threading
    import pytest

    @pytest.mark.stress(cpus=2)
    def test_it(stress):
        def dies():
            raise LookupError("lost")

        first = iter([True])

        @stress.thread(count=1)
        def install(cpu):
            if not next(first, False):
                return  # one thread dies, however soon the run ends
            inside = vars(threading)["excepthook"]
            threading.excepthook = lambda ended: inside(ended)
            thread = threading.Thread(target=dies)
            thread.start()
            thread.join()

        @stress.thread
        def rest(cpu):
            return None

        stress.run()
"""
FINALIZED = """
    import sys
    import threading
    import pytest

    class Handle:
        def __del__(self):
            raise RuntimeError("close failed")

    def install():
        if getattr(sys.unraisablehook, "is_wrapper", False):
            return
        before = sys.unraisablehook
        def hook(ignored):
            before(ignored)
        hook.is_wrapper = True
        sys.unraisablehook = hook

    @pytest.mark.stress(cpus=2)
    def test_first_use(stress):
        stress.thread(lambda cpu: install())
        stress.run()

    def test_later():
        thread = threading.Thread(target=Handle)
        thread.start()
        thread.join()
"""
SAVED = """
    import sys
    import time
    import pytest

    @pytest.mark.stress(cpus=2)
    def test_it(stress):
        stress.thread(lambda cpu: None)

        @stress.thread(count=1)
        def saves(cpu):
            before = sys.getswitchinterval()
            sys.setswitchinterval(0.02)
            time.sleep(0.02)
            sys.setswitchinterval(before)
        stress.run()

    def test_later():
        assert sys.getswitchinterval() == {usual}
"""
POOL = """
    import os
    from concurrent.futures import ThreadPoolExecutor
    import pytest

    @pytest.fixture(scope="module")
    def pool():
        with ThreadPoolExecutor(1) as pool:
            yield pool

    @pytest.mark.stress(cpus=2)
    def test_first_use(stress, pool):
        @stress.thread
        def use(cpu):
            pool.submit(int).result()
        stress.run()
        assert pool.submit(os.sched_getaffinity, 0).result() == os.sched_getaffinity(0)
"""
STRANGE = """
    import pytest

    class Frozen(Exception):
        def __setattr__(self, name, value):
            raise AttributeError(f"frozen {name}")

    class Notes(Exception):
        __notes__ = "abc"

    @pytest.mark.stress(cpus=2)
    @pytest.mark.parametrize("kind", [Frozen, Notes])
    def test_it(stress, kind):
        @stress.thread
        def fails(cpu):
            raise kind("lost")
        stress.run()
"""


def run(pytester: pytest.Pytester, source: str, *options: str) -> pytest.RunResult:
    """Run a module of tests in this process."""
    pytester.makepyfile(test_it=source)
    return pytester.runpytest_inprocess(*QUIET, "--stress-duration", "200ms", *options)


@pytest.mark.parametrize("hook", ["print", "lambda ended, inside=vars(threading)['excepthook']: inside(ended)"])
def test_a_patch_of_the_hook_for_threads_is_undone(hook: str, pytester: pytest.Pytester) -> None:
    before = threading.excepthook
    result = run(pytester, PATCHED.format(hook=hook))
    result.assert_outcomes(passed=2, failed=1)
    assert "PytestUnhandledThreadExceptionWarning" in result.stdout.str()
    assert threading.excepthook is before


def test_a_hook_that_calls_the_runs_own_counts_a_thread_once(pytester: pytest.Pytester) -> None:
    result = run(pytester, KEPT_ONCE)
    result.assert_outcomes(failed=1)
    assert "RAISED: 1 thread of the code under test ended in an exception" in result.stdout.str()


def test_a_hook_for_finalizers_that_wraps_the_runs_own_hears_of_later_ones(
    pytester: pytest.Pytester, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sys, "unraisablehook", sys.unraisablehook)
    result = run(pytester, FINALIZED)
    result.assert_outcomes(passed=1, failed=1)
    assert "PytestUnraisableExceptionWarning" in result.stdout.str()


def test_the_switch_interval_is_as_before_though_an_operation_saved_a_short_one(pytester: pytest.Pytester) -> None:
    usual = sys.getswitchinterval()
    run(pytester, SAVED.format(usual=usual)).assert_outcomes(passed=2)
    assert sys.getswitchinterval() == usual


@pytest.fixture
def interval() -> SwitchInterval:
    return SwitchInterval()


def test_an_interval_that_the_code_under_test_sets_stays(
    interval: SwitchInterval, request: pytest.FixtureRequest
) -> None:
    request.addfinalizer(lambda: sys.setswitchinterval(interval.usual))
    with interval.short() as is_short:
        assert is_short
        assert sys.getswitchinterval() == SHORT_INTERVAL
        sys.setswitchinterval(0.02)
    with interval.short() as is_short:
        assert not is_short
        assert sys.getswitchinterval() == 0.02
    interval.restore()
    assert sys.getswitchinterval() == 0.02


def test_a_short_interval_that_is_put_back_late_is_none(interval: SwitchInterval) -> None:
    with interval.short():
        saved = sys.getswitchinterval()
    sys.setswitchinterval(saved)
    with interval.short() as is_short:
        assert is_short
    assert sys.getswitchinterval() == interval.usual


@pytest.mark.skipif(len(cores()) < 2 or not offers("affinity"), reason="needs two cores and affinity")
@pytest.mark.skipif(not gil_enabled(), reason="without a GIL no CPU keeps to a core")
def test_a_thread_that_a_cpu_has_started_has_all_cores_afterwards(pytester: pytest.Pytester) -> None:
    run(pytester, POOL).assert_outcomes(passed=1)


@pytest.mark.skipif(not MONITORS, reason="only where tools monitor")
def test_a_tool_that_an_interrupted_slice_has_left_is_free_again(pytester: pytest.Pytester) -> None:
    monitoring = sys.monitoring  # type: ignore[attr-defined,unused-ignore]
    left = next(number for number in TOOL_IDS if monitoring.get_tool(number) is None)
    monitoring.use_tool_id(left, TOOL)
    try:
        run(pytester, POOL, "-k", "nothing")
        run(pytester, STRANGE).assert_outcomes(failed=2)
        assert monitoring.get_tool(left) is None
    finally:
        if monitoring.get_tool(left) is not None:
            monitoring.free_tool_id(left)


@pytest.mark.parametrize("kind", ["Frozen", "Notes"])
def test_an_exception_that_takes_no_note_is_told(kind: str, pytester: pytest.Pytester) -> None:
    result = run(pytester, STRANGE, "-k", kind)
    result.assert_outcomes(failed=1)
    out = result.stdout.str()
    assert f"{kind}: lost" in out
    assert "on CPU " in out
    assert "kernel code" not in out


def test_a_flag_wakes_all_who_wait_and_stays_set() -> None:
    flag, woken = Flag(), list[bool]()
    waiting = [threading.Thread(target=lambda: woken.append(flag.wait()), daemon=True) for _ in range(4)]
    for thread in waiting:
        thread.start()
    assert not flag.wait(0.01)
    assert not flag.is_set()
    flag.set()
    flag.set()
    for thread in waiting:
        thread.join(30)
    assert woken == [True] * 4
    assert flag.wait(0)


@pytest.mark.skipif(not hasattr(signal, "setitimer"), reason="needs a timer that raises")
def test_an_exception_in_the_middle_of_a_flag_leaves_it_usable() -> None:
    class Interrupted(Exception):
        pass

    def interrupt(*_: object) -> None:
        raise Interrupted

    before = signal.signal(signal.SIGALRM, interrupt)
    try:
        for number in range(200):
            flag = Flag()
            try:
                signal.setitimer(signal.ITIMER_REAL, 0.000_02 + number % 20 * 0.000_002)
                while True:
                    flag.set()
                    flag.wait(0)
                    flag = Flag()
            except Interrupted:
                flag.set()
                assert flag.wait(30)
                thread = threading.Thread(target=flag.wait, daemon=True)
                thread.start()
                thread.join(30)
                assert not thread.is_alive()
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)
        signal.signal(signal.SIGALRM, before)


def test_of_a_run_of_tasks_that_is_cut_short_before_it_has_any_the_cause_is_told(pytester: pytest.Pytester) -> None:
    pytester.makepyfile(
        test_it="""
        import asyncio
        import pytest
        from stress.marks.crews.task_crew import TaskCrew

        @pytest.mark.stress(cpus=2)
        def test_it(stress, monkeypatch):
            def interrupted(*_):
                raise BufferError("interrupted")
            monkeypatch.setattr(TaskCrew, "operation", lambda self, cpu: 0)
            monkeypatch.setattr("stress.marks.mark_run.MarkRun._slice", interrupted)

            @stress.tasks
            async def wait(cpu):
                await asyncio.sleep(0)

            stress.run()
        """
    )
    result = pytester.runpytest_inprocess(*QUIET, "--stress-duration", "50ms")
    result.assert_outcomes(failed=1)
    assert "BufferError: interrupted" in result.stdout.str()
    assert "IndexError" not in result.stdout.str()
