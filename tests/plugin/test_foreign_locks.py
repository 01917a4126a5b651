"""Locks of anyio that tasks wait for: the report says who holds them, and where the code under test wants them.

anyio itself need not be installed: what stands for it has the shape of its classes that are made outside of a loop.
"""

import re
import textwrap
from pathlib import Path

import pytest

pytestmark = pytest.mark.threads

SMALL = ("-p", "no:cacheprovider", "-p", "no:hypothesispytest", "--stress-duration", "1s", "--stress-seed", "1")

ANYIO = """
    import asyncio

    class LockAdapter:
        __slots__ = ("_internal_lock",)

        def __init__(self):
            self._internal_lock = None

        @property
        def _lock(self):
            self._internal_lock = self._internal_lock or asyncio.Lock()
            return self._internal_lock

        async def __aenter__(self):
            await self._lock.acquire()

        async def __aexit__(self, *exc_info):
            self._lock.release()

        async def acquire(self):
            await self._lock.acquire()

        def release(self):
            self._lock.release()

    Lock = LockAdapter

    class EventAdapter:
        def __init__(self):
            self._waiters = []

        async def wait(self):
            self._waiters.append(asyncio.get_running_loop().create_future())
            await self._waiters[-1]

    Event = EventAdapter

    class Condition:
        __slots__ = ("_lock",)

        def __init__(self, lock=None):
            self._lock = lock or Lock()

        async def __aenter__(self):
            await self.acquire()

        async def __aexit__(self, *exc_info):
            self._lock.release()

        async def acquire(self):
            await self._lock.acquire()

        async def wait(self):
            self._lock.release()
            await Event().wait()
"""

WAITING = """
    import asyncio
    import anyio
    import pytest

    @pytest.mark.stress(cpus=3)
    def test_it(stress):
        first, second, never = anyio.Lock(), anyio.Lock(), anyio.Event()
        condition = anyio.Condition()

        @stress.tasks(count=1)
        async def use(cpu):
            {use}

        @stress.tasks(count=1)
        async def do(cpu):
            {do}

        @stress.tasks(count=1)
        async def want(cpu):
            {want}

        stress.run()
"""

BOTH = "async with {}:\n                await asyncio.sleep(0)\n                async with {}: pass"


def stalled(pytester: pytest.Pytester, use: str, do: str, want: str = "await never.wait()") -> str:
    """The output of a test whose three tasks stall."""
    pytester.mkpydir("anyio")
    Path("anyio/__init__.py").write_text("from anyio._core import *")
    Path("anyio/_core.py").write_text(textwrap.dedent(ANYIO))
    pytester.makepyfile(test_it=WAITING.format(use=use, do=do, want=want))
    result = pytester.runpytest_inprocess(*SMALL)
    result.assert_outcomes(failed=1)
    out = result.stdout.str()
    assert "STALLED: 3 of 3 CPUs do not end their operation" in out
    return out


@pytest.mark.usefixtures("until_sure")
def test_two_of_anyio_s_locks_in_two_orders_are_a_deadlock_with_its_circle(pytester: pytest.Pytester) -> None:
    out = stalled(pytester, BOTH.format("first", "second"), BOTH.format("second", "first"))
    assert "deadlock: CPU 0 waits for CPU 1, CPU 1 waits for CPU 0" in out
    held = r"waits for the lock `{}` \(\S+test_it.py:\d+\), which CPU {} holds in its `with {}` \(\S+test_it.py:\d+\)"
    assert re.search(held.format("second", 1, "second"), out)
    assert re.search(held.format("first", 0, "first"), out)


@pytest.mark.usefixtures("until_sure")
def test_who_waits_for_a_condition_of_anyio_does_not_hold_its_lock(pytester: pytest.Pytester) -> None:
    wait = "async with condition:\n                await condition.wait()"
    out = stalled(pytester, wait, "await condition.acquire(); await never.wait()", "async with condition: pass")
    assert re.search(r"waits for the lock `condition` \(\S+test_it.py:\d+\), whose holder is unknown", out)
    assert "which CPU 0 holds" not in out


@pytest.mark.usefixtures("until_sure")
def test_what_else_waits_in_anyio_is_told_by_the_line_that_calls_it(pytester: pytest.Pytester) -> None:
    out = stalled(pytester, "await never.wait()", "await never.wait()")
    assert re.search(r"waits in Event\w*.wait, called in `await never.wait\(\)` \(\S+test_it.py:\d+\); it is un", out)
