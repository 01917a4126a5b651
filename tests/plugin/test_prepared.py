"""A machine waits for its test, which finds it there, and ends with it, whether or not it runs."""

import threading
import time
from pathlib import Path

import pytest

from stress.machine.machine import Machine
from stress.marks.cell import Cell
from stress.marks.mark_run import MarkRun, Plan
from stress.marks.noise.code_under_test import CodeUnderTest
from stress.marks.noise.noise import SliceNoise
from stress.marks.operations.cpu import Signals, StressCpu
from stress.marks.operations.roles import Duty, Role
from tests.support import cpu_threads

pytestmark = [pytest.mark.threads, pytest.mark.old_pytest]

CPUS = 3
TO_THE_GATE = 0.2
SEEN_SLICES = 4
"""Seconds by which CPUs that are online have come to their first operation."""
QUIET = ("-p", "no:cacheprovider", "-p", "no:hypothesispytest", "-W", "error", "--stress-duration", "300ms")

WAITING = """
    import threading
    import pytest

    CALLED = []
    BEFORE = set(threading.enumerate())

    def cpus():
        return [one for one in set(threading.enumerate()) - BEFORE if one.name.startswith("cpu")]

    @pytest.mark.stress(cpus=3)
    def test_it(stress):
        assert len(cpus()) == 3
        stress.reader(lambda cpu: CALLED.append(cpu))
        stress.writer(count=1)(lambda cpu: CALLED.append(cpu))
        {run}

    def test_after():
        assert cpus() == []
        assert bool(CALLED) == {ran}
"""

IN_CONTEXT = """
    from contextvars import ContextVar
    import pytest

    WHERE = ContextVar("WHERE", default="nowhere")

    @pytest.mark.stress(cpus=2)
    def test_it(stress):
        WHERE.set("in the test")
        stress.reader(lambda cpu: WHERE.get())
        stress.writer(count=1)(lambda cpu: WHERE.get())
        stress.run(acceptable={"in the test"})
"""


def test_the_cpus_are_there_before_the_test_and_gone_after_it(pytester: pytest.Pytester) -> None:
    pytester.makepyfile(WAITING.format(run="stress.run()", ran=True))
    pytester.runpytest_inprocess(*QUIET).assert_outcomes(passed=2)


def test_a_test_that_never_runs_leaves_no_thread_and_calls_no_body(pytester: pytest.Pytester) -> None:
    pytester.makepyfile(WAITING.format(run="pytest.skip()", ran=False))
    pytester.runpytest_inprocess(*QUIET).assert_outcomes(skipped=1, passed=1)


def test_bodies_run_in_the_context_of_the_test_and_not_of_what_came_before(pytester: pytest.Pytester) -> None:
    pytester.makepyfile(IN_CONTEXT)
    pytester.runpytest_inprocess(*QUIET).assert_outcomes(passed=1)


def test_an_interrupt_while_the_machine_boots_leaves_no_thread(monkeypatch: pytest.MonkeyPatch) -> None:
    boot, before = Machine.boot, cpu_threads()

    def interrupted(machine: Machine) -> None:
        boot(machine)
        assert len(cpu_threads() - before) == CPUS
        raise KeyboardInterrupt

    monkeypatch.setattr(Machine, "boot", interrupted)
    with pytest.raises(KeyboardInterrupt):
        MarkRun(Cell(CPUS, 1.0, 1), first_only=False).prepare()
    assert cpu_threads() <= before


def test_an_interrupt_before_the_cpus_are_let_go_calls_no_body(monkeypatch: pytest.MonkeyPatch) -> None:
    def interrupted(noise: SliceNoise) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(SliceNoise, "everywhere", interrupted)
    called: list[StressCpu] = []
    before = cpu_threads()
    mark_run = MarkRun(Cell(CPUS, 1.0, 1), first_only=False)
    mark_run.prepare()
    time.sleep(TO_THE_GATE)
    with pytest.raises(KeyboardInterrupt):
        mark_run.run(Plan([Role(called.append, Duty.WRITER, None)]), frozenset(), CodeUnderTest(Path(__file__).parent))
    assert called == []
    assert cpu_threads() <= before


def test_no_cpu_counts_as_at_rest_while_a_slice_goes_on(monkeypatch: pytest.MonkeyPatch) -> None:
    mark_run = MarkRun(Cell(CPUS, 60.0, 1), first_only=False)
    begin, end = Signals.begin, Signals.end
    at_rest: list[list[bool]] = []
    first = threading.Lock()

    def begin_late(signals: Signals, seconds: float) -> None:
        deadline = time.monotonic() + TO_THE_GATE
        while at_rest and not all(player.rests for player in mark_run.players) and time.monotonic() < deadline:
            time.sleep(0.001)
        begin(signals, seconds)

    def end_seen(signals: Signals) -> None:
        with first:  # whoever comes first ends the slice, and nobody rests before
            if not signals.ending:
                at_rest.append([player.rests for player in mark_run.players])
            if len(at_rest) >= SEEN_SLICES:
                signals.over.set()
            end(signals)

    monkeypatch.setattr(Signals, "begin", begin_late)
    monkeypatch.setattr(Signals, "end", end_seen)
    body = Role(lambda cpu: None, Duty.WRITER, None)
    mark_run.run(Plan([body]), frozenset(), CodeUnderTest(Path(__file__).parent))
    assert at_rest == [[False] * CPUS] * SEEN_SLICES
