"""What a sweep refuses: one line that names what is wrong, exit 2, and nothing starts, or not a byte is changed."""

import shlex
import shutil
import signal
from pathlib import Path

import attrs
import pytest

from tests.campaign.soak.made import make_run
from tests.frontdoor.command import Command, called, kstress
from tests.frontdoor.soaking import assert_fails, contents, manifest, running, scenario_file, wait_until
from tests.frontdoor.sweeping import QUICK, cells, sweep, the_sweep
from tests.results.report.made import small_sweep

HOURS = ("--engine", "python", "--cpus", "2", "--duration", "1h")
PLANS = [
    ('scenarios = ["stop_machine"]\nrepeats = 3', "'repeats' is not a key of a plan; did you mean 'repeat'"),
    ('scenarios = ["stop_machine"]\n[axes]\ncpus = [2, 0]', "axes.cpus: must be from 1 to 1024 (got 0)"),
    ('scenarios = ["stop_machine"]\n[axes]\ngap = "1ms"', "axes.gap: stop_machine has no hypervisor"),
    ('scenarios = ["nosuch"]', "scenarios: there is no scenario 'nosuch'"),
    ("scenarios = [", "is not TOML"),
]


@pytest.mark.parametrize(("text", "told"), PLANS)
def test_a_plan_with_an_error_starts_nothing(text: str, told: str, tmp_path: Path) -> None:
    (tmp_path / "plan.toml").write_text(text)
    assert_fails(called("sweep", "plan.toml", cwd=tmp_path), "plan.toml", told)
    assert [path.name for path in tmp_path.iterdir()] == ["plan.toml"]


def test_every_error_of_a_plan_is_a_line_of_its_own(tmp_path: Path) -> None:
    (tmp_path / "plan.toml").write_text('scenarios = []\nseed = "x"\n[axes]\ncpus = 0\nfate = "eaten"\n')
    done = called("sweep", "plan.toml", cwd=tmp_path)
    assert (done.returncode, done.stdout) == (2, "")
    lines = done.stderr.removeprefix("kstress: ").splitlines()
    keys = ["scenarios", "seed", "axes.cpus", "axes.fate"]
    assert [line.split(": ")[:2] for line in lines] == [["plan.toml", key] for key in keys]
    assert [path.name for path in tmp_path.iterdir()] == ["plan.toml"]


@attrs.frozen
class Begun:
    """A sweep that can be gone on with, and the scenario file that it is of."""

    folder: Path
    scenario: Path


@pytest.fixture(scope="module")
def begun(tmp_path_factory: pytest.TempPathFactory) -> Begun:
    """A sweep of one cell of a scenario file."""
    place = tmp_path_factory.mktemp("begun")
    scenario = scenario_file(place, "mine")
    done = sweep(place / "results", str(scenario), *QUICK, "--cpus", "2", "--repeat", "1")
    assert done.returncode in (0, 3), done.stderr
    return Begun(the_sweep(place / "results"), scenario)


def assert_refuses(folder: Path, *parts: str, command: Command = called) -> None:
    """Going on with a run directory is refused, and it stays as it is."""
    before = contents(folder)
    assert_fails(command("sweep", "--resume", str(folder)), str(folder), *parts)
    assert contents(folder) == before


def test_a_scenario_that_has_changed_since_is_not_gone_on_with(begun: Begun) -> None:
    text = begun.scenario.read_bytes()
    try:
        begun.scenario.write_bytes(text + b"# another comment\n")
        changed = "the file of scenario mine, or of its twin, has changed"
        assert_refuses(begun.folder, changed, "start a new sweep", command=kstress)
    finally:
        begun.scenario.write_bytes(text)


def test_a_cell_in_the_middle_that_is_damaged_is_told_with_its_line(begun: Begun, tmp_path: Path) -> None:
    folder = shutil.copytree(begun.folder, tmp_path / "copied")
    (folder / "cells.jsonl").write_bytes(b"{}\n" + (folder / "cells.jsonl").read_bytes())
    assert_refuses(folder, "cells.jsonl, line 1 is not a cell result")


@pytest.mark.parametrize("flags", [["--seed", "7"], ["--cpus", "2"], ["stop_machine"], ["--results", "x"]])
def test_what_is_gone_on_with_takes_nothing_beside_it(flags: list[str], begun: Begun) -> None:
    before = contents(begun.folder)
    assert_fails(called("sweep", "--resume", str(begun.folder), *flags), "--resume: ", f"leave {flags[0]} out")
    assert contents(begun.folder) == before


def test_no_soak_and_no_empty_folder_is_a_sweep(begun: Begun, tmp_path: Path) -> None:
    assert_refuses(tmp_path, "manifest.json", "No such file")
    folder = shutil.copytree(begun.folder, tmp_path / "soak")
    head = (folder / "manifest.json").read_text()
    (folder / "manifest.json").write_text(head.replace('"kstress sweep"', '"kstress soak"'))
    assert_refuses(folder, "is not the manifest of a sweep")


def test_a_directory_that_a_sweep_writes_to_is_not_gone_on_with(tmp_path: Path) -> None:
    with running("stop_machine", *HOURS, "--results", str(tmp_path), verb="sweep") as sweeping:
        folder = sweeping.hear_directory()
        assert_refuses(folder, "another kstress is writing to")
        sweeping.signal(signal.SIGTERM)
        assert sweeping.wait() == 143
    assert len(manifest(folder)["sessions"]) == 1
    assert manifest(folder)["status"] == "interrupted"


@pytest.mark.parametrize("place", ["file/below", "file"])
def test_a_place_where_nothing_can_be_made_is_told_before_anything_runs(place: str, tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    done = called("sweep", "stop_machine", *HOURS, "--results", place, cwd=tmp_path)
    assert_fails(done, "--results: cannot make a run directory in", place, "Not a directory")
    assert [path.name for path in tmp_path.iterdir()] == ["file"]


def test_a_second_signal_leaves_at_once_and_what_has_ended_is_there(tmp_path: Path) -> None:
    arguments = ("stop_machine", "modlist_spinlock", *QUICK, "--cpus", "2", "--repeat", "400")
    with running(*arguments, "--results", str(tmp_path), verb="sweep") as sweeping:
        folder = sweeping.hear_directory()
        wait_until(lambda: len(cells(folder)) >= 1, "a cell")
        sweeping.signal(signal.SIGSTOP)
        sweeping.signal(signal.SIGINT)
        sweeping.signal(signal.SIGTERM)
        before = len(cells(folder))
        sweeping.signal(signal.SIGCONT)
        assert sweeping.wait() in (128 + signal.SIGINT, 128 + signal.SIGTERM)
    assert "End of sweep" not in sweeping.printed
    assert manifest(folder)["status"] == "running"
    assert before <= len(cells(folder)) <= before + 1


def test_a_directory_of_the_other_kind_is_named_with_what_goes_on_with_it(tmp_path: Path) -> None:
    soak, sweep = make_run(tmp_path / "a b"), small_sweep(tmp_path / "sweep")
    refused = {("sweep", "soak"): soak, ("soak", "sweep"): sweep}
    for (verb, kind), folder in refused.items():
        before = contents(folder)
        resume = f"kstress {kind} --resume {shlex.quote(str(folder))}"
        assert_fails(
            called(verb, "--resume", str(folder)), f"is not the manifest of a {verb}, but of a {kind}; ", resume
        )
        assert contents(folder) == before
