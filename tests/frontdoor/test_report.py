"""`kstress report` as a command: what it prints, what it writes, what it refuses; nothing foreign is ever lost."""

import json
import os
import shlex
import subprocess
import time
from pathlib import Path

import pytest

from stress.extras import install_hint, missing_modules
from stress.results.pages.signs import GENERATOR
from tests.campaign.soak.made import make_run
from tests.frontdoor.command import BOUND_SECONDS, CHECKOUT, called, command_line, environment, kstress
from tests.frontdoor.soaking import assert_fails, contents
from tests.results.report.made import HOSTILE, a_run, hostile_sweep, pair, small_sweep, write_runs

TEXT = (CHECKOUT / "docs" / "report.md").read_text()


def test_runs_and_sweeps_are_a_line_for_each_scenario_and_one_for_each_broken_cell(tmp_path: Path) -> None:
    sweep = small_sweep(tmp_path / "sweep", {1: "crashed"})
    done = kstress(
        "report", str(write_runs(tmp_path / "run-1.json", *pair())), str(sweep), "--csv", "out.csv", cwd=tmp_path
    )
    assert done.returncode == 0, done.stderr
    lines = done.stdout.splitlines()
    assert sum(line.startswith(("stop_machine ", "modlist_spinlock ")) for line in lines) == 6
    assert "crashed: stop_machine, python engine, 4 CPUs, repeat 1: the cell's process crashed" in lines
    assert lines[-1].startswith("Not everything was as expected: 25 of 26 runs as expected; 1 broken")
    assert sorted(os.listdir(tmp_path)) == ["out.csv", "run-1.json", "sweep"]


def test_json_has_all_runs_as_they_were(tmp_path: Path) -> None:
    file = write_runs(tmp_path / "run-1.json", *pair())
    done = called("report", str(file), str(make_run(tmp_path)), "--json", "-", cwd=tmp_path)
    runs = json.loads(done.stdout)["runs"]
    assert runs[:2] == pair()
    assert [run["soak"]["status"] for run in runs[2:]] == ["running"] * 2
    assert "1 of 2 is not complete; not enough to tell" in done.stderr


@pytest.mark.report
def test_the_page_is_written_by_default_and_written_anew(tmp_path: Path) -> None:
    file, page = write_runs(tmp_path / "run-1.json", a_run()), tmp_path / "report.html"
    for runs in ([a_run()], [a_run(), a_run("reused_memory")]):
        write_runs(file, *runs)
        done = called("report", ".", cwd=tmp_path)
        assert (done.returncode, done.stderr) == (0, "page: report.html\n")
        assert GENERATOR in page.read_text()
        assert ("reused_memory" in page.read_text()) == (len(runs) == 2)
    assert sorted(os.listdir(tmp_path)) == ["report.html", "run-1.json"]


@pytest.mark.report
def test_what_explore_has_written_is_printed_and_drawn_in_a_process_of_its_own(tmp_path: Path) -> None:
    explored = ("explore", "linked_list:none", "--engine", "python", "--seed", "1", "--schedules", "60")
    assert called(*explored, "--results", str(tmp_path / "kept")).returncode == 0
    write_runs(tmp_path / "run-1.json", a_run())
    done = kstress("report", "kept", "run-1.json", "-o", "x.html", cwd=tmp_path)
    assert (done.returncode, done.stderr) == (0, "page: x.html\n")
    assert "linked_list:none: VIOLATED (as expected)" in done.stdout
    assert done.stdout.count("    kstress replay ks1~linked_list:none~") == 3
    page = (tmp_path / "x.html").read_text()
    assert page.count('class="timeline"') == 3
    assert "Not drawn" not in page
    assert "has changed" not in page


@pytest.mark.report
def test_the_same_things_are_in_the_page_wherever_output_sends_it(tmp_path: Path) -> None:
    hostile = hostile_sweep(tmp_path / "sweep")
    done = called("report", str(hostile), "-o", "x.html", "--markdown", "x.md", cwd=tmp_path)
    assert done.returncode == 0, done.stderr
    assert "<script" not in (tmp_path / "x.html").read_text()
    assert HOSTILE.split(">")[0] in done.stdout
    assert (tmp_path / "x.md").read_text().startswith("# ")


@pytest.mark.report
def test_a_file_that_is_no_report_is_never_replaced(tmp_path: Path) -> None:
    write_runs(tmp_path / "run-1.json", a_run())
    (tmp_path / "report.html").write_text("<p>mine")
    assert_fails(called("report", ".", cwd=tmp_path), "--output: report.html exists and is not a page of kstress")
    assert (tmp_path / "report.html").read_text() == "<p>mine"


@pytest.mark.report
def test_figures_are_files_for_slides_and_nothing_foreign_is_replaced(tmp_path: Path) -> None:
    write_runs(tmp_path / "run-1.json", a_run())
    for _ in range(2):
        done = called("report", "run-1.json", "--figures", "slides", cwd=tmp_path)
        assert (done.returncode, done.stderr) == (0, "")
    names = sorted(os.listdir(tmp_path / "slides"))
    assert [Path(name).suffix for name in names] == [".png", ".svg"] * 2
    (tmp_path / "slides" / names[0]).write_text("mine")
    foreign = f"--figures: slides/{names[0]} exists and is not a figure of kstress"
    assert_fails(called("report", "run-1.json", "--figures", "slides", cwd=tmp_path), foreign)
    assert (tmp_path / "slides" / names[0]).read_text() == "mine"
    assert not (tmp_path / "report.html").exists()


def test_what_is_read_is_never_written_over(tmp_path: Path) -> None:
    file = write_runs(tmp_path / "run-1.json", a_run())
    soak = make_run(tmp_path)
    before = file.read_bytes(), contents(soak)
    for flag, place in (("--csv", file), ("--json", file), ("--markdown", soak / "manifest.json")):
        done = called("report", str(file), str(soak), flag, str(place), cwd=tmp_path)
        assert_fails(done, "is read, so that it cannot be written")
    assert (file.read_bytes(), contents(soak)) == before


@pytest.mark.parametrize(
    ("arguments", "part"),
    [
        (["--csv", "-", "--json", "-"], "--csv and --json: standard output takes one of them"),
        (["--csv", "a", "--markdown", "./a"], "is named for two things at once"),
        (["--csv", "nosuch/a"], "--csv: cannot write in 'nosuch': No such file or directory"),
        (["--markdown", "."], "--markdown: '.' is not a name of a file"),
        (["-o", "."], "--output: . is not a name of a file"),
        pytest.param(["--figures", "run-1.json/x"], "--figures: cannot make 'run-1.json/x'", marks=pytest.mark.report),
        (["-o", "nosuch/a.html"], "--output: cannot write in 'nosuch': No such file or directory"),
        (["nosuch", "--csv", "a"], "cannot read nosuch: No such file or directory; give a run directory"),
        (["empty", "--csv", "a"], "empty holds neither manifest.json, run-*.json nor explore-*.json, nor run dir"),
        (["damaged.json", "--csv", "a"], "damaged.json is not JSON"),
    ],
)
def test_what_cannot_be_done_is_one_line_and_nothing_is_written(
    arguments: list[str], part: str, tmp_path: Path
) -> None:
    write_runs(tmp_path / "run-1.json", a_run())
    (tmp_path / "damaged.json").write_text('{"schema": 1, "runs": [')
    (tmp_path / "empty").mkdir()
    before = sorted(os.listdir(tmp_path))
    assert_fails(called("report", "run-1.json", *arguments, cwd=tmp_path), part)
    assert sorted(os.listdir(tmp_path)) == before


@pytest.mark.everywhere
def test_without_the_extra_it_says_what_to_install_and_prints_the_rest(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    write_runs(tmp_path / "run-1.json", a_run())
    (tmp_path / "hide.py").write_text("import sys\nsys.modules['jinja2'] = None\n")
    hide = "import hide; from stress.cli import main; main()"

    def hidden(*arguments: str) -> subprocess.CompletedProcess[str]:
        command = [command_line([])[0], "-c", hide, "report", "run-1.json", *arguments]
        path = f"{CHECKOUT}{os.pathsep}{tmp_path}"
        return subprocess.run(
            command, cwd=tmp_path, env=environment(PYTHONPATH=path), capture_output=True, text=True,
            timeout=BOUND_SECONDS, check=False,
        )  # fmt: skip

    monkeypatch.chdir(tmp_path)
    lacks = " and ".join(sorted({"jinja2", *missing_modules("report")}))
    needs = f"a page needs {lacks}; install with: {install_hint('report')}"
    done = hidden()
    assert done.returncode == 2
    assert done.stderr == f"kstress: no report.html: {needs}; what it would say is above\n"
    assert "modlist_spinlock" in done.stdout
    assert_fails(hidden("-o", "x.html"), f"--output: {needs}")
    assert not list(tmp_path.glob("*.html"))


def test_files_are_written_even_if_nobody_reads_what_is_printed(tmp_path: Path) -> None:
    small_sweep(tmp_path / "sweep")
    words = " ".join(map(shlex.quote, command_line(["report", "sweep", "--csv", "out.csv"])))
    subprocess.run(
        ["bash", "-c", f"{words} | true"], cwd=tmp_path, env=environment(), timeout=BOUND_SECONDS, check=True
    )
    assert (tmp_path / "out.csv").read_text().count("\n") == 25


@pytest.mark.report
def test_a_large_sweep_is_reported_soon_enough(tmp_path: Path) -> None:
    from benchmarks.pages import measure

    began = time.monotonic()
    figures = measure(tmp_path, scenarios=4, repeat=2)
    assert figures["cells"] == 160
    assert figures["bytes"] < 2_000_000
    assert time.monotonic() - began < BOUND_SECONDS
