"""The JUnit file: a test case for each cell, its counts, and XML whatever a run was called."""

import xml.etree.ElementTree as ET
from pathlib import Path

import pytest

from stress.results.compare.comparison import Comparison, compare
from stress.results.compare.junit import junit_xml
from tests.results.compare.made import STEADY, compared, held, runs, violated
from tests.results.report.made import HOSTILE, hostile_sweep

SLOWER = tuple(number * 4 // 5 for number in STEADY)


def suite_of(comparison: Comparison) -> ET.Element:
    """The only test suite, after its counts were checked."""
    text = junit_xml(comparison)
    assert text.startswith('<?xml version="1.0" encoding="utf-8"?>\n<testsuites ')
    root = ET.fromstring(text.encode())
    [suite] = root
    cases = suite.findall("testcase")
    for tag, name in (("failure", "failures"), ("error", "errors"), ("skipped", "skipped")):
        assert suite.get(name) == root.get(name) == str(len(suite.findall(f"testcase/{tag}")))
    assert suite.get("tests") == str(len(cases)) == str(len(comparison.cells))
    return suite


def test_a_regression_is_a_failure_with_every_worse_figure_in_a_line(tmp_path: Path) -> None:
    suite = suite_of(compared(tmp_path, runs(), runs(SLOWER)))
    [case] = suite.findall("testcase")
    assert (case.get("classname"), case.get("name")) == ("modlist_spinlock", "python, 4 CPUs")
    [failure] = case.findall("failure")
    assert failure.text == failure.get("message")
    assert str(failure.text).startswith("lookups: 100/s in A, 80.2/s in B, 0.8 times (")
    assert str(failure.text).endswith(": worse")


def test_every_figure_is_a_property_and_the_answer_is_one_of_the_suite(tmp_path: Path) -> None:
    suite = suite_of(compared(tmp_path, runs(), runs(SLOWER)))
    names = [one.get("name") for one in suite.findall("testcase/properties/property")]
    assert names == ["lookups", "unloads", "stop p50", "stop p99", "violations per window"]
    answers = {one.get("name"): one.get("value") for one in suite.findall("properties/property")}
    assert str(answers["answer"]).startswith("REGRESSION: B is worse in 1 way; ")


def test_a_figure_that_one_side_alone_has_is_a_property(tmp_path: Path) -> None:
    none = {"count": 0, "p50_us": None, "p99_us": None, "max_us": None}
    suite = suite_of(compared(tmp_path, runs(), runs(stop_machine=none)))
    known = {one.get("name"): one.get("value") for one in suite.findall("testcase/properties/property")}
    assert (known["stop p50"], known["stop p99"]) == ("only A has it",) * 2


def test_a_fact_is_a_failure_with_the_command_that_shows_it_again(tmp_path: Path) -> None:
    [failure] = suite_of(compared(tmp_path, held(3), violated(3))).findall("testcase/failure")
    assert failure.get("message") == "VIOLATED in 3 of 3 in B, in none of 3 in A; expected HELD"
    assert "\nagain: kstress run stop_machine " in str(failure.text)


def test_what_may_be_noise_passes_and_what_cannot_be_told_is_skipped(tmp_path: Path) -> None:
    [case] = suite_of(compared(tmp_path, runs(), runs())).findall("testcase")
    assert [child.tag for child in case] == ["properties"]
    [skipped] = suite_of(compared(tmp_path, runs(STEADY[:3]), runs(STEADY[:3]))).findall("testcase/skipped")
    assert skipped.get("message") == "3 and 3 repeats can tell nothing here; 5 and 5 can"


def test_a_cell_that_b_lacks_is_an_error_and_one_that_a_lacks_is_skipped(tmp_path: Path) -> None:
    two, one = [*runs(), *held()], runs()
    [error] = suite_of(compared(tmp_path, two, one)).findall("testcase/error")
    assert error.get("message") == "B has no such cell"
    [skipped] = suite_of(compared(tmp_path, one, two)).findall("testcase/skipped")
    assert skipped.get("message") == "A has no such cell"


@pytest.mark.parametrize("name", [HOSTILE, "a\x00b", "\x1b[31mred", "\ud83d half", "\ufffe", "]]>", "[bold]x[/bold]"])
def test_it_is_xml_whatever_a_scenario_is_called(name: str, tmp_path: Path) -> None:
    suite_of(compared(tmp_path, runs(scenario=name.encode("utf-8", "replace").decode()), violated(2)))


def test_a_hostile_sweep_is_text(tmp_path: Path) -> None:
    suite = suite_of(compare(hostile_sweep(tmp_path / "a"), hostile_sweep(tmp_path / "b")))
    assert {case.get("classname") for case in suite.findall("testcase")} == {HOSTILE}
