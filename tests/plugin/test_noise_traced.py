"""Noise beside coverage measurements and debuggers: both get what they need, or the item says that noise gave way."""

import json
import re
import sys
import xml.etree.ElementTree as ElementTree
from typing import Any

import pytest

from benchmarks.reach import WITHOUT_NOISE, examples
from tests.plugin.noisy import noise_lines

QUIET = ("-p", "no:cacheprovider", "-p", "no:hypothesispytest", "--strict-markers", "-W", "error")
BOUND_SECONDS = 60.0
TIMES = 5
SHELF = """
class Shelf:
    def __init__(self):
        self.items = {}

    def put(self, key):
        try:
            for step in range(3):
                if step == key:
                    self.items[key] = step
                else:
                    continue
        finally:
            self.items.setdefault(3, None)
        yield from self.later(key)

    def later(self, key):
        yield key
        with open(__file__) as file:
            yield file.name

    def fails(self):
        raise ValueError

    def never(self):
        return 1
"""
TEST_SHELF = """
    import pytest
    from shelf import Shelf

    @pytest.mark.stress(cpus=2, duration="300ms")
    def test_it(stress):
        @stress.reader
        def look(cpu):
            shelf = Shelf()
            assert len([list(shelf.put(key)) for key in range(4)]) == 4
            try:
                shelf.fails()
            except ValueError:
                {end}

        @stress.writer(count=1)
        def change(cpu):
            pass

        stress.run(acceptable={{"fine"}})
"""
TRACED = """
    import sys
    import threading
    import pytest

    if hasattr(sys, "monitoring"):
        for number in range(6):
            sys.monitoring.use_tool_id(number, f"tool{{number}}")
    else:
        threading.settrace(lambda frame, event, arg: None)

    @pytest.mark.stress(cpus=2, duration="600ms")
    def test_it(stress):
        stress.reader(lambda cpu: "{outcome}")
        stress.writer(count=1)(lambda cpu: None)
        stress.run(acceptable={{"fine"}})
"""
DEBUGGED = """
    import io
    import pdb
    import sys
    import threading
    import pytest

    PROMPTED = []

    def debug():
        PROMPTED.append(threading.current_thread().name)
        out = io.StringIO()
        pdb.Pdb(stdin=io.StringIO("step\\nnext\\nup\\nreturn\\ncontinue\\n"), stdout=out).set_trace()
        return out.getvalue()

    @pytest.mark.stress(cpus=2, duration="300ms")
    def test_it(stress):
        @stress.reader
        def look(cpu):
            if not PROMPTED:
                debug()
            return "fine"

        @stress.writer(count=1)
        def change(cpu):
            pass

        stress.run(acceptable={"fine"})
        assert PROMPTED == ["cpu1"]
"""


def covered(pytester: pytest.Pytester, end: str, conftest: str) -> dict[str, Any]:
    """What coverage measures of a run of the shelf, lines and branches."""
    (pytester.path / "shelf.py").write_text(SHELF)
    (pytester.path / "conftest.py").write_text(conftest)
    pytester.makepyfile(TEST_SHELF.format(end=end))
    arguments = ("--cov=shelf", "--cov-branch", "--cov-report=json:out.json", "-W", "default")
    result = pytester.runpytest_subprocess(*QUIET, *arguments, timeout=BOUND_SECONDS)
    result.assert_outcomes(passed=end != "raise", failed=end == "raise")
    found: dict[str, Any] = json.loads((pytester.path / "out.json").read_text())["files"]["shelf.py"]
    return found


@pytest.mark.parametrize(
    ("end", "core"),
    [("return 'fine'", "ctrace"), ("raise", "ctrace"), ("raise", "pytrace")],
    ids=["all slices", "one operation", "one operation, Python's tracer"],
)
def test_coverage_is_what_it_is_without_noise(
    end: str, core: str, pytester: pytest.Pytester, monkeypatch: pytest.MonkeyPatch
) -> None:
    pytest.importorskip("pytest_cov")
    if core == "ctrace":
        pytest.importorskip("coverage.tracer", reason="coverage was built without it")
    monkeypatch.setenv("COVERAGE_CORE", core)
    noisy = covered(pytester, end, conftest="")
    assert noisy["missing_lines"] == [SHELF.splitlines().index("        return 1") + 1]
    assert noisy["missing_branches"] == []
    bare = covered(pytester, end, conftest=WITHOUT_NOISE)
    assert (bare["executed_lines"], bare["summary"]) == (noisy["executed_lines"], noisy["summary"])


def test_noise_stays_under_coverage(pytester: pytest.Pytester) -> None:
    pytest.importorskip("pytest_cov")
    pytester.makepyfile(test_lru=examples()["test_lru"])
    arguments = ("--cov=.", "--cov-report=", "-k", "races", "--stress-repeat", str(TIMES), "--junitxml", "out.xml")
    result = pytester.runpytest_subprocess(*QUIET, *arguments, timeout=BOUND_SECONDS)
    assert result.parseoutcomes()["failed"] > 0  # which of them find the race is a matter of luck
    properties = ElementTree.parse(pytester.path / "out.xml").getroot().iter("property")
    noise = [one.attrib["value"] for one in properties if one.attrib["name"] == "stress_noise"]
    assert len(noise) == TIMES
    assert all(re.search(r"^switches at lines and instructions: test_lru\.py [0-9,]+$", told) for told in noise)


def test_an_item_without_noise_is_inconclusive_and_says_what_it_gave_way_to(pytester: pytest.Pytester) -> None:
    pytester.makepyfile(TRACED.format(outcome="fine"))
    result = pytester.runpytest_subprocess(*QUIET, "--junitxml", "out.xml", timeout=BOUND_SECONDS)
    result.assert_outcomes(failed=1)
    whom = "tool0, .*tool5, which have all tools of sys.monitoring" if hasattr(sys, "monitoring") else "test_an_item"
    told = rf"INCONCLUSIVE: no operation had noise at lines or instructions \(gave way to {whom}.*: [0-9,]+\)"
    assert re.search(told, result.stdout.str())
    root = ElementTree.parse(pytester.path / "out.xml").getroot()
    assert [re.search(told, one.attrib["message"]) is not None for one in root.iter("failure")] == [True]
    [noise] = [one.attrib["value"] for one in root.iter("property") if one.attrib["name"] == "stress_noise"]
    assert noise.startswith("no switches at lines or instructions; gave way to ")


def test_a_violation_without_noise_is_one(pytester: pytest.Pytester) -> None:
    pytester.makepyfile(TRACED.format(outcome="bad"))
    result = pytester.runpytest_subprocess(*QUIET, timeout=BOUND_SECONDS)
    result.assert_outcomes(failed=1)
    assert "VIOLATED: bad in " in result.stdout.str()
    assert "INCONCLUSIVE" not in result.stdout.str()


@pytest.mark.parametrize("measured", [(), ("--cov=.", "--cov-report=")], ids=["alone", "under coverage"])
def test_a_debugger_in_a_body_has_its_thread_and_noise_goes_on_after_it(
    measured: tuple[str, ...], pytester: pytest.Pytester
) -> None:
    if measured:
        pytest.importorskip("pytest_cov")
    pytester.makepyfile(DEBUGGED)
    result = pytester.runpytest_subprocess("-v", *QUIET[:4], *measured, timeout=BOUND_SECONDS)
    result.assert_outcomes(passed=1)
    [told] = noise_lines(result)
    assert re.search(r"^switches at lines and instructions: test_a_debugger\w+\.py [0-9,]+", told)
    gave_way = "gave way to a trace function that was set meanwhile (operations: 1)" in told
    assert gave_way != hasattr(sys, "monitoring")
