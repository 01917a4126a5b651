"""Noise comes to the code under test and to no other, and leaves the interpreter as it was."""

import gc
import sys
import threading
from collections.abc import Callable, Iterator
from functools import partial, wraps
from pathlib import Path
from random import Random
from types import FrameType
from typing import Any

import pytest

from stress.machine.gil import gil_enabled
from stress.marks.noise import core_yield
from stress.marks.noise.code_under_test import PACKAGE, CodeUnderTest, Part
from stress.marks.noise.noise import COVERAGE, LONG_INTERVAL, TOOL_IDS, Noise, SliceNoise, codes_of
from stress.marks.noise.switches import KINDS, YIELDS, Countdown, Kind, NoiseCounts, Yields
from tests.plugin.noisy import MANY, code_under_test, notes, run

pytestmark = pytest.mark.threads

HERE = Path(__file__).parent
FEW = 10
CALLS = 16
ITS_FILE = code_under_test.__code__.co_filename


@pytest.fixture
def yields(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    seen: list[str] = []
    monkeypatch.setattr(core_yield, "sched_yield", lambda: seen.append(threading.current_thread().name))
    return seen


@pytest.mark.parametrize("kind", [Kind.INSTRUCTIONS, Kind.LINES])
def test_the_code_under_test_yields_at_about_its_share_of_events(kind: Kind, yields: list[str]) -> None:
    run(kind, CodeUnderTest(HERE))
    least = {Kind.LINES: 2 * MANY, Kind.INSTRUCTIONS: 5 * MANY}[kind]
    assert yields.count("cpu") >= least / YIELDS[kind].period / 2


@pytest.mark.parametrize("kind", [Kind.INSTRUCTIONS, Kind.LINES])
def test_what_an_item_had_no_noise_for_takes_it_in_the_next_one(kind: Kind, tmp_path: Path) -> None:
    assert not run(kind, CodeUnderTest(tmp_path)).switches
    assert run(kind, CodeUnderTest(HERE)).switches[ITS_FILE, True] > MANY / YIELDS[kind].period


@pytest.mark.parametrize("every", [True, False])
def test_of_the_calls_in_a_loop_some_are_plain_and_never_the_first_of_a_slice(
    every: bool, yields: list[str], monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setitem(YIELDS, Kind.LINES, Yields(1, 1, plain=1 / 2))  # at each line, so that no call is by chance
    noise, plain = Noise(CodeUnderTest(tmp_path, test_file=ITS_FILE), 1), list[bool]()
    for _ in range(CALLS):
        with (slice_noise := noise.slice(Kind.LINES)).everywhere():
            call = slice_noise.around(lambda: code_under_test(1), every)
            for _ in range(CALLS):
                before = len(yields)
                call()
                plain.append(len(yields) == before)
    assert not any(plain[::CALLS])
    wanted = 0 if every else len(plain) / 2
    assert wanted / 2 <= plain.count(True) <= 2 * wanted


@pytest.mark.parametrize(("fresh", "every"), [("", False), ("@stress.fresh", True)])
def test_calls_are_plain_in_loops_and_not_in_rounds(
    pytester: pytest.Pytester, monkeypatch: pytest.MonkeyPatch, fresh: str, every: bool
) -> None:
    seen, around = set[bool](), SliceNoise.around

    def watched(noise: SliceNoise, body: Callable[..., object], every: bool) -> Callable[..., object]:
        seen.add(every)
        return around(noise, body, every)

    monkeypatch.setattr(SliceNoise, "around", watched)
    pytester.makepyfile(f"""
        import pytest

        @pytest.mark.stress
        def test_it(stress):
            {fresh or "@stress.thread"}
            def one(*cpu):
                return None

            @stress.thread
            def use(*cpu):
                return None

            stress.run()
    """)
    pytester.runpytest_inprocess("-p", "no:cacheprovider", "--stress-duration", "50ms", "-W", "ignore").assert_outcomes(
        passed=1
    )
    assert seen == {every}


def test_switches_are_counted_by_file_and_apart_in_the_body_itself() -> None:
    def body(rounds: int) -> None:
        for number in range(rounds):
            code_under_test(number % 3)

    counts = run(Kind.LINES, CodeUnderTest(HERE), body).switches
    assert set(counts) == {(__file__, True), (ITS_FILE, False)}
    assert min(counts.values()) > MANY / YIELDS[Kind.LINES].period / 4


def test_the_code_of_a_body_is_found_through_what_wraps_it() -> None:
    def wrapper(rounds: int) -> int:
        return code_under_test(rounds)

    wrapped = partial(wraps(code_under_test)(wrapper), 1)
    assert list(codes_of(wrapped)) == [wrapper.__code__, code_under_test.__code__]
    assert list(codes_of(len)) == []


@pytest.mark.parametrize("kind", [Kind.BARE, Kind.SWITCHES])
def test_bare_threads_and_short_switch_intervals_do_not_yield(kind: Kind, yields: list[str]) -> None:
    run(kind, CodeUnderTest(HERE))
    assert yields == []


@pytest.mark.parametrize("kind", [Kind.INSTRUCTIONS, Kind.LINES])
def test_code_elsewhere_does_not_yield(kind: Kind, yields: list[str], tmp_path: Path) -> None:
    run(kind, CodeUnderTest(tmp_path))
    assert yields == []


@pytest.mark.parametrize("kind", Kind)
def test_afterwards_everything_is_as_before(kind: Kind) -> None:
    before = sys.getswitchinterval(), sys.gettrace(), _tools()
    with Noise(CodeUnderTest(HERE), 1).slice(kind).everywhere():
        within = sys.getswitchinterval()
    assert (sys.getswitchinterval(), sys.gettrace(), _tools()) == before
    assert (within < before[0]) == (kind not in LONG_INTERVAL)


def _tools() -> list[str | None]:
    """Who monitors, where Python can tell."""
    monitoring = getattr(sys, "monitoring", None)
    return [monitoring.get_tool(number) for number in range(6)] if monitoring else []


@pytest.mark.skipif(hasattr(sys, "monitoring"), reason="only where threads are traced")
@pytest.mark.parametrize("kind", [Kind.INSTRUCTIONS, Kind.LINES])
def test_a_thread_that_is_traced_already_is_left_alone_and_that_is_told(kind: Kind, yields: list[str]) -> None:
    def debugger(frame: object, event: str, arg: object) -> None:
        return None

    counts = run(kind, CodeUnderTest(HERE), before=debugger)
    assert yields == []
    assert counts.gave_way == {(f"{__name__.partition('.')[0]}, which traces the threads", "operations"): 1}


@pytest.mark.skipif(hasattr(sys, "monitoring"), reason="only where threads are traced")
@pytest.mark.parametrize("kind", [Kind.INSTRUCTIONS, Kind.LINES])
def test_a_coverage_measurement_sees_what_it_would_see_without_noise(kind: Kind, yields: list[str]) -> None:
    def seen_in(kind: Kind) -> list[tuple[str, int]]:
        seen: list[tuple[str, int]] = []

        def measure(frame: FrameType, event: str, arg: object) -> object:
            if frame.f_code is code_under_test.__code__:
                seen.append((event, frame.f_lineno))
            if event == "call":
                sys.settrace(measure)  # type: ignore[arg-type]  # as coverage's tracer written in C does
            return measure

        measure.__module__ = COVERAGE
        run(kind, CodeUnderTest(HERE), before=measure)
        return seen

    bare = seen_in(Kind.BARE)
    assert (len(bare), bare[0][0], bare[-1][0], yields) == (2 * MANY + 5, "call", "return", [])
    assert seen_in(kind) == bare
    assert yields.count("cpu") > MANY / YIELDS[kind].period


@pytest.mark.skipif(not hasattr(sys, "monitoring"), reason="only where tools monitor")
def test_if_no_tool_is_free_nothing_comes_and_that_is_told(yields: list[str]) -> None:
    monitoring: Any = sys.monitoring  # type: ignore[attr-defined,unused-ignore]
    free = [number for number in TOOL_IDS if monitoring.get_tool(number) is None]
    for number in free:
        monitoring.use_tool_id(number, "another")
    try:
        counts = run(Kind.LINES, CodeUnderTest(HERE))
    finally:
        for number in free:
            monitoring.free_tool_id(number)
    assert yields == []
    [(told, units)] = counts.gave_way
    assert "another, another" in told
    assert told.endswith(", which have all tools of sys.monitoring")
    assert units == "slices"


def test_code_under_test_is_what_lies_under_rootdir_and_is_not_installed_there(tmp_path: Path) -> None:
    more = tmp_path.parent / "other"
    mine, own = tmp_path / ".venv/lib/site-packages/mine", tmp_path / "site-packages/mine/test_it.py"
    parts = (Part("other", "", (str(more),)), Part("mine", "site-packages", (str(mine),)))
    under_test = CodeUnderTest(tmp_path, parts, str(own))
    assert under_test.label(str(tmp_path / "pkg/cache.py")) == str(Path("pkg/cache.py"))
    assert under_test.label(str(more / "a.py")) == "other"
    assert under_test.label(str(mine / "a.py")) == "mine (site-packages)"
    assert under_test.label(str(own)) == "test_it.py"
    assert not under_test.has(f"{mine}2/a.py")
    assert not under_test.has(str(tmp_path / ".venv/lib/site-packages/theirs/a.py"))
    assert not under_test.has(threading.__file__)
    assert not CodeUnderTest(Path(threading.__file__).parent).has(threading.__file__)
    assert not CodeUnderTest(Path(PACKAGE).parent).has(f"{PACKAGE}/runner.py")


@pytest.fixture
def collections() -> Iterator[list[str]]:
    seen: list[str] = []
    threshold, watch = gc.get_threshold(), lambda phase, info: seen.append(phase)
    gc.callbacks.append(watch)
    yield seen
    gc.set_threshold(*threshold)
    gc.callbacks.remove(watch)


@pytest.mark.skipif(not gil_enabled(), reason="without a GIL other events start collections")
def test_what_happens_at_an_event_starts_no_collection(collections: list[str]) -> None:
    countdown = Countdown(Yields(1, 1 / 8, skips=True), Random(1), NoiseCounts())
    code, takers, taken = code_under_test.__code__, countdown.counts.takers, taking.__code__
    held: list[object] = []

    def starts_one(call: Callable[[int], object], number: int) -> bool:
        gc.set_threshold(1_000_000)
        held.extend((set(), set(), set()))
        collections.clear()
        gc.set_threshold(1)  # more are counted, so that the next one starts a collection
        call(number)
        return bool(collections)

    def event(number: int) -> None:
        countdown.event(code, number)
        takers.event(taken, taken.co_firstlineno + number % 3)

    def an_object(number: int) -> None:
        held[-1:] = [set()]

    def count(call: Callable[[int], object]) -> int:
        found = 0
        for number in range(1100):
            found += starts_one(call, number) and number >= 100  # what is made once is made by then
        return found

    assert count(an_object) > 500
    assert count(event) == 0


def taking() -> None:
    lock = threading.Lock()
    lock.acquire()
    lock.release()


def test_a_countdown_yields_about_once_a_period(yields: list[str]) -> None:
    countdown = Countdown(Yields(8, 0), Random(1), counts := NoiseCounts())
    for _ in range(8000):
        countdown.event(code_under_test.__code__, 1)
    assert counts.switches == {(ITS_FILE, False): len(yields)}
    assert 800 <= len(yields) <= 1250


def test_bare_threads_are_among_the_kinds_of_every_run() -> None:
    assert Kind.BARE in KINDS
    assert Kind.INSTRUCTIONS in KINDS


@pytest.mark.parametrize("is_measured", [False, True], ids=["alone", "under coverage"])
@pytest.mark.parametrize("kind", [Kind.LINES, Kind.DELAYS, Kind.INSTRUCTIONS])
def test_an_operation_that_outlasts_its_slice_has_no_noise_from_then_on(kind: Kind, is_measured: bool) -> None:
    began, over, traced = threading.Event(), threading.Lock(), list[object]()
    over.acquire()

    def measures(frame: FrameType, event: str, arg: object) -> object:
        return measures

    measures.__module__ = "coverage.fake"
    before = measures if is_measured else None

    def body(rounds: int) -> None:
        began.set()
        over.acquire(timeout=30)
        for _ in range(rounds):
            pass
        traced.append(sys.gettrace())

    def thread() -> None:
        sys.settrace(before)  # type: ignore[arg-type]
        around.around(body)(MANY)
        traced.append(sys.gettrace())
        sys.settrace(None)

    noise = Noise(CodeUnderTest(HERE), 1, [body])
    around = noise.slice(kind)
    cpu = threading.Thread(target=thread, daemon=True)
    with around.everywhere():
        cpu.start()
        assert began.wait(30)
    over.release()
    cpu.join(30)
    assert traced == [before, before]
    assert noise.counts.switches.total() < FEW
    assert not noise.counts.gave_way


@pytest.mark.usefixtures("patient")
def test_an_operation_may_take_long(pytester: pytest.Pytester) -> None:
    pytester.makepyfile("""
        import threading
        import pytest

        LOCK = threading.Lock()

        def work():
            for _ in range(1_000_000):
                pass

        def work_alone():
            with LOCK:
                work()

        @pytest.mark.stress(cpus=[2, 4, 8], duration="500ms")
        @pytest.mark.parametrize("work", [work, work_alone])
        def test_it(stress, work):
            stress.thread(lambda cpu: work())
            stress.run()
    """)
    result = pytester.runpytest_inprocess("-p", "no:cacheprovider", "-p", "no:hypothesispytest")
    result.assert_outcomes(passed=6)
    assert notes(result) == []
