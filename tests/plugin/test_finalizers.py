"""What Python ignores fails a stress test: an exception in a finalizer, or in a callback of a weak reference."""

import re
import sys
from pathlib import Path

import pytest

from stress.marks.bodies import EndThread
from stress.marks.crews.finalizers import MOST_KEPT, Finalizers
from stress.marks.noise.code_under_test import CodeUnderTest
from stress.marks.operations.tally import Judging, Tally

pytestmark = pytest.mark.threads

SMALL = ("-p", "no:cacheprovider", "-p", "no:hypothesispytest", "--stress-duration", "300ms", "--stress-seed", "1")
DROPS = """
    import threading
    import weakref
    import pytest

    class Handle:
        pass

    class Closing(Handle):
        def __del__(self):
            assert not {raises}, "closed twice"

    def closed(reference):
        assert not {raises}, "closed twice"

    @pytest.mark.stress(cpus=2)
    def test_it(stress):
        references = [None] * 2

        @stress.thread
        def use(cpu):
            {use}

        stress.run()
"""
USES = {
    "finalizer": "Closing()",
    "callback": "one = Handle(); references[cpu.number] = weakref.ref(one, closed)",
    "another thread": "one = threading.Thread(target=Closing); one.start(); one.join()",
}


@pytest.mark.parametrize("use", USES.values(), ids=USES)
@pytest.mark.parametrize("raises", [True, False])
def test_what_a_finalizer_raises_in_an_operation_fails_the_test_once_and_with_its_place(
    use: str, raises: bool, pytester: pytest.Pytester
) -> None:
    before = sys.unraisablehook
    pytester.makepyfile(DROPS.format(use=use, raises=raises))
    result = pytester.runpytest_inprocess(*SMALL, "-W", "always")
    result.assert_outcomes(failed=raises, passed=not raises)
    out = result.stdout.str()
    assert "PytestUnraisableExceptionWarning" not in out
    assert sys.unraisablehook is before
    if raises:
        assert re.search(r"RAISED: \d finalizers? of the code under test ended in an exception", out)
        assert re.search(r"first: AssertionError by (CPU \d \(thread use, operation \d+\)|thread Thread-\d)", out)
        assert re.search(
            r"AssertionError: closed twice\n[^+]*\| Python ignored it in <function (Closing\.__del__|closed)", out
        )
        assert re.search(r"on (CPU|thread) .* s after the start, \w+ slice", out)


def test_what_it_raises_beside_the_run_is_left_to_pytest(pytester: pytest.Pytester) -> None:
    pytester.makepyfile(DROPS.format(use="pass", raises=True).replace("stress.run()", "stress.run(); Closing()"))
    result = pytester.runpytest_inprocess(*SMALL, "-W", "always")
    result.assert_outcomes(passed=1, warnings=1)
    assert "PytestUnraisableExceptionWarning" in result.stdout.str()


class Raising:
    """Raises when it goes."""

    def __init__(self, error: BaseException) -> None:
        self.error = error

    def __del__(self) -> None:
        raise self.error


@pytest.mark.parametrize("whose", ["this test", "another test", "another thread", "the end of a thread"])
def test_only_what_is_a_matter_of_the_run_is_kept(whose: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    left: list[object] = []
    monkeypatch.setattr(sys, "unraisablehook", left.append)
    tally = Tally(Judging(), "a finalizer", str)
    under_test = CodeUnderTest(Path(__file__).parent).beside([__file__] * (whose == "another test"))
    kept = Finalizers(tally, tally.errors.append, under_test.answers_for, lambda: whose != "another thread")
    with kept.heard():
        for _ in range(2 * MOST_KEPT):
            Raising(EndThread() if whose == "the end of a thread" else ValueError(whose))
    counts = {"this test": (MOST_KEPT, 0), "the end of a thread": (0, 0)}
    assert (len(tally.errors), len(left)) == counts.get(whose, (0, 2 * MOST_KEPT))
