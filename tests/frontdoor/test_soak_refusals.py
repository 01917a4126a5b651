"""What a soak refuses: one line that names the difference or the value, exit 2, and not a byte is changed."""

import shutil
import signal
from pathlib import Path

import attrs
import pytest

from stress.corpus.files import BUNDLED
from tests.frontdoor.command import Command, called, kstress
from tests.frontdoor.soaking import (
    HOURS,
    SHORT,
    assert_fails,
    contents,
    manifest,
    running,
    samples,
    scenario_file,
    soak,
    the_run,
)


@attrs.frozen
class Begun:
    """A soak that can be resumed, and what it was begun with."""

    folder: Path
    scenario: Path
    corpus: Path


@pytest.fixture(scope="module")
def first(tmp_path_factory: pytest.TempPathFactory) -> Begun:
    """A soak of a scenario file and a corpus file."""
    place = tmp_path_factory.mktemp("first")
    scenario, corpus = scenario_file(place, "mine"), place / "corpus.json"
    corpus.write_bytes(BUNDLED.read_bytes())
    done = soak(place / "results", str(scenario), *SHORT, "--duration", "500ms", "--seed", "7", "--corpus", str(corpus))
    assert done.returncode == 0, done.stderr
    return Begun(the_run(place / "results"), scenario, corpus)


def assert_refuses(folder: Path, arguments: list[str], *parts: str, command: Command = called) -> None:
    """Resuming with these arguments is refused, and the directory stays as it is."""
    before = contents(folder)
    assert_fails(command("soak", "--resume", str(folder), *arguments), "--resume", str(folder), *parts)
    assert contents(folder) == before


ANOTHER = [
    (["stop_machine"], ["mine.py, not of stop_machine"]),
    (["--cpus", "5"], ["--cpus was 3, not 5"]),
    (["--corpus", __file__], [f"--corpus {__file__} is not the corpus"]),
    (
        ["modlist_spinlock", "--cpus", "4", "--seed", "8", "--no-kasan", "--noise", "0", "--pace", "2s"],
        [
            "not of modlist_spinlock",
            "--cpus was 3, not 4",
            "--seed was 7, not 8",
            "--kasan was True, not False",
            "--noise was 1/64, not 0",
            "--pace was 1ms, not 2s",
            "start a new soak",
        ],
    ),
]


@pytest.mark.parametrize(("arguments", "parts"), ANOTHER)
def test_resume_refuses_what_differs_and_names_it(arguments: list[str], parts: list[str], first: Begun) -> None:
    assert_refuses(first.folder, [*arguments, "--duration", "1h"], *parts)


def test_resume_refuses_files_that_have_changed_since(first: Begun) -> None:
    scenario, corpus = first.scenario.read_bytes(), first.corpus.read_bytes()
    try:
        first.scenario.write_bytes(scenario + b"# another comment\n")
        changed = "the file of scenario mine, or of its twin, has changed"
        assert_refuses(first.folder, ["--duration", "1h"], changed, command=kstress)
        first.scenario.write_bytes(scenario)
        first.corpus.write_bytes(corpus + b"\n")
        assert_refuses(first.folder, ["--duration", "1h"], f"the corpus {first.corpus} has changed")
    finally:
        first.scenario.write_bytes(scenario)
        first.corpus.write_bytes(corpus)


def test_resume_takes_what_is_the_same_and_goes_on(first: Begun, tmp_path: Path) -> None:
    folder = tmp_path / "copied"
    shutil.copytree(first.folder, folder)
    before = samples(folder)
    same = [str(first.scenario), "--cpus", "3", "--seed", "7", "--engine", "python", "--corpus", str(first.corpus)]
    longer = f"{round(before[-1]['standing']['elapsed_s'] * 1000) + 400}ms"
    done = kstress("soak", "--resume", str(folder), *same, "--duration", longer)
    assert done.returncode == 0, done.stderr
    assert samples(folder)[: len(before)] == before
    assert samples(folder)[-1]["standing"]["tally"]["lookups"] > before[-1]["standing"]["tally"]["lookups"]


def test_resume_refuses_a_directory_that_a_running_soak_writes_to(tmp_path: Path) -> None:
    with running("stop_machine", *HOURS, "--results", str(tmp_path)) as soaking:
        folder = soaking.hear_directory()
        refused = kstress("soak", "--resume", str(folder), "--duration", "1s")
        assert_fails(refused, "--resume", "another kstress is writing to", str(folder))
        assert called("report", str(folder), "--csv", "/dev/null").returncode == 0
        soaking.hear_interval()
        soaking.signal(signal.SIGTERM)
        assert soaking.wait() == 143
    assert len(manifest(folder)["sessions"]) == 1


def test_resume_refuses_what_is_no_run_directory(tmp_path: Path) -> None:
    (tmp_path / "empty").mkdir()
    (tmp_path / "file").write_text("mine\n")
    for name, part in {"nosuch": "No such file", "file": "Not a directory", "empty": "No such file"}.items():
        assert_fails(called("soak", "--resume", name, cwd=tmp_path), name, part)
    assert sorted(path.name for path in tmp_path.iterdir()) == ["empty", "file"]
    assert list((tmp_path / "empty").iterdir()) == []
    assert (tmp_path / "file").read_text() == "mine\n"


BAD_USAGE = [
    (["stop_machine"], ["--duration", "8h"]),
    (["stop_machine", "--duration", "1h", "--interval", "5"], ["--interval", "'5'", "ms"]),
    (["stop_machine", "--duration", "1h", "--interval", "1ms"], ["--interval", "0.001 s", "0.1 s"]),
    (["stop_machine", "--duration", "1h", "--metrics-port", "65536"], ["--metrics-port", "65536"]),
    (["stop_machine", "--duration", "1h", "--metrics-port", "-1"], ["--metrics-port", "-1"]),
    (["stop_machine", "stop_machine", "--duration", "1h"], ["stop_machine", "twice"]),
    (["--duration", "1h"], ["SCENARIO", "kstress list"]),
    (["--all", "stop_machine", "--duration", "1h"], ["--all", "'stop_machine'"]),
    (["stop_machine", "--duration", "1h", "--cpus", "1"], ["--cpus", "at least 2"]),
    (["stop_machine", "--duration", "1h", "--results", "file/below"], ["--results", "file/below", "Not a directory"]),
    (["--resume", "x", "--results", "y"], ["--results", "a resumed soak stays in its directory"]),
]


@pytest.mark.parametrize(("arguments", "parts"), BAD_USAGE)
def test_bad_usage_is_one_line_and_nothing_is_left_behind(
    arguments: list[str], parts: list[str], tmp_path: Path
) -> None:
    (tmp_path / "file").touch()
    assert_fails(called("soak", "--engine", "python", *arguments, cwd=tmp_path), *parts)
    assert [path.name for path in tmp_path.iterdir()] == ["file"]
