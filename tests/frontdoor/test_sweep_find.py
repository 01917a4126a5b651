"""`kstress sweep --find`: a knee is found, also after a signal; it is told in a sentence, in JSON and in reports."""

import json
import shutil
import signal
from pathlib import Path

import attrs
import pytest

from tests.frontdoor.command import called
from tests.frontdoor.planting import planted
from tests.frontdoor.soaking import assert_fails, contents, manifest, running, wait_until
from tests.frontdoor.sweeping import END, cells, last_facts, swept, the_sweep, times_of_cells

PYTHON = ("modlist_spinlock", "--engine", "python", "--seed", "7", "--share", "50%")
FIND = ("--find", "cpus=1,4", "--duration", "20s")
CLAIM = "modlist_spinlock, python engine: the race shows in at least 50 % of 20s runs from 4 CPUs on (95 % confidence)"


@attrs.frozen
class Found:
    """A search that a signal cut short and that then went on to its end; what both printed."""

    folder: Path
    code: int
    before: str
    resumed: int
    after: str


@pytest.fixture(scope="module")
def found(tmp_path_factory: pytest.TempPathFactory) -> Found:
    """On one CPU the race cannot show, since the scenario needs more; on four it shows sooner or later."""
    results = tmp_path_factory.mktemp("results")
    with running(*PYTHON, *FIND, "--results", str(results), verb="sweep") as searching:
        folder = searching.hear_directory()
        wait_until(lambda: len(cells(folder)) >= 3, "three cells")
        searching.signal(signal.SIGTERM)
        code = searching.wait()
    done = called("sweep", "--resume", str(folder))
    return Found(folder, code, searching.printed, done.returncode, done.stdout)


def test_a_signal_ends_it_with_what_is_known(found: Found) -> None:
    told = last_facts(found.before)
    assert (found.code, told["status"], told["found"]) == (143, "interrupted", "0")
    assert "the search was cut short; so far nothing is known to be at or above the knee" in found.before


def test_it_goes_on_to_the_knee(found: Found) -> None:
    told = last_facts(found.after)
    assert (found.resumed, told["status"]) == (0, "complete")
    assert (told["find"], told["searches"], told["found"], told["sessions"]) == ("cpus", "1", "1", "2")
    assert f"{CLAIM}: with 1 CPU in 0 of " in found.after
    assert "; with 4 CPUs in " in found.after
    assert set(times_of_cells(found.folder).values()) == {1}
    assert int(told["ended"]) == len(cells(found.folder))


def test_what_has_come_to_its_end_has_nothing_left(found: Found, tmp_path: Path) -> None:
    folder = shutil.copytree(found.folder, tmp_path / "copied")
    again = called("sweep", "--resume", str(folder), "--json", "-")
    assert (again.returncode, contents(folder)["cells.jsonl"]) == (0, contents(found.folder)["cells.jsonl"])
    document = json.loads(again.stdout)
    assert len(document["runs"]) == len(cells(folder))
    [knee] = document["knees"]
    assert (knee["scenario"], knee["axis"], knee["found"], knee["below"], knee["above"]) == (
        "modlist_spinlock", "cpus", True, 1, 4,
    )  # fmt: skip
    assert [(one["value"], one["decided"]) for one in knee["candidates"]] == [(1, "below"), (4, "above")]
    assert knee["told"] in again.stderr


def test_a_report_has_the_answer_and_takes_no_miss_for_a_failure(found: Found, tmp_path: Path) -> None:
    done = called("report", str(found.folder), "--markdown", "report.md", cwd=tmp_path)
    assert done.returncode == 0, done.stderr
    assert CLAIM in done.stdout
    assert f"complete, {len(cells(found.folder))} runs of a search" in done.stdout
    assert "Everything was as expected" in done.stdout
    assert "from 4 CPUs on" in (tmp_path / "report.md").read_text()


def test_a_search_is_not_gone_on_with_on_another_axis(found: Found) -> None:
    before = contents(found.folder)
    assert_fails(called("sweep", "--resume", str(found.folder), "--find", "noise"), "--resume: ", "leave --find out")
    assert contents(found.folder) == before


@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        (
            ("--find", "cpus=1", "--duration", "20s"),
            "at none from 1 CPU to 1 CPU (95 % confidence): with 1 CPU in 0 of ",
        ),
        (("--find", "duration=1us,20s", "--repeat", "3"), "not decided: 1us, 20s"),
    ],
)
def test_no_knee_is_inconclusive(arguments: tuple[str, ...], told: str, tmp_path: Path) -> None:
    done = swept(tmp_path, *PYTHON, *arguments)
    assert done.returncode == 3, done.stderr
    assert told in done.stdout
    assert last_facts(done.stdout)["found"] == "0"


def test_a_plan_may_be_a_search(tmp_path: Path) -> None:
    plan = tmp_path / "plan.toml"
    plan.write_text(
        'scenarios = ["modlist_spinlock"]\nfind = "noise=1/64,1/16"\nrepeat = 2\nduration = "20s"\n'
        '[axes]\nengine = "python"\ncpus = 3\n'
    )
    done = swept(tmp_path, str(plan))
    assert done.returncode == 3, done.stderr
    assert [cell["run"]["conditions"]["noise"] for cell in cells(the_sweep(tmp_path))] == [1 / 16] * 2 + [1 / 64] * 2
    assert manifest(the_sweep(tmp_path))["plan"]["find"]["axis"] == "noise"


def test_runs_that_crash_end_the_search(tmp_path: Path) -> None:
    bad = planted(tmp_path, "leaves", "os._exit(9)")
    done = swept(tmp_path, str(bad), "--engine", "python", "--find", "cpus=2..64", "--duration", "20s")
    assert done.returncode == 4, done.stderr
    assert "leaves, python engine: no knee, since too many runs did not complete" in done.stdout
    assert [cell["end"] for cell in cells(the_sweep(tmp_path))] == ["crashed"] * 3
    assert done.stdout.count("ended with exit code 9") == 6  # when it ended, and at the end
    assert done.stdout.splitlines()[-1].startswith(END)


@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        (["--find", "cpus=64..2"], "--find: '64..2' is not a range"),
        (
            ["--find", "fate"],
            "--find: 'fate' is not an axis that can be searched; give one of cpus, noise, gap, duration",
        ),
        (["--find", "cpus", "--cpus", "4"], "--cpus: the knee is sought on cpus, among what find names"),
        (["--find", "gap=1ms,2ms"], "--find: modlist_spinlock has no hypervisor"),
    ],
)
def test_wrong_input_is_one_line_and_nothing_starts(arguments: list[str], told: str, tmp_path: Path) -> None:
    done = called("sweep", "modlist_spinlock", "--engine", "python", *arguments, cwd=tmp_path)
    assert done.returncode == 2
    assert f"kstress: {told}" in done.stderr
    assert "Traceback" not in done.stderr
    assert list(tmp_path.iterdir()) == []
