"""Whatever a test makes of `threading` before it asks for the fixture, the harness has real threads and locks."""

import pytest

from stress.errors import HostError
from stress.machine.machine import Machine
from tests.support import blank_ram

pytestmark = pytest.mark.threads

SMALL = ("-p", "no:cacheprovider", "-p", "no:hypothesispytest", "-W", "error")
BOUND_SECONDS = 30.0
TEST = """
    import threading
    from unittest import mock
    import pytest

    @pytest.fixture
    def patched(monkeypatch):
        monkeypatch.setattr(threading, "{name}", mock.Mock())

    @pytest.mark.stress(cpus=2, duration="200ms")
    def test_it(patched, stress):
        stress.thread(lambda cpu: "good")
        assert stress.run({{"good"}})["good"] > 1
"""


@pytest.mark.parametrize("name", ["Thread", "Lock", "Event"])
def test_who_patches_threading_gets_a_run(name: str, pytester: pytest.Pytester) -> None:
    pytester.makepyfile(TEST.format(name=name))
    result = pytester.runpytest_subprocess(*SMALL, timeout=BOUND_SECONDS)
    result.assert_outcomes(passed=1)


def test_a_thread_that_start_does_not_start_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("threading.Thread.start", lambda thread: None)
    with pytest.raises(HostError, match=r"no thread for CPU 0: threading\.Thread\.start started none"):
        Machine(blank_ram(2), [lambda ram, number: None] * 2).boot()
