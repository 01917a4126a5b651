"""Bodies as tasks of one event loop: races between awaits are found, twins hold, what waits for ever is told."""

import re
import threading

import pytest

from stress.errors import UserError
from stress.marks import mark_run
from stress.marks.crews.task_crew import TaskCrew
from stress.marks.noise.last_switches import Switch
from stress.marks.noise.switches import Kind
from stress.marks.noise.takers import Takers
from stress.marks.operations.cpu import StressCpu
from stress.marks.operations.overlaps import Overlaps
from stress.marks.operations.roles import Duty, Role, deal
from tests.plugin.noisy import notes
from tests.support import UNTIL_FOUND

pytestmark = pytest.mark.threads

SMALL = ("-p", "no:cacheprovider", "-p", "no:hypothesispytest", "--stress-duration", "200ms", "--stress-seed", "1")

LAZY = """
    import asyncio
    import pytest

    class Lazy:
        def __init__(self):
            self.value, self.made = None, 0

        async def get(self):
            if self.value is None:
                self.made += 1
                await asyncio.sleep(0)
                self.value = object()
            return self.value

    class Locked(Lazy):
        def __init__(self):
            super().__init__()
            self.lock = asyncio.Lock()

        async def get(self):
            async with self.lock:
                return await super().get()

    @pytest.mark.stress
    @pytest.mark.parametrize("kind", [Lazy, Locked])
    def test_made_once(stress, kind):
        stress.fresh(kind)

        @stress.tasks
        async def use(cpu, lazy):
            return await lazy.get()

        @stress.final
        def once(lazy, results):
            assert lazy.made == 1 and len(set(map(id, results))) == 1

        stress.run()
"""

LOOP = """
    import asyncio
    import threading
    import pytest

    @pytest.mark.stress(cpus={cpus})
    def test_it(stress):
        lock, other, box, seen, inside = asyncio.Lock(), asyncio.Lock(), [0], set(), set()

        @stress.tasks
        async def use(cpu):
            seen.add((threading.get_ident(), id(asyncio.get_running_loop())))
            {body}

        outcomes = stress.run(acceptable={{"good"}})
        assert len(seen) == 1
        assert outcomes["good"] > 0

    BEFORE = set(threading.enumerate())

    def test_nothing_is_left():
        assert not [one for one in set(threading.enumerate()) - BEFORE if one.name.startswith("cpu")]
"""


def run(pytester: pytest.Pytester, body: str, *options: str, cpus: int = 3) -> pytest.RunResult:
    """Run one test whose tasks have a body."""
    pytester.makepyfile(LOOP.format(body=body.replace("\n", "\n" + " " * 12).strip(), cpus=cpus))
    return pytester.runpytest_inprocess(*SMALL, "-W", "error", "--strict-markers", *options)


def test_a_first_use_that_awaits_races_in_rounds_and_its_locked_twin_holds(pytester: pytest.Pytester) -> None:
    pytester.makepyfile(LAZY)
    result = pytester.runpytest_inprocess(*SMALL, "-W", "error")
    result.assert_outcomes(failed=1, passed=1)
    out = result.stdout.str()
    assert "made_once[4cpus-Lazy]" in out
    assert re.search(r"CPU 3 returned <object object at", out)
    assert re.search(r"on round \d+ \(final once\)", out)


def test_a_lost_update_between_two_awaits_is_found_with_where_the_others_stood(pytester: pytest.Pytester) -> None:
    # One that is lost while another CPU is between two operations is not reported: that CPU has no stack.
    body = """
before = box[0]
inside.add(cpu.number)
await asyncio.sleep(0)
box[0] = before + 1
await asyncio.sleep(0)
all_are_inside = len(inside) == 3
inside.discard(cpu.number)
return ("lost", f"after {before}") if all_are_inside and box[0] != before + 1 else "good"
"""
    before = set(threading.enumerate())
    result = run(pytester, body, *UNTIL_FOUND)
    result.assert_outcomes(failed=1)
    out = result.stdout.str()
    assert "VIOLATED: lost in " in out
    assert re.search(
        r"first: lost by CPU \d \(task use, operation \d+\), after .* slice\n  after \d+\n  meanwhile CPU", out
    )
    assert re.search(r"stood in:\n    __sleep0 \(\S+\)\n    sleep \(\S+\)\n    test_it\.<locals>\.use \(\S+\)", out)
    assert re.search(r"noise: switches at awaits, lines and instructions: \S+ [\d,]+", out)
    assert not [one for one in set(threading.enumerate()) - before if one.name.startswith("cpu")]


def test_the_same_under_a_lock_holds_on_one_loop_of_one_thread(pytester: pytest.Pytester) -> None:
    body = """
async with lock:
    before = box[0]
    await asyncio.sleep(0)
    box[0] = before + 1
    return "good" if box[0] == before + 1 else "lost"
"""
    run(pytester, body).assert_outcomes(passed=2)


def test_a_window_that_takes_whole_operations_of_others_is_found(pytester: pytest.Pytester) -> None:
    body = """
box[0] = mine = box[0] + 1
await asyncio.sleep(0)
return "good" if box[0] - mine < 40 else "overtaken"
"""
    before = set(threading.enumerate())
    result = run(pytester, body, *UNTIL_FOUND, cpus=4)
    result.assert_outcomes(failed=1)
    assert "VIOLATED: overtaken in " in result.stdout.str()
    assert not [one for one in set(threading.enumerate()) - before if one.name.startswith("cpu")]


@pytest.mark.usefixtures("until_sure")
def test_two_locks_in_two_orders_are_a_deadlock_with_its_circle(pytester: pytest.Pytester) -> None:
    body = """
first, second = (lock, other) if cpu.number else (other, lock)
async with first:
    await asyncio.sleep(0)
    async with second:
        return "good"
"""
    result = run(pytester, body, cpus=2)
    result.assert_outcomes(failed=1, passed=1)
    out = result.stdout.str()
    assert "STALLED: 2 of 2 CPUs" in out
    assert "deadlock: CPU 0 waits for CPU 1, CPU 1 waits for CPU 0" in out
    assert re.search(r"waits for the lock `second` \(\S+:\d+\), which CPU 1 holds in its `with first`", out)
    assert "its task was cancelled" in out


@pytest.mark.usefixtures("until_sure")
def test_a_lock_that_is_acquired_and_never_released_stalls(pytester: pytest.Pytester) -> None:
    result = run(pytester, "await lock.acquire()")
    result.assert_outcomes(failed=1, passed=1)
    out = result.stdout.str()
    assert "STALLED: " in out
    assert re.search(r"waits for the lock `lock` \(\S+:\d+\), whose holder is unknown", out)


@pytest.mark.usefixtures("until_sure")
def test_a_task_that_keeps_the_loop_is_named_and_ended(pytester: pytest.Pytester) -> None:
    body = """
await asyncio.sleep(0)
while cpu.number == 1:
    pass
"""
    result = run(pytester, body)
    result.assert_outcomes(failed=1, passed=1)
    out = result.stdout.str()
    assert re.search(
        r"CPU 1 \(task use, operation 1\) does not end .*\n  for \S+ m?s it runs on; at:\n  File .*in use", out
    )
    assert re.search(r"CPU 0 .*\n.* it waits for the event loop, on which CPU 1 runs on", out)


@pytest.mark.usefixtures("until_sure")
def test_a_task_that_blocks_the_loop_is_named_and_no_other_one_is_blamed(pytester: pytest.Pytester) -> None:
    body = """
while cpu.number == 0:
    threading.Event().wait(0.01)
"""
    result = run(pytester, body)
    result.assert_outcomes(failed=1, passed=1)
    out = result.stdout.str()
    assert "STALLED: 1 of 3 CPUs does not end its operation" in out
    assert re.search(r"CPU 0 .*\n  for \S+ m?s it waits and does not give the event loop back; at:", out)


@pytest.mark.usefixtures("collected", "until_sure")
def test_a_task_that_takes_no_cancellation_is_left_behind_and_said_to_go_on(pytester: pytest.Pytester) -> None:
    body = """
while cpu.number == 0 or box[0] < 1000:
    try:
        await asyncio.sleep(0.01)
    except asyncio.CancelledError:
        box[0] += 1
"""
    result = run(pytester, body)
    result.assert_outcomes(failed=1, passed=1)
    assert re.search(r"CPU 0 .*; its task was cancelled and goes on; it is left behind\n", result.stdout.str())
    assert "closes a loop" not in [thread.name for thread in threading.enumerate()], "its loop runs on for ever"


@pytest.mark.usefixtures("patient")
def test_partners_that_wait_for_each_other_end(pytester: pytest.Pytester) -> None:
    pytester.makepyfile("""
        import asyncio
        import pytest

        @pytest.mark.stress
        def test_it(stress):
            queue = asyncio.Queue(1)

            @stress.tasks(count=1)
            async def put(cpu):
                await queue.put(1)

            @stress.tasks
            async def take(cpu):
                await queue.get()

            stress.run()
    """)
    result = pytester.runpytest_inprocess(*SMALL, "-W", "error")
    result.assert_outcomes(passed=1)
    assert notes(result) == []


@pytest.mark.parametrize("error", ["ValueError('no')", "SystemExit(3)"])
def test_an_exception_of_a_task_that_a_body_makes_counts(pytester: pytest.Pytester, error: str) -> None:
    body = f"""
async def child():
    raise {error}
asyncio.create_task(child(), name="mine")
await asyncio.sleep(0)
"""
    result = run(pytester, body)
    result.assert_outcomes(failed=1, passed=1)
    out = result.stdout.str()
    assert re.search(r"RAISED: \d threads? or tasks? of the code under test ended in an exception", out)
    if "Value" in error:
        assert re.search(r"first: ValueError by task mine, made by CPU \d \(task use, operation 1\)", out)


def test_a_use_after_free_in_a_task_that_a_body_makes_is_that_operation_s(pytester: pytest.Pytester) -> None:
    body = """
async def child():
    stress.check("it")
if not box[0]:
    stress.freed("it")
box[0] = 1
try:
    await asyncio.create_task(child())
except Exception:
    pass
"""
    result = run(pytester, body)
    result.assert_outcomes(failed=1, passed=1)
    assert re.search(r"FORBIDDEN freed [\d,]+", result.stdout.str())


def test_timeouts_groups_and_threads_work_in_tasks(pytester: pytest.Pytester) -> None:
    body = """
async with asyncio.TaskGroup() as group:
    group.create_task(asyncio.sleep(0))
    group.create_task(asyncio.to_thread(bool))
try:
    async with asyncio.timeout(0.0001):
        await asyncio.sleep(60)
except TimeoutError:
    return "good"
"""
    run(pytester, body).assert_outcomes(passed=2)


@pytest.mark.parametrize("end", ["set_exception(LookupError())", "cancel()", "set_result(None)"])
def test_a_fault_at_an_await_is_found_however_the_await_ends(end: str, pytester: pytest.Pytester) -> None:
    pytester.makepyfile(f"""
        import asyncio
        import pytest

        class Box:
            def __init__(self):
                self.answer, self.is_gone = asyncio.get_running_loop().create_future(), False

            async def wait(self):
                try:
                    await self.answer
                except (LookupError, asyncio.CancelledError):
                    pass
                return self.is_gone

            async def give(self):
                while not self.answer._callbacks:
                    await asyncio.sleep(0)
                self.is_gone = True
                self.answer.{end}
                for _ in range(3):
                    await asyncio.sleep(0)
                self.is_gone = False

        @pytest.mark.stress(cpus=2)
        def test_it(stress):
            stress.fresh(Box)

            @stress.tasks(count=1)
            async def wait(cpu, box):
                return "kept" if await box.wait() else "changed"

            @stress.tasks
            async def give(cpu, box):
                await box.give()

            stress.run(acceptable={{"kept"}})
    """)
    result = pytester.runpytest_inprocess(*SMALL, *UNTIL_FOUND)
    result.assert_outcomes(failed=1)
    assert "VIOLATED: changed" in result.stdout.str()


def test_bodies_that_await_nothing_test_nothing(pytester: pytest.Pytester, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(mark_run, "MORE_SECONDS", 0.1)  # nothing overlaps however long it goes on
    result = run(pytester, "return 'good'")
    result.assert_outcomes(failed=1, passed=1)
    assert "overlapped another CPU's: no body awaited anything that waits, so nothing was tested" in result.stdout.str()
    alone = run(pytester, "await asyncio.sleep(0)", cpus=1)
    assert "overlapped another CPU's, so nothing was tested" in alone.stdout.str()


@pytest.mark.parametrize("call", ["stop_machine(bool)", "cond_resched()", "yield_core()"])
def test_what_holds_threads_is_refused_in_tasks(pytester: pytest.Pytester, call: str) -> None:
    result = run(pytester, f"cpu.{call}")
    result.assert_outcomes(failed=1, passed=1)
    assert f"cpu.{call.partition('(')[0]} is for threads: no other task runs until" in result.stdout.str()


def test_a_plain_function_is_no_task(pytester: pytest.Pytester) -> None:
    pytester.makepyfile("""
        import pytest

        @pytest.mark.stress
        def test_it(stress):
            @stress.tasks
            def use(cpu):
                pass
    """)
    result = pytester.runpytest_inprocess(*SMALL)
    result.assert_outcomes(failed=1)
    assert "@stress.tasks decorates an `async def` (got `use`, which is not one)" in result.stdout.str()


def test_tasks_and_threads_do_not_mix() -> None:
    def body(cpu: StressCpu) -> None:
        """Nothing."""

    with pytest.raises(UserError, match=r"the roles are tasks and threads; make all of them @stress\.tasks, or none"):
        deal([Role(body, Duty.TASK, None), Role(body, Duty.READER, None)], 4)


def test_an_operation_overlaps_if_a_writer_began_or_ended_meanwhile() -> None:
    overlaps = Overlaps()
    reader = overlaps.enter(writes=False)
    assert not overlaps.leave(writes=False, seen=reader)
    reader, writer = overlaps.enter(writes=False), overlaps.enter(writes=True)
    assert overlaps.leave(writes=False, seen=reader)
    late = overlaps.enter(writes=False)
    assert not overlaps.leave(writes=True, seen=writer)
    assert overlaps.leave(writes=False, seen=late)


def test_a_switch_of_a_thread_is_not_told_as_one_of_a_task() -> None:
    class Host:
        ident = 7_000

    class Threads:
        def thread(self, number: int) -> Host:
            return Host()

    crew = TaskCrew(Threads(), list, threading.local(), Takers(), noise=None, strays=print)  # type: ignore[arg-type]
    crew.players += [None, None]
    code = test_a_switch_of_a_thread_is_not_told_as_one_of_a_task.__code__
    told = [crew.describe(Switch(actor, code, 1, is_line=True)).partition(" at ")[0] for actor in (1, 7_000, 8_000)]
    assert told == ["CPU 1", "the thread of the event loop", "another thread"]


@pytest.mark.usefixtures("until_sure")
@pytest.mark.parametrize("wait", ["sleep(1.2)", "wait_for(asyncio.Event().wait(), 1.2)"])
def test_who_waits_for_a_timer_has_not_stalled(
    wait: str, pytester: pytest.Pytester, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(TaskCrew, "kinds", (Kind.AWAITS,))  # few operations: each has noise
    body = f"""
for _ in range(50):  # what noise can reach
    await asyncio.sleep(0)
try:
    await asyncio.{wait}
except TimeoutError:
    pass
return "good"
"""
    result = run(pytester, body, cpus=2)
    result.assert_outcomes(passed=2)
    assert notes(result) == []
