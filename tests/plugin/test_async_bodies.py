"""An `async def` body runs on an event loop of its CPU's own thread, with noise; what waits for ever is told."""

import re

import pytest

from tests.support import UNTIL_FOUND, cpu_threads

pytestmark = pytest.mark.threads

SMALL = ("-p", "no:cacheprovider", "-p", "no:hypothesispytest", "--stress-duration", "200ms", "--stress-seed", "1")

TEST = """
    import asyncio
    import threading
    import pytest

    @pytest.mark.stress(cpus=2)
    def test_it(stress):
        loops, box = set(), [0]

        {fresh}
        @stress.thread
        async def use(cpu, *given):
            loops.add((cpu.number, threading.get_ident(), id(asyncio.get_running_loop())))
            {body}

        seen = stress.run(acceptable={{"good"}})
        assert len(loops) == 2 and {{number for number, _, _ in loops}} == {{0, 1}}
        assert seen["good"] > 0
"""

AFTER = """
    BEFORE = set(threading.enumerate())

    def test_after():
        assert not [one for one in set(threading.enumerate()) - BEFORE if one.name.startswith("cpu")]
"""


def run(pytester: pytest.Pytester, body: str, fresh: str = "", arguments: tuple[str, ...] = ()) -> pytest.RunResult:
    """Run one test with an async body."""
    pytester.makepyfile(TEST.format(body=body, fresh=fresh))
    return pytester.runpytest_inprocess(*SMALL, "-W", "error", "--strict-markers", *arguments)


def test_each_cpu_has_one_loop_of_its_own_for_the_whole_run(pytester: pytest.Pytester) -> None:
    run(pytester, "await asyncio.sleep(0); return 'good'").assert_outcomes(passed=1)
    run(pytester, "await asyncio.sleep(0); return 'good'", "stress.fresh(list)").assert_outcomes(passed=1)


def test_a_race_between_two_loops_is_found(pytester: pytest.Pytester) -> None:
    body = """
            mine = box[0] = box[0] + 1
            await asyncio.sleep(0)
            return "good" if box[0] == mine else "lost"
    """
    result = run(pytester, body.strip(), arguments=UNTIL_FOUND)
    result.assert_outcomes(failed=1)
    assert "VIOLATED: lost in " in result.stdout.str()


def test_an_exception_of_a_task_that_nobody_waits_for_is_reported(pytester: pytest.Pytester) -> None:
    body = """
            async def fails():
                raise ValueError("nobody waits")

            asyncio.create_task(fails())
            for _ in range(3):
                await asyncio.sleep(0)
            return "good"
    """
    result = run(pytester, body.strip(), arguments=UNTIL_FOUND)
    result.assert_outcomes(failed=1)
    out = result.stdout.str()
    assert "RAISED: " in out
    assert "ValueError: nobody waits" in out


def test_an_exception_after_an_await_is_reported(pytester: pytest.Pytester) -> None:
    result = run(pytester, "await asyncio.sleep(0); raise ValueError('no')")
    result.assert_outcomes(failed=1)
    out = result.stdout.str()
    assert "ValueError: no" in out
    assert re.search(r"on CPU \d \(thread use, operation 1\)", out)


def test_tasks_that_wait_for_ever_are_told_with_where_they_wait_and_are_ended(pytester: pytest.Pytester) -> None:
    pytester.makepyfile(
        TEST.format(body="lock = asyncio.Lock(); await lock.acquire(); await lock.acquire()", fresh="") + AFTER
    )
    result = pytester.runpytest_inprocess(*SMALL)
    result.assert_outcomes(failed=1, passed=1)
    out = result.stdout.str()
    assert "STALLED: 2 of 2 CPUs do not end their operation" in out
    assert "it waits in its event loop; at:" in out
    assert re.search(r"File .*, line \d+, in use\n", out)
    assert "in acquire" in out
    assert "its thread was ended" in out


def test_a_thread_of_the_test_may_have_any_name(pytester: pytest.Pytester) -> None:
    pytester.makepyfile("""
        import threading
        import pytest

        @pytest.mark.stress(cpus=2)
        def test_it(stress):
            ends = threading.Event()
            mine = threading.Thread(target=ends.wait, name="cpu of mine")
            mine.start()

            @stress.thread
            async def use(cpu):
                return "good"

            try:
                stress.run(acceptable={"good"})
            finally:
                ends.set()
                mine.join()
    """)
    before = cpu_threads()
    pytester.runpytest_inprocess(*SMALL, "-W", "error").assert_outcomes(passed=1)
    assert cpu_threads() <= before
