"""Tables in 80 columns: no header and no number is cut, only names are folded."""

import io
from pathlib import Path

import pytest
from rich.console import Console
from rich.table import Table
from rich.text import Text

from stress.results.load.gather import gather
from stress.results.terminal.columns import fitted
from stress.results.terminal.compare import show as show_comparison
from stress.results.terminal.report import show
from tests.results.compare.made import STEADY, compared, runs
from tests.results.report.made import a_run, pair, small_sweep, write_runs

HEADERS = {"scenario", "engine", "CPUs", "verdicts", "expected", "as", "race", "windows", "violations"}


def screen(width: int = 80) -> Console:
    return Console(file=io.StringIO(), width=width, highlight=False)


def printed(console: Console) -> list[str]:
    assert isinstance(console.file, io.StringIO)
    return console.file.getvalue().splitlines()


def test_the_table_of_a_report_fits_with_whole_headers_and_numbers(tmp_path: Path) -> None:
    large = a_run("a_scenario_with_quite_a_long_name", race_windows=152_220_805, violations=16_707_720)
    sources = gather([write_runs(tmp_path / "run-1.json", large, *pair()), small_sweep(tmp_path / "s", {1: "hung"})])
    console = screen()
    show(sources, console, 1)
    words = {word for line in printed(console) for word in line.split()}
    assert words >= HEADERS
    assert words >= {"152,220,805", "16,707,720", "VIOLATED"}


def test_the_table_of_a_comparison_fits_with_whole_headers_and_numbers(tmp_path: Path) -> None:
    slower = tuple(number * 4 // 5 for number in STEADY)
    name = "a_scenario_with_quite_a_long_name"
    console = screen()
    show_comparison(compared(tmp_path, runs(scenario=name), runs(slower, name)), console)
    words = {word for line in printed(console) for word in line.split()}
    assert words >= {"cell", "figure", "between", "repeats", "lookups", "100/s", "80.2/s"}


@pytest.mark.parametrize("width", [80, 100, 120])
def test_a_table_that_fits_is_left_alone_and_another_is_folded(width: int) -> None:
    table = Table("name", "number", "what it is", box=None, pad_edge=False)
    table.add_row("x" * 60, "123,456,789", "some words in a row")
    console = screen(width)
    console.print(fitted(table, width))
    lines = printed(console)
    assert all(len(line) <= width for line in lines)
    assert any("123,456,789" in line for line in lines)
    assert (len(lines) == 2) == (width >= 60 + 11 + 19 + 4)


def test_what_cannot_fit_breaks_nothing() -> None:
    table = Table("name", "number", "", box=None, pad_edge=False)
    table.add_row("x" * 60, Text("1" * 90), "")
    console = screen(40)
    console.print(fitted(table, 40))
    assert printed(console)
