"""Scenarios as tests: what is collected, with which settings, and what is told of one that fails."""

import warnings
import xml.etree.ElementTree as ElementTree
from collections.abc import Sequence
from pathlib import Path

import pytest

from stress.corpus import bundled
from stress.machine import engines
from stress.marks import scenario_items
from stress.marks.scenario_items import SECONDS_BESIDES, ScenarioItem
from stress.pytest_plugin import budget_of, defines_scenario
from stress.runs.controlled.replay import replay, schedules_in
from stress.scenario_files import scenarios_folder
from tests.support import UNTIL_FOUND, each_engine

pytestmark = pytest.mark.old_pytest

PLANTED = Path(__file__).parents[1] / "run" / "planted"
QUIET = ("-p", "no:cacheprovider", "-p", "no:hypothesispytest", "--strict-markers", "-W", "error")
BRIEF = (*QUIET, "--stress-engine", "python", "--stress-duration", "500ms", "--stress-seed", "7")
SPINLOCK = (scenarios_folder() / "modlist_spinlock.py").read_text()
UNEXPLORED = ("--stress-explore", "0")
"""For what says nothing of schedules: to find one and shrink it takes seconds."""
FORCED = ("FORCE_COLOR", "TTY_COMPATIBLE")
WRONG = SPINLOCK.replace('expect="violated"', 'expect="held"')
PYTHON_ITEM = "modlist_spinlock[python-4cpus]"
HANGING = """
from stress.machine import machine
from stress.machine.python_engine import PythonEngine
machine.JOIN_SECONDS = 0.2
original = PythonEngine.program
def program(self, operation, safepoint, features):
    play = original(self, operation, safepoint, features)
    def never_ends(ram, number):
        play(ram, number)
        while True:
            pass
    return never_ends
PythonEngine.program = program
"""


def write(pytester: pytest.Pytester, text: str = SPINLOCK, path: str = "scenarios/modlist_spinlock.py") -> Path:
    """Write a scenario's file."""
    file = pytester.path / path
    file.parent.mkdir(exist_ok=True)
    file.write_text(text)
    return file


def collected(pytester: pytest.Pytester, *arguments: str) -> list[ScenarioItem]:
    """The items of all scenarios."""
    items, _ = pytester.inline_genitems("scenarios", *QUIET, *arguments)
    assert all(isinstance(item, ScenarioItem) for item in items)
    return [item for item in items if isinstance(item, ScenarioItem)]


def names(items: Sequence[pytest.Item]) -> list[str]:
    """Their names."""
    return [item.name for item in items]


def selected(pytester: pytest.Pytester, *arguments: str) -> list[str]:
    """The names of the items that are left, wherever they are from."""
    result = pytester.runpytest_inprocess(*BRIEF, "--collect-only", "-q", *arguments)
    return [line.partition("::")[2] for line in result.outlines if "::" in line]


def run(pytester: pytest.Pytester, *arguments: str) -> pytest.RunResult:
    """Run all scenarios briefly, on the python engine."""
    return pytester.runpytest_inprocess("scenarios", *BRIEF, *arguments)


def cases(file: Path) -> list[dict[str, str]]:
    """The properties and the name of each case of a JUnit file."""
    found = ElementTree.parse(file).getroot().iter("testcase")
    return [
        {one.attrib["name"]: one.attrib["value"] for one in case.iter("property")} | {"name": case.attrib["name"]}
        for case in found
    ]


@pytest.mark.parametrize(("llvmlite", "expected"), [(True, ("python", "native")), (False, ("python",))])
def test_there_is_one_item_for_each_engine_cpu_count_and_repetition(
    llvmlite: bool, expected: tuple[str, ...], pytester: pytest.Pytester, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(scenario_items, "has_llvmlite", lambda: llvmlite)
    write(pytester)
    cells = ("2cpus", "2cpus-again1", "4cpus", "4cpus-again1")
    found = names(collected(pytester, "--stress-cpus", "2,4", "--stress-repeat", "2"))
    assert found == [f"modlist_spinlock[{engine}-{cell}]" for engine in expected for cell in cells]


def test_without_settings_it_runs_two_seconds_on_four_cpus_or_as_many_as_it_needs(pytester: pytest.Pytester) -> None:
    write(pytester)
    write(pytester, SPINLOCK.replace("cpus=1", "cpus=6"), "scenarios/six_writers.py")
    cells = [item.cell for item in collected(pytester, "--stress-engine", "python")]
    assert [(cell.cpus, cell.duration_s) for cell in cells] == [(4, 2.0), (7, 2.0)]
    assert cells[0].seed != cells[1].seed


def test_the_command_line_comes_before_the_settings_file_and_that_before_the_defaults(
    pytester: pytest.Pytester,
) -> None:
    write(pytester)
    pytester.makeini(
        "[pytest]\nstress_duration = 3s\nstress_cpus = 2\nstress_seed = 5\nstress_engine = python\nstress_repeat = 2"
    )
    by_file = collected(pytester)
    assert [(item.engine, item.cell.cpus, item.cell.duration_s, item.cell.seed) for item in by_file] == [
        ("python", 2, 3.0, 5),
        ("python", 2, 3.0, 6),
    ]
    line = ("--stress-duration", "4s", "--stress-cpus", "3", "--stress-seed", "8", "--stress-repeat", "1")
    [by_line] = collected(pytester, *line)
    assert (by_line.cell.cpus, by_line.cell.duration_s, by_line.cell.seed) == (3, 4.0, 8)


def test_its_time_is_told_to_what_limits_it_with_that_of_its_twin(pytester: pytest.Pytester) -> None:
    write(pytester)
    write(pytester, (scenarios_folder() / "stop_machine.py").read_text(), "scenarios/with_a_twin.py")
    alone, with_twin = collected(
        pytester, "--stress-engine", "python", "--stress-duration", "1m", "--stress-explore", "3s"
    )
    assert budget_of(alone) == 63.0 + SECONDS_BESIDES
    assert budget_of(with_twin) == 123.0 + SECONDS_BESIDES


def test_m_selects_all_scenarios_and_k_one_by_its_name(pytester: pytest.Pytester) -> None:
    write(pytester)
    write(pytester, (scenarios_folder() / "stop_machine.py").read_text(), "scenarios/other.py")
    pytester.makepyfile(test_plain="def test_it(): pass")
    assert selected(pytester, "-m", "stress") == [PYTHON_ITEM, "stop_machine[python-4cpus]"]
    assert selected(pytester, "-k", "stop_machine") == ["stop_machine[python-4cpus]"]
    assert selected(pytester, "-m", "not stress") == ["test_it"]


def test_a_test_file_with_the_text_of_a_scenario_is_no_scenario(pytester: pytest.Pytester) -> None:
    pytester.makepyfile(
        test_texts=f'TEXT = {SPINLOCK!r}\nMORE = """\nSCENARIO = Scenario()  # of stress\n"""\n\ndef test_it(): pass'
    )
    assert selected(pytester) == ["test_it"]


def test_a_look_at_a_file_warns_of_nothing_in_it(tmp_path: Path) -> None:
    file = tmp_path / "odd.py"
    for line, is_one in (("SCENARIO = 1", True), ("MORE = 1", False)):
        file.write_text(
            f'from stress import Scenario\nPATTERN = "\\d"\nTEXT = """\nSCENARIO = Scenario()\n"""\n{line}\n'
        )
        with warnings.catch_warnings(action="error"):
            assert defines_scenario(file) is is_one


@each_engine
def test_on_each_engine_the_expected_verdict_passes_and_another_fails(engine: str, pytester: pytest.Pytester) -> None:
    write(pytester)
    write(pytester, WRONG, "scenarios/wrong.py")
    settings = ("--stress-engine", engine, "--stress-cpus", "3", "-v")
    result = pytester.runpytest_subprocess("scenarios", *BRIEF, *settings, *UNTIL_FOUND, *UNEXPLORED, timeout=100)
    result.assert_outcomes(passed=1, failed=1)
    item = f"modlist_spinlock[[]{engine}-3cpus[]]"
    result.stdout.fnmatch_lines([f"scenarios/modlist_spinlock.py::{item} PASSED*"])
    result.stdout.fnmatch_lines([f"modlist_spinlock  {engine} engine, 3 CPUs, *"])


def test_another_verdict_is_told_as_the_command_line_tells_it_and_its_log_can_be_replayed(
    pytester: pytest.Pytester, monkeypatch: pytest.MonkeyPatch
) -> None:
    for forced in FORCED:
        monkeypatch.setenv(forced, "1")
    file = write(pytester, WRONG)
    # Long enough for outcomes that the small world of a search can show, and a search that is so on a busy host.
    long = ("--stress-duration", "3s", "--stress-explore", "1m")
    result = run(pytester, "--color=no", "--junitxml=junit.xml", *long)
    result.assert_outcomes(failed=1)
    rerun = f"kstress run {file} --engine python --cpus 4 --duration 3s --seed 7 --noise 1/64 --pace 1ms"
    result.stdout.fnmatch_lines(
        [
            "modlist_spinlock  python engine, 4 CPUs, *, seed 7",
            "outcome * count *what it means*",
            "race windows  * lookups overlapped a change*",
            "BUG: kstress: *",
            "VIOLATED expected HELD: * forbidden outcome* in * race window*",
            f"again  {rerun}",
            "one CPU at a time, this schedule shows *:",
            "kstress replay ks1~*",
            f'seed 7, as a test: pytest "scenarios/modlist_spinlock.py::{PYTHON_ITEM.replace("[", "[[]")}" '
            "--stress-cpus 4 --stress-seed 7 --stress-duration 3s",
        ]
    )
    log = pytester.path / "ci.log"
    log.write_text(result.stdout.str())
    assert not [word for word in ("Traceback", "scenario_items.py", "\x1b") if word in log.read_text()]
    [schedule] = schedules_in(str(log))
    replayed = replay(schedule, bundled(), "python")
    replayed.machine.finish()
    assert replayed.shows
    assert replayed.changed == ()
    assert f'name="stress_schedule" value="{schedule.token}"' in (pytester.path / "junit.xml").read_text()


def test_it_looks_for_no_schedule_where_it_shall_not(pytester: pytest.Pytester) -> None:
    write(pytester, WRONG)
    result = run(pytester, *UNTIL_FOUND, *UNEXPLORED)
    result.assert_outcomes(failed=1)
    assert "VIOLATED expected HELD" in result.stdout.str()
    assert "kstress replay" not in result.stdout.str()


GIVES_UP = """
import os
from stress.runs.controlled import like

def gives_up(scenario, corpus, search, before_exit):
    before_exit(None)
    os._exit(4)

like.explore = gives_up
"""


def test_what_a_run_has_reported_is_told_where_the_search_ends_the_process(pytester: pytest.Pytester) -> None:
    write(pytester, WRONG)
    pytester.makeconftest(GIVES_UP)
    done = pytester.runpytest_subprocess("scenarios", *BRIEF, timeout=100.0)
    assert done.ret == 4
    assert "VIOLATED expected HELD" in done.stderr.str()


@pytest.mark.parametrize("forced", FORCED)
def test_what_is_told_has_no_colours(forced: str, pytester: pytest.Pytester, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(forced, "1")
    write(pytester, WRONG)
    result = run(pytester, "--color=no", *UNTIL_FOUND, *UNEXPLORED)
    result.assert_outcomes(failed=1)
    assert "\x1b" not in result.stdout.str()


def test_it_ends_at_the_first_violation_where_the_session_does(pytester: pytest.Pytester) -> None:
    write(pytester, WRONG)
    result = run(pytester, "-x", "--stress-duration", "1m", *UNEXPLORED)
    result.assert_outcomes(failed=1)
    result.stdout.fnmatch_lines(["again  kstress run * --duration 1m * --stop-on-violation"])


def test_it_goes_on_after_a_violation_where_the_session_does(pytester: pytest.Pytester) -> None:
    file = write(pytester, WRONG)
    result = run(pytester, "--stress-duration", "100ms", *UNEXPLORED)
    result.assert_outcomes(failed=1)  # without a violation it is INCONCLUSIVE, with the same command
    rerun = f"again  kstress run {file} --engine python --cpus 4 --duration 100ms --seed 7 --noise 1/64 --pace 1ms"
    assert rerun in result.outlines


def test_it_ends_at_the_first_violation_where_one_is_expected(pytester: pytest.Pytester) -> None:
    write(pytester)
    result = run(pytester, "--stress-duration", "1m")
    result.assert_outcomes(passed=1)
    assert result.duration < 50


def test_a_junit_file_has_one_case_for_each_cell_with_what_it_came_to(pytester: pytest.Pytester) -> None:
    write(pytester)
    settings = ("--stress-cpus", "2,3", "--stress-duration", "1m")  # an item ends at the first violation
    run(pytester, *settings, "--junit-xml", "junit.xml").assert_outcomes(passed=2)
    for cpus, case in zip((2, 3), cases(pytester.path / "junit.xml"), strict=True):
        assert int(case.pop("stress_race_windows")) > 0
        assert int(case.pop("stress_violations")) > 0
        told = {"stress_seed": "7", "stress_cpus": str(cpus), "stress_engine": "python", "stress_verdict": "violated"}
        assert case == {"name": f"modlist_spinlock[python-{cpus}cpus]", **told}


@pytest.mark.parametrize("path", ["scenarios", "scenarios/broken.py"])
@pytest.mark.parametrize(
    ("text", "told"),
    [
        (f"import nothing_there\n{SPINLOCK}", "line 1: ModuleNotFoundError: No module named 'nothing_there'; fix *"),
        (f"{SPINLOCK}SCENARIO = 3\n", " defines no SCENARIO; end the file with *"),
        (f"{SPINLOCK}(", ": SyntaxError: '(' was never closed *"),
    ],
)
def test_a_broken_file_is_told_in_one_line(text: str, told: str, path: str, pytester: pytest.Pytester) -> None:
    file = write(pytester, text, "scenarios/broken.py")
    result = pytester.runpytest_inprocess(path, *BRIEF)
    assert result.ret == pytest.ExitCode.INTERRUPTED
    result.assert_outcomes(errors=1)
    result.stdout.fnmatch_lines(["*ERROR collecting scenarios/broken.py*", f"{file}*{told}", "*short test summary*"])
    heading = next(at for at, line in enumerate(result.outlines) if "ERROR collecting" in line)
    assert "short test summary" in result.outlines[heading + 2]


def test_a_twin_that_is_not_there_is_told_in_one_line(pytester: pytest.Pytester) -> None:
    write(pytester, WRONG.replace('expect="held"', 'expect="held", twin="nobody"'))
    result = run(pytester)
    result.assert_outcomes(failed=1)
    result.stdout.fnmatch_lines(
        ["*= FAILURES =*", "*4cpus*", "there is no scenario 'nobody'; *", "*short test summary*"]
    )
    assert "Traceback" not in result.stdout.str()


def test_a_fault_of_the_harness_is_no_verdict(pytester: pytest.Pytester) -> None:
    write(pytester, (PLANTED / "detectors_disagree.py").read_text())
    result = run(pytester)
    result.assert_outcomes(failed=1)
    result.stdout.fnmatch_lines(["the harness failed, so this run says nothing: detectors_disagree: * times"])


def test_a_cpu_that_does_not_end_is_told_before_the_process_exits(pytester: pytest.Pytester) -> None:
    write(pytester)
    pytester.makeconftest(HANGING)
    result = pytester.runpytest_subprocess("scenarios", *BRIEF, timeout=60)
    assert result.ret == 4
    result.stderr.fnmatch_lines([f"scenarios/*::{PYTHON_ITEM.replace('[', '[[]')}:", "kstress: cpu0, * did not end *"])


def test_native_without_llvmlite_is_an_error_of_usage(
    pytester: pytest.Pytester, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(engines, "has_llvmlite", lambda: False)
    write(pytester)
    result = pytester.runpytest_inprocess("scenarios", *QUIET, "--stress-engine", "native")
    assert result.ret == pytest.ExitCode.USAGE_ERROR
    result.stderr.fnmatch_lines(["ERROR: *native needs llvmlite; install with: * install *llvmlite*, or *"])


def test_without_the_plugin_nothing_is_collected(pytester: pytest.Pytester) -> None:
    write(pytester)
    result = pytester.runpytest_inprocess("scenarios", *QUIET, "-p", "no:stress")
    assert result.ret == pytest.ExitCode.NO_TESTS_COLLECTED


@pytest.mark.parametrize(
    ("path", "text"),
    [
        ("notes.txt", SPINLOCK),
        ("helper.py", SPINLOCK.replace("SCENARIO =", "PART =")),
        ("indented.py", "if False:\n    SCENARIO = stress.Scenario()\n"),
        ("path.py", "SCENARIO = 'stress/one.py'\n"),
        ("film.py", "SCENARIO = Scenario(name='a film')\n"),
        ("said.py", "# stress\nSCENARIO_OF_MINE = Scenario()\n"),
    ],
)
def test_other_files_are_not_collected(path: str, text: str, pytester: pytest.Pytester) -> None:
    write(pytester, text, f"scenarios/{path}")
    assert pytester.runpytest_inprocess("scenarios", *QUIET).ret == pytest.ExitCode.NO_TESTS_COLLECTED


def test_a_file_that_cannot_be_read_is_left_to_others(tmp_path: Path) -> None:
    assert not defines_scenario(tmp_path / "gone.py")


def test_a_module_of_tests_with_a_scenario_is_collected_as_both(pytester: pytest.Pytester) -> None:
    write(pytester, f"{SPINLOCK}\ndef test_it(): pass\n", "test_both.py")
    items, _ = pytester.inline_genitems("test_both.py", *QUIET, "--stress-engine", "python")
    assert names(items) == ["test_it", PYTHON_ITEM]


def test_nothing_of_kstress_is_imported_where_there_is_no_scenario(pytester: pytest.Pytester) -> None:
    write(pytester, "import nothing_there\n", "helper.py")
    pytester.makepyfile("""
        import sys

        def test_it():
            ours = {name for name in sys.modules if name.startswith("stress.")}
            assert ours == {"stress.host", "stress.host.clocks", "stress.host.threads", "stress.pytest_plugin"}
    """)
    pytester.runpytest_subprocess(*QUIET, timeout=60).assert_outcomes(passed=1)


def test_a_file_with_several_scenarios_has_items_of_each(pytester: pytest.Pytester) -> None:
    more = '\nimport attrs\nSCENARIOS = [SCENARIO, attrs.evolve(SCENARIO, name="other")]\n'
    write(pytester, SPINLOCK + more)
    assert names(collected(pytester, "--stress-engine", "python")) == [PYTHON_ITEM, "other[python-4cpus]"]
