"""Cells and where their settings come from; what is wrong is told in one line before anything runs."""

import re
import subprocess
import xml.etree.ElementTree as ElementTree

import pytest

from stress.errors import UserError
from stress.marks.cell import Cell, cells, rerun_command
from stress.marks.settings import check_mark, read_cpus, read_duration, read_repeat, read_seed
from tests.plugin.marked import MARKED, QUIET

pytestmark = pytest.mark.old_pytest


def names(result: pytest.RunResult) -> list[str]:
    """The names of the items that were collected."""
    return [line.partition("::")[2] for line in result.outlines if "::" in line]


def test_there_is_one_item_for_each_cpu_count_and_repetition(pytester: pytest.Pytester) -> None:
    pytester.makepyfile(MARKED.format(marked="cpus=[2, 4]"))
    result = pytester.runpytest_inprocess(*QUIET, "--collect-only", "-q", "--stress-repeat", "2")
    assert names(result) == ["test_it[2cpus]", "test_it[2cpus-again1]", "test_it[4cpus]", "test_it[4cpus-again1]"]


def test_the_command_line_comes_before_the_mark_and_the_mark_before_the_settings_file(
    pytester: pytest.Pytester,
) -> None:
    seen = []
    for marked, line, ini in (
        ("cpus=3", ("--stress-cpus", "5"), "stress_cpus = 7"),
        ("cpus=3", (), "stress_cpus = 7"),
        ("", (), "stress_cpus = 7"),
        ("", (), ""),
    ):
        pytester.makepyfile(MARKED.format(marked=marked))
        pytester.makeini(f"[pytest]\n{ini}\n")
        seen += names(pytester.runpytest_inprocess(*QUIET, "--collect-only", "-q", *line))
    assert seen == [f"test_it[{cpus}cpus]" for cpus in (5, 3, 7, 4)]


def test_a_closer_mark_comes_before_that_of_the_module(pytester: pytest.Pytester) -> None:
    source = MARKED.format(marked="cpus=3") + "\n    pytestmark = pytest.mark.stress(cpus=5, repeat=2)\n"
    pytester.makepyfile(source)
    result = pytester.runpytest_inprocess(*QUIET, "--collect-only", "-q")
    assert names(result) == ["test_it[3cpus]", "test_it[3cpus-again1]"]


def test_junit_has_a_case_for_each_cell_with_its_seed_and_what_it_came_to(pytester: pytest.Pytester) -> None:
    pytester.makepyfile(MARKED.format(marked="cpus=[2, 3], duration='400ms', seed=7"))
    result = pytester.runpytest_inprocess(*QUIET, "--junitxml", "out.xml")
    result.assert_outcomes(passed=2)
    root = ElementTree.parse(pytester.path / "out.xml").getroot()
    cases = {
        case.attrib["name"]: {one.attrib["name"]: one.attrib["value"] for one in case.iter("property")}
        for case in root.iter("testcase")
    }
    assert list(cases) == ["test_it[2cpus]", "test_it[3cpus]"]
    facts = cases["test_it[3cpus]"]
    assert (facts["stress_cpus"], facts["stress_seed"], facts["stress_duration_s"]) == ("3", "7", "0.4")
    assert int(facts["stress_operations"]) >= int(facts["stress_overlapped"]) > 0
    assert facts["stress_violations"] == "0"


@pytest.mark.parametrize(
    ("marked", "told"),
    [
        ("8", "name each argument: cpus, duration, seed, repeat (got 8)"),
        ("cores=8", "unknown argument 'cores'; give cpus, duration, seed, repeat"),
        ("cpus=0", "@pytest.mark.stress(cpus=...): 0 is not a CPU count; give 1 to 1024"),
        ("cpus=[]", "@pytest.mark.stress(cpus=...): no CPU count; give one or more, like 2,4,8"),
        ("cpus=[2, 'x']", "@pytest.mark.stress(cpus=...): 'x' is not a CPU count; give a whole number"),
        ("duration=5", "@pytest.mark.stress(duration=...): 5 is not a duration; write text with a unit, like '500ms'"),
        ("duration='5'", "@pytest.mark.stress(duration=...): '5' is not a duration; write a number with a unit"),
        ("duration='2d'", "the duration must be greater than 0 and at most a day (got '2d')"),
        ("seed=-1", "@pytest.mark.stress(seed=...): -1 is not a seed; give 0 to"),
        ("repeat=True", "@pytest.mark.stress(repeat=...): True is not a number of repetitions; give a whole number"),
    ],
)
def test_a_mark_that_cannot_be_used_is_told_in_a_line(marked: str, told: str, pytester: pytest.Pytester) -> None:
    pytester.makepyfile(MARKED.format(marked=marked))
    result = pytester.runpytest_inprocess(*QUIET)
    result.assert_outcomes(errors=1)
    out = result.stdout.str()
    assert told in out
    assert "Traceback" not in out
    assert "stress/pytest_plugin.py" not in out


@pytest.mark.parametrize(
    ("option", "told"),
    [
        (("--stress-cpus", "2,x"), "--stress-cpus: 'x' is not a CPU count; give a whole number"),
        (("--stress-cpus", ""), "--stress-cpus: '' is not a CPU count; give a whole number"),
        (("--stress-duration", "5"), "--stress-duration: '5' is not a duration"),
        (("--stress-seed", "x"), "--stress-seed: 'x' is not a seed; give a whole number"),
        (("--stress-repeat", "0"), "--stress-repeat: 0 is not a number of repetitions; give 1 to 1000000"),
        (("--stress-explore", "soon"), "--stress-explore: 'soon' is not a duration"),
        (("--stress-engine", "c"), "--stress-engine: 'c' is not an engine; give one of auto, python, native"),
        (("-o", "stress_cpus=x"), "stress_cpus in the settings file: 'x' is not a CPU count; give a whole number"),
    ],
)
def test_an_option_that_cannot_be_used_ends_pytest_with_a_line(
    option: tuple[str, str], told: str, pytester: pytest.Pytester
) -> None:
    pytester.makepyfile("def test_it(): pass")
    result = pytester.runpytest_inprocess(*QUIET, *option)
    assert result.ret == pytest.ExitCode.USAGE_ERROR
    assert f"ERROR: {told}" in result.stderr.str()
    assert "Traceback" not in result.stderr.str()


def test_the_fixture_without_the_mark_says_what_is_missing(pytester: pytest.Pytester) -> None:
    pytester.makepyfile("def test_it(stress): pass")
    result = pytester.runpytest_inprocess(*QUIET)
    result.assert_outcomes(errors=1)
    result.stdout.fnmatch_lines("the fixture `stress` needs the mark: add @pytest.mark.stress to the test")
    assert "pytest_plugin.py" not in result.stdout.str()


def test_a_marked_test_that_asks_for_the_fixture_while_it_runs_is_told_how_to_take_it(
    pytester: pytest.Pytester,
) -> None:
    pytester.makepyfile("import pytest\n@pytest.mark.stress\ndef test_it(request): request.getfixturevalue('stress')")
    result = pytester.runpytest_inprocess(*QUIET)
    result.assert_outcomes(failed=1)
    result.stdout.fnmatch_lines("make the fixture `stress` an argument of the test, or of a fixture that it takes: *")
    assert "needs the mark" not in result.stdout.str()
    assert "as an ordinary test" not in result.stdout.str()


def test_marked_tests_are_chosen_by_the_mark(pytester: pytest.Pytester) -> None:
    pytester.makepyfile(MARKED.format(marked="cpus=2, duration='400ms'") + "\n    def test_other(): pass\n")
    pytester.runpytest_inprocess(*QUIET, "-m", "stress").assert_outcomes(passed=1, deselected=1)


def test_the_header_says_what_threads_can_do_here(pytester: pytest.Pytester) -> None:
    result = pytester.runpytest_inprocess(*QUIET, "--stress-engine", "python")
    [line] = [line for line in result.outlines if line.startswith("stress: ")]
    assert re.fullmatch(
        r"stress: engine python, \d+ cores, GIL (on, switch interval \S+ s|off, no switch interval)", line
    )


def test_a_suite_that_does_not_use_it_can_do_without_it_and_loads_nothing_of_it(pytester: pytest.Pytester) -> None:
    pytester.makepyfile("""
        import sys
        def test_it():
            assert [name for name in sys.modules if name.startswith(("stress.m", "attrs", "rich"))] == []
    """)
    pytester.runpytest_subprocess(*QUIET, timeout=60).assert_outcomes(passed=1)
    pytester.runpytest_subprocess(*QUIET, "-p", "no:stress", timeout=60).assert_outcomes(passed=1)


def test_an_items_budget_extends_the_timeout_that_applies_to_it(pytester: pytest.Pytester) -> None:
    source = MARKED.format(marked="cpus=2, duration='1100ms'")
    source = source.replace("lambda cpu: None", "lambda cpu: __import__('time').sleep(0.01)")
    pytester.makepyfile(source)
    result = pytester.runpytest_subprocess(*QUIET, "--timeout", "1", timeout=60)
    result.assert_outcomes(passed=1)
    pytester.makepyfile(source.replace("@", "@pytest.mark.timeout(1)\n    @", 1))
    pytester.runpytest_subprocess(*QUIET, timeout=60).assert_outcomes(passed=1)


def test_another_tests_timeout_stays_as_it_is(pytester: pytest.Pytester) -> None:
    pytester.makepyfile("import time\ndef test_it(): time.sleep(30)")
    result = pytester.runpytest_subprocess(*QUIET, "--timeout", "1", timeout=60)
    result.assert_outcomes(failed=1)


def test_cells_have_seeds_of_their_own_and_the_command_gives_the_same_again() -> None:
    found = cells({"cpus": (2, 4), "duration": 1.0, "seed": None, "repeat": 3})
    assert len({cell.seed for cell in found}) == len(found) == 6
    chosen = cells({"cpus": (2,), "duration": 1.5, "seed": 10, "repeat": 3})
    assert [cell.seed for cell in chosen] == [10, 11, 12]
    assert rerun_command("a.py::test[2cpus-again2]", chosen[2]) == (
        'pytest "a.py::test[2cpus-again2]" --stress-cpus 2 --stress-seed 10 --stress-duration 1500ms --stress-repeat 3'
    )
    assert rerun_command("a.py::test[2cpus]", Cell(2, 1.0, 7)) == (
        'pytest "a.py::test[2cpus]" --stress-cpus 2 --stress-seed 7 --stress-duration 1s'
    )


@pytest.mark.parametrize("given", [(), ("--stress-seed", "7")])
def test_a_seed_that_nobody_gives_is_another_for_each_parameter_of_a_test(
    given: tuple[str, ...], pytester: pytest.Pytester
) -> None:
    pytester.makepyfile("""
        import pytest

        @pytest.mark.parametrize("letter", "abc")
        @pytest.mark.stress(cpus=[1, 2])
        def test_it(stress, letter):
            print("seed", stress.seed)
            assert f" --stress-seed {stress.seed} " in stress.rerun_command
    """)
    result = pytester.runpytest_inprocess(*QUIET, "-s", *given)
    result.assert_outcomes(passed=6)
    seeds = re.findall(r"seed (\d+)", result.stdout.str())
    assert len(seeds) == 6
    assert len(set(seeds)) == (1 if given else 6)


def test_the_command_gives_what_takes_noise_as_it_was_given(pytester: pytest.Pytester) -> None:
    body = "    stress.reader(lambda cpu: 'bad')\n    stress.run()"
    pytester.makepyfile(f"import pytest\n@pytest.mark.stress\ndef test_it(stress):\n{body}")
    result = pytester.runpytest_inprocess(*QUIET, "-x", "-o", "stress_noise=queue json", "-o", "stress_seed=3")
    result.stdout.re_match_lines([r".*--stress-seed 3 --stress-duration \S+ -o 'stress_noise=queue json'$"])


@pytest.mark.parametrize("name", ["$HOME", 'a"b', "a b", "`id`", "a\\\\b", "a'b", "!x", "a-$'b\""])
def test_a_shell_takes_the_command_as_it_is_meant(name: str) -> None:
    nodeid = f"a.py::test[2cpus-{name}]"
    command = rerun_command(nodeid, Cell(2, 1.0, 7)).replace("pytest ", "printf '%s|' ", 1)
    said = subprocess.run(("sh", "-c", command), stdout=subprocess.PIPE, text=True, check=True).stdout
    assert said.split("|")[:2] == [nodeid, "--stress-cpus"]


def test_values_are_read_from_text_and_as_they_are() -> None:
    assert read_cpus("2, 4,2", "x") == read_cpus([2, 4], "x") == (2, 4)
    assert read_duration("1m30s", "x") == 90.0
    assert read_seed("random", "x") is None
    assert (read_seed("0", "x"), read_repeat(3, "x")) == (0, 3)
    check_mark((), {"cpus": 3, "seed": None})
    with pytest.raises(UserError, match=r"2\.5 is not a CPU count"):
        read_cpus([2.5], "x")


LIKE_RUN_PARALLEL = """
    import pytest

    def pytest_addoption(parser):
        parser.addoption("--parallel-threads", dest="parallel_threads", default=1)
        parser.addoption("--iterations", dest="iterations", default=1, type=int)

    NAMES = ("parallel_threads", "force_parallel_threads", "iterations")

    def pytest_configure(config):
        for name in NAMES:
            config.addinivalue_line("markers", f"{name}(n)")

    def pytest_collection_finish(session):
        for item in session.items:
            marks = map(item.get_closest_marker, NAMES)
            print(item.name, {mark.name: mark.args[0] for mark in marks if mark})
"""


@pytest.mark.parametrize(
    ("options", "mark", "once", "plain"),
    [
        ((), "stress", [], []),
        (("--parallel-threads", "1", "--iterations", "1"), "stress", [], []),
        (("--parallel-threads", "4"), "stress", ["parallel_threads"], []),
        (("--parallel-threads", "auto"), "stress", ["parallel_threads"], []),
        (("--iterations", "3"), "stress", ["iterations"], []),
        ((), "parallel_threads(4)", ["parallel_threads"], ["parallel_threads"]),
        ((), "force_parallel_threads(4)", ["force_parallel_threads"], ["force_parallel_threads"]),
        ((), "iterations(4)", ["iterations"], ["iterations"]),
    ],
)
def test_a_plugin_that_calls_tests_on_many_threads_is_told_to_call_a_stress_test_once_if_it_would_not(
    options: tuple[str, ...], mark: str, once: list[str], plain: list[str], pytester: pytest.Pytester
) -> None:
    pytester.makeconftest(LIKE_RUN_PARALLEL)
    pytester.makepyfile(f"""
        import pytest

        @pytest.mark.stress
        @pytest.mark.{mark}
        def test_raced(stress):
            pass

        @pytest.mark.{mark}
        def test_plain():
            pass
    """)
    quiet = ("-p", "no:cacheprovider", "--strict-markers", "--collect-only", "-s")
    out = pytester.runpytest_inprocess(*quiet, *options).outlines
    assert f"test_raced[4cpus] {dict.fromkeys(once, 1)}" in out
    assert f"test_plain {dict.fromkeys(plain, 4)}" in out


@pytest.mark.filterwarnings("default")
def test_a_test_that_is_called_again_is_told_what_may_have_called_it(pytester: pytest.Pytester) -> None:
    pytest.importorskip("hypothesis")
    pytester.makepyfile("""
        import pytest
        from hypothesis import HealthCheck, given, settings, strategies

        @pytest.mark.stress(duration="50ms")
        @settings(suppress_health_check=list(HealthCheck), database=None, deadline=None)
        @given(strategies.integers())
        def test_it(stress, number):
            stress.thread(lambda cpu: None)
            stress.run()
    """)
    result = pytester.runpytest_inprocess("-p", "no:cacheprovider")
    result.assert_outcomes(failed=1)
    assert "move it up (if the whole test is called again, as by Hypothesis's @given: use @given" in result.stdout.str()


def test_a_mark_on_a_parameter_is_told(pytester: pytest.Pytester) -> None:
    pytester.makepyfile("""
        import pytest

        @pytest.mark.parametrize("n", [pytest.param(2, marks=pytest.mark.stress(cpus=2))])
        def test_it(stress, n):
            stress.run()
    """)
    result = pytester.runpytest_inprocess("-p", "no:cacheprovider")
    result.assert_outcomes(errors=1)
    assert "the mark `stress` stands on a parameter" in result.stdout.str()
    assert "make the fixture" not in result.stdout.str()
