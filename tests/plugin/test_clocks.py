"""Whatever a test makes of `time`, the harness goes by the real clock; the test's own code sees what the test made."""

import time

import pytest

QUIET = ("-p", "no:cacheprovider", "-p", "no:hypothesispytest", "-W", "error")
"""Without an option of kstress, which would load the marks as pytest starts."""
SMALL = (*QUIET, "--stress-duration", "200ms")
BOUND_SECONDS = 30.0
CLOCKS = ("time", "monotonic", "perf_counter", "time_ns", "monotonic_ns", "perf_counter_ns")
TEST = """
    import sys, time
    import pytest

    CLOCKS = {clocks!r}

    {fixture}

    @pytest.mark.stress(cpus=[2, 3])
    def test_it(stress, frozen):
        seen = set()

        @stress.writer
        def look(cpu):
            seen.add(time.monotonic())

        stress.run()
        assert len(seen) == 1
"""
PATCHED = """
    @pytest.fixture{auto}
    def frozen(monkeypatch):
        for name in CLOCKS:
            monkeypatch.setattr(time, name, lambda: 7)
        monkeypatch.setattr(time, "sleep", lambda seconds: pytest.fail("slept"))
"""
BY_MODULE = """
    @pytest.fixture{auto}
    def frozen(monkeypatch):  # as freezegun does it: in every module, whatever it calls them
        fakes = {{id(getattr(time, name)): lambda: 7 for name in (*CLOCKS, "sleep")}}
        for module in list(sys.modules.values()):
            if getattr(module, "__name__", "threading") not in ("threading", "queue"):
                for name, value in list(vars(module).items()):
                    if id(value) in fakes:
                        monkeypatch.setattr(module, name, fakes[id(value)])
"""


@pytest.mark.parametrize("auto", ["", "(autouse=True)"])
@pytest.mark.parametrize("fixture", [PATCHED, BY_MODULE])
def test_a_frozen_clock_makes_nobody_wait(fixture: str, auto: str, pytester: pytest.Pytester) -> None:
    pytester.makepyfile(TEST.format(clocks=CLOCKS, fixture=fixture.format(auto=auto).strip()))
    began = time.monotonic()
    pytester.runpytest_inprocess(*SMALL).assert_outcomes(passed=2)
    assert 2 * 0.2 <= time.monotonic() - began < BOUND_SECONDS


def test_a_clock_that_is_frozen_when_the_marks_are_loaded_is_not_theirs(pytester: pytest.Pytester) -> None:
    source = """
        import time
        import pytest

        time.monotonic = time.monotonic_ns = time.time = time.perf_counter = lambda: 7
        time.clock_gettime = time.clock_gettime_ns = lambda number: 7
        time.sleep = lambda seconds: None

        @pytest.mark.stress(cpus=2, duration="200ms")
        def test_it(stress):
            stress.writer(lambda cpu: None)
            stress.run()
    """
    pytester.makepyfile(source)
    pytester.runpytest_subprocess(*QUIET, timeout=BOUND_SECONDS).assert_outcomes(passed=1)
