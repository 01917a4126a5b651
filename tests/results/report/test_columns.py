"""Tables in 80 columns: no header and no number is cut, only names are folded."""

import io
import re
from collections.abc import Iterable
from pathlib import Path

import pytest
from rich.console import Console
from rich.table import Table
from rich.text import Text

from stress.campaign.sweep.sweep import SweepEnding
from stress.campaign.sweep.sweepdir import read_sweep
from stress.results.load.gather import gather
from stress.results.terminal.columns import fitted
from stress.results.terminal.compare import show as show_comparison
from stress.results.terminal.report import show
from stress.results.terminal.sweep_summary import FIGURES
from stress.results.terminal.sweep_summary import table as sweep_table
from tests.campaign.sweep.made import ended, make_sweep, run_json
from tests.campaign.sweep.made import plan_of as sweep_plan
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


def large_sweep(folder: Path) -> SweepEnding:
    """A sweep whose medians have many digits."""
    stops = {"count": 9, "p50_us": 1_049_049.0, "p99_us": 2e6, "max_us": 2e6}
    counts = {"lookups": 12_345_678_987, "unloads": 5_432_100, "race_windows": 12_345, "as_expected": False}
    runs = [
        {**run_json(verdict), **counts, "violations": violations, "stop_machine": stops}
        for verdict, violations in (("violated", 2), ("inconclusive", 0))
    ]
    cells = [ended(number, at + 1, run=runs[at]) for number in range(len(sweep_plan().cells)) for at in (0, 1)]
    return SweepEnding(read_sweep(make_sweep(folder, cells)))


def numbers_in(lines: Iterable[str]) -> set[str]:
    """The words that have digits."""
    return {word for line in lines for word in line.split() if re.search(r"\d", word)}


@pytest.mark.parametrize("width", [80, 60, 50, 40])
def test_no_number_of_a_sweep_is_folded_or_cut_however_narrow_the_terminal(width: int, tmp_path: Path) -> None:
    ending = large_sweep(tmp_path)
    wide, narrow = screen(300), screen(width)
    for console in (wide, narrow):
        console.print(fitted(sweep_table(ending), console.width, tuple(reversed(FIGURES))))
    assert all(len(line) <= width for line in printed(narrow))
    there, whole = numbers_in(printed(narrow)), numbers_in(printed(wide))
    assert {"8.1e-05", "246,913,579,740", "108,642,000", "1,049,049"} <= whole
    assert there - {"p50", "p50,"} <= whole, "the caption names what was left out"
    assert {"2", "3"} <= there, "the axis is never left out"
    assert ("1,049,049" in there) == ("too narrow for: stop p50" not in " ".join(printed(narrow)))
    assert "…" not in "".join(printed(narrow))


@pytest.mark.parametrize("width", [80, 60, 50])
def test_no_number_of_a_report_is_folded_or_cut(width: int, tmp_path: Path) -> None:
    large = a_run("quite_a_long_name", race_windows=152_220_805, violations=16_707_720)
    console = screen(width)
    show(gather([write_runs(tmp_path / "run-1.json", large, *pair())]), console, 1)
    assert numbers_in(printed(console)) >= {"152,220,805", "16,707,720"}
