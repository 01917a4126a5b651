"""`kstress compare` as a command: what it prints and writes, its exit codes, what it refuses, what its docs say."""

import json
import re
import shlex
import subprocess
import xml.etree.ElementTree as ET
from pathlib import Path

import attrs
import pytest

from stress.campaign.sweep.records import Values
from stress.results.compare.figures import FIGURES
from tests.campaign.soak.made import make_run
from tests.frontdoor.command import BOUND_SECONDS, CHECKOUT, called, command_line, environment, kstress
from tests.frontdoor.soaking import assert_fails, contents
from tests.results.compare.made import STEADY, held, runs, violated
from tests.results.report.made import hostile_sweep, small_sweep, write_runs

SLOWER = tuple(number * 4 // 5 for number in STEADY)
END = "kstress: --- End of compare: "
TEXT = (CHECKOUT / "docs" / "compare.md").read_text()


def sides(folder: Path) -> None:
    """Runs that are steady, slower, and few."""
    for name, made in (("a", runs()), ("slower", runs(SLOWER)), ("few", runs(STEADY[:3])), ("held", held(3))):
        write_runs(folder / f"{name}.json", *made)


def test_a_regression_is_exit_code_1_and_the_answer_comes_first(tmp_path: Path) -> None:
    sides(tmp_path)
    done = kstress("compare", "a.json", "slower.json", cwd=tmp_path)
    assert (done.returncode, done.stderr) == (1, "")
    lines = done.stdout.splitlines()
    assert lines[0] == "REGRESSION: B is worse in 1 way; 4 of 5 figures may be noise."
    at = lines.index("differences, worst first:")
    assert re.match(r"modlist_spinlock, python, 4 CPUs +lookups +100/s +80.2/s +0.8 +0.79\d to 0.80\d ", lines[at + 2])
    assert any("Mann-Whitney" in line for line in lines)
    assert lines[-1].startswith(f"{END}REGRESSION: cells=1 missing=0 new=0 regressions=1 improvements=0 noise=4 ")


def test_noise_and_improvements_are_exit_code_0(tmp_path: Path) -> None:
    sides(tmp_path)
    for a, b, improvements in (("a", "a2", 0), ("slower", "a", 1)):
        write_runs(tmp_path / "a2.json", *runs())
        done = called("compare", f"{a}.json", f"{b}.json", cwd=tmp_path)
        assert done.returncode == 0, done.stderr
        assert done.stdout.startswith("NO REGRESSION: ")
        assert f" improvements={improvements} " in done.stdout.splitlines()[-1]


def test_what_cannot_be_told_is_exit_code_3_with_what_would_do(tmp_path: Path) -> None:
    sides(tmp_path)
    few = called("compare", "few.json", "slower.json", cwd=tmp_path)
    assert few.returncode == 3
    assert "3 and 8 repeats can tell nothing here; 5 and 5 can" in few.stdout
    assert few.stdout.startswith("CANNOT TELL: no figure can be tested; nothing is known of 1 cell.")
    lost = called("compare", "a.json", "held.json", cwd=tmp_path)
    assert lost.returncode == 3
    assert lost.stdout.startswith("CANNOT TELL: A and B have no cell in common.")
    assert "B has no such cell: modlist_spinlock, python, 4 CPUs" in lost.stdout


def test_a_violation_is_told_with_the_command_that_shows_it_again(tmp_path: Path) -> None:
    sides(tmp_path)
    write_runs(tmp_path / "violated.json", *held(2), *violated(1))
    done = called("compare", "held.json", "violated.json", cwd=tmp_path)
    assert done.returncode == 1
    assert "VIOLATED in 1 of 3 in B, in none of 3 in A; expected HELD" in done.stdout
    assert "\n    again  kstress run stop_machine " in done.stdout


def test_soaks_are_compared_by_verdict_and_bound(tmp_path: Path) -> None:
    for name in ("a", "b"):
        (tmp_path / name).mkdir()
        make_run(tmp_path / name)
    done = called("compare", "a", "b", cwd=tmp_path)
    assert done.returncode == 3
    assert "a soak is one run, its turns are not repeats: verdict and bound are compared, no figure" in done.stdout
    assert re.search(
        r"stop_machine, A: HELD, 0 violations in \d+ windows, \d+ overlapped changes, 0 caught; at most 0\.\d+ per ch",
        done.stdout,
    )


def test_json_goes_to_standard_output_and_the_rest_beside_it(tmp_path: Path) -> None:
    sides(tmp_path)
    done = called("compare", "a.json", "slower.json", "--json", "-", "--junit", "out.xml", cwd=tmp_path)
    assert (json.loads(done.stdout)["answer"], done.returncode) == ("regression", 1)
    assert done.stderr.startswith("REGRESSION: ")
    assert ET.parse(tmp_path / "out.xml").getroot().get("failures") == "1"


def test_the_junit_file_is_written_anew_but_a_foreign_one_is_left_alone(tmp_path: Path) -> None:
    sides(tmp_path)
    for other in ("slower.json", "few.json"):
        called("compare", "a.json", other, "--junit", "out.xml", cwd=tmp_path)
    assert ET.parse(tmp_path / "out.xml").getroot().get("skipped") == "1"
    (tmp_path / "mine.xml").write_text("<mine/>")
    done = called("compare", "a.json", "few.json", "--junit", "mine.xml", cwd=tmp_path)
    assert_fails(done, "--junit: mine.xml exists and is not a file of kstress compare; name another file")
    assert (tmp_path / "mine.xml").read_text() == "<mine/>"


@pytest.mark.report
def test_a_page_and_figures_are_written_and_nothing_foreign_is_replaced(tmp_path: Path) -> None:
    sides(tmp_path)
    for _ in range(2):
        done = kstress("compare", "a.json", "slower.json", "-o", "out.html", "--figures", "slides", cwd=tmp_path)
        assert (done.returncode, done.stderr) == (1, "page: out.html\n")
    assert (tmp_path / "out.html").read_text().startswith("<!doctype html>")
    assert sorted(file.suffix for file in (tmp_path / "slides").iterdir()) == [".png", ".svg"]
    (tmp_path / "mine.html").write_text("<p>mine")
    done = kstress("compare", "a.json", "few.json", "-o", "mine.html", cwd=tmp_path)
    assert_fails(done, "--output: mine.html exists and is not a page of kstress; name another file")
    assert (tmp_path / "mine.html").read_text() == "<p>mine"


def test_what_is_read_is_never_written_over(tmp_path: Path) -> None:
    sides(tmp_path)
    sweep = small_sweep(tmp_path / "turns" / "sweep-1")
    before = contents(sweep)
    for a, place in (("a.json", "few.json"), ("turns", "turns/sweep-1/cells.jsonl"), ("turns/sweep-1", "a.json")):
        done = called("compare", a, "few.json" if a == "a.json" else "a.json", "--json", place, cwd=tmp_path)
        assert_fails(done, f"{place} is read, so that it cannot be written; name another file to write to")
    assert contents(sweep) == before


@pytest.mark.parametrize(
    ("arguments", "part"),
    [
        (["a.json"], "Missing argument 'B'"),
        (["a.json", "a.json"], "a.json is named as A and as B, and is never worse than itself; name two"),
        (["a.json", "nosuch"], "cannot read nosuch: No such file or directory; give a run directory"),
        (["a.json", "damaged.json"], "damaged.json is not JSON"),
        (["a.json", "empty"], "empty holds neither manifest.json, run-*.json nor"),
        (["a.json", "few.json", "--level", "5"], "--level: 5.0 is not above 0 and at most 0.5; give a share like 0.05"),
        (
            ["a.json", "few.json", "--level", "60%"],
            "--level: 0.6 is not above 0 and at most 0.5; give a share like 0.05",
        ),
        (["a.json", "few.json", "--level", "x%"], "--level: 'x%' is not a share; give one like 0.05 or 5%"),
        (
            ["a.json", "few.json", "--tolerance", "5 of 9"],
            "--tolerance: '5 of 9' is not a share; give one like 0.05 or",
        ),
        (["a.json", "few.json", "--tolerance", "-1"], "--tolerance: -1.0 is not from 0 to 0.9; give a share like 0.05"),
        (["a.json", "few.json", "--junit", "nosuch/x"], "--junit: cannot write in 'nosuch': No such file or directory"),
        (["a.json", "few.json", "--junit", "."], "--junit: '.' is not a name of a file"),
        (["a.json", "few.json", "--junit", "-"], "--junit: '-' is not a name of a file; give one"),
        (["a.json", "few.json", "--json", "x", "--junit", "./x"], "is named for two things at once; name two files"),
        pytest.param(
            ["a.json", "few.json", "-o", "."], "--output: . is not a name of a file", marks=pytest.mark.report
        ),
        pytest.param(
            ["a.json", "few.json", "-o", "nosuch/x"], "--output: cannot write in 'nosuch'", marks=pytest.mark.report
        ),
    ],
)
def test_what_cannot_be_done_is_one_line_and_nothing_is_written(
    arguments: list[str], part: str, tmp_path: Path
) -> None:
    sides(tmp_path)
    (tmp_path / "damaged.json").write_text('{"schema": 1, "runs": [')
    (tmp_path / "empty").mkdir()
    before = sorted(path.name for path in tmp_path.iterdir())
    done = called("compare", *arguments, cwd=tmp_path)
    assert_fails(done, part)
    assert sorted(path.name for path in tmp_path.iterdir()) == before


def test_names_from_files_are_text(tmp_path: Path) -> None:
    hostile_sweep(tmp_path / "a")
    hostile_sweep(tmp_path / "b")
    name = "[bold]x[/bold]\x1b[31m"
    for side in ("c", "d"):
        write_runs(tmp_path / f"{side}.json", *runs(scenario=name))
    assert called("compare", "a", "b", cwd=tmp_path).returncode == 3
    done = kstress("compare", "c.json", "d.json", cwd=tmp_path, COLUMNS="200")
    assert ascii(name) in done.stdout
    assert "\x1b" not in done.stdout


def test_files_are_written_even_if_nobody_reads_what_is_printed(tmp_path: Path) -> None:
    sides(tmp_path)
    words = " ".join(map(shlex.quote, command_line(["compare", "a.json", "slower.json", "--junit", "out.xml"])))
    subprocess.run(
        ["bash", "-c", f"{words} | true"], cwd=tmp_path, env=environment(), timeout=BOUND_SECONDS, check=True
    )
    assert ET.parse(tmp_path / "out.xml").getroot().get("failures") == "1"


def test_the_docs_tell_every_key_of_the_json(tmp_path: Path) -> None:
    write_runs(tmp_path / "a.json", *held(3))
    write_runs(tmp_path / "b.json", *violated(3))
    document = json.loads(called("compare", "a.json", "b.json", "--json", "-", cwd=tmp_path).stdout)
    [cell] = document["cells"]
    axes = {field.name for field in attrs.fields(Values)}
    keys = {*document, *document["a"], *cell, *cell["facts"][0], *cell["figures"][0]} - axes
    section = TEXT.partition("## The JSON")[2].partition("\n## ")[0]
    assert [key for key in keys if f"`{key}`" not in section and f'"{key}"' not in section] == []


def test_the_docs_tell_every_figure_and_every_exit_code() -> None:
    assert [figure.name for figure in FIGURES if f"| {figure.name} |" not in TEXT] == []
    assert [code for code in range(4) if f"| {code} |" not in TEXT] == []
