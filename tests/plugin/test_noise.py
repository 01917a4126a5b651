"""Noise comes to the code under test and to no other, and leaves the interpreter as it was."""

import sys
import threading
from pathlib import Path

import pytest

from stress.marks import noise as noises
from stress.marks.noise import KINDS, PACKAGE, Countdown, Kind, Noise, UnderTest

HERE = Path(__file__).parent
MANY = 2000


def code_under_test(rounds: int) -> int:
    total = 0
    for number in range(rounds):
        total += number
    return total


@pytest.fixture
def yields(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    seen: list[str] = []
    monkeypatch.setattr(noises, "sched_yield", lambda: seen.append(threading.current_thread().name))
    return seen


def run(kind: Kind, under_test: UnderTest) -> None:
    """Run code under test on a thread of its own, with noise of a kind."""
    heard = Noise(under_test, 1).slice(kind)
    with heard.everywhere():
        thread = threading.Thread(target=heard.around(code_under_test), args=(MANY,), name="cpu")
        thread.start()
        thread.join(30)
        assert not thread.is_alive()


@pytest.mark.parametrize("kind", [Kind.INSTRUCTIONS, Kind.LINES])
def test_the_code_under_test_yields_at_about_its_share_of_events(kind: Kind, yields: list[str]) -> None:
    run(kind, UnderTest(HERE))
    least = {Kind.LINES: 2 * MANY, Kind.INSTRUCTIONS: 5 * MANY}[kind]
    assert yields.count("cpu") >= least / kind.value / 2


@pytest.mark.parametrize("kind", [Kind.BARE, Kind.SWITCHES])
def test_bare_threads_and_short_switch_intervals_do_not_yield(kind: Kind, yields: list[str]) -> None:
    run(kind, UnderTest(HERE))
    assert yields == []


@pytest.mark.parametrize("kind", [Kind.INSTRUCTIONS, Kind.LINES])
def test_code_elsewhere_does_not_yield(kind: Kind, yields: list[str], tmp_path: Path) -> None:
    run(kind, UnderTest(tmp_path))
    assert yields == []


@pytest.mark.parametrize("kind", Kind)
def test_afterwards_everything_is_as_before(kind: Kind) -> None:
    before = sys.getswitchinterval(), sys.gettrace(), _tools()
    with Noise(UnderTest(HERE), 1).slice(kind).everywhere():
        within = sys.getswitchinterval()
    assert (sys.getswitchinterval(), sys.gettrace(), _tools()) == before
    assert (within < before[0]) == (kind is not Kind.BARE)


def _tools() -> list[str | None]:
    """Who monitors, where Python can tell."""
    monitoring = getattr(sys, "monitoring", None)
    return [monitoring.get_tool(number) for number in range(6)] if monitoring else []


@pytest.mark.skipif(hasattr(sys, "monitoring"), reason="only where threads are traced")
def test_a_thread_that_is_traced_already_is_left_alone(yields: list[str]) -> None:
    def for_coverage(frame: object, event: str, arg: object) -> None:
        return None

    seen: list[object] = []
    heard = Noise(UnderTest(HERE), 1).slice(Kind.LINES)

    def body() -> None:
        sys.settrace(for_coverage)
        heard.around(lambda one: seen.append(sys.gettrace()))(1)
        sys.settrace(None)

    thread = threading.Thread(target=body)
    thread.start()
    thread.join(30)
    assert seen == [for_coverage]
    assert yields == []


@pytest.mark.skipif(not hasattr(sys, "monitoring"), reason="only where tools monitor")
def test_if_no_tool_is_free_nothing_comes(yields: list[str], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(noises, "_free_tool", lambda: None)
    run(Kind.LINES, UnderTest(HERE))
    assert yields == []


def test_code_under_test_is_what_lies_under_rootdir_and_is_not_installed_there(tmp_path: Path) -> None:
    more = tmp_path.parent / "other"
    under_test = UnderTest(tmp_path, (more, tmp_path / ".venv/lib/site-packages/mine"))
    assert under_test.has(str(tmp_path / "pkg/cache.py"))
    assert under_test.has(str(more / "a.py"))
    assert under_test.has(str(tmp_path / ".venv/lib/site-packages/mine/a.py"))
    assert not under_test.has(str(tmp_path / ".venv/lib/site-packages/theirs/a.py"))
    assert not under_test.has(threading.__file__)
    assert not UnderTest(PACKAGE.parent).has(str(PACKAGE / "runner.py"))


def test_a_countdown_yields_about_once_a_period(yields: list[str]) -> None:
    from random import Random

    countdown = Countdown(8, Random(1))
    for _ in range(8000):
        countdown.event()
    assert 800 <= len(yields) <= 1250


def test_bare_threads_are_among_the_kinds_of_every_run() -> None:
    assert Kind.BARE in KINDS
    assert Kind.INSTRUCTIONS in KINDS
