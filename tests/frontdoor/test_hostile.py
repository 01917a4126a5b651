"""Hostile hands: `benchmarks.fuzz` in small, and what it is made to find."""

import contextlib
import errno
import os
import re
import resource
import subprocess
import sys
from pathlib import Path

import click
import pytest

from benchmarks import fuzz
from stress import cli
from stress.corpus.files import BUNDLED
from stress.errors import UserError
from stress.exits import fail
from stress.results.terminal.places import write_results
from tests.campaign.soak.made import make_run
from tests.frontdoor.command import CHECKOUT, called, command_line, environment, kstress


def test_a_hundred_random_inputs_are_told_in_a_line(capsys: pytest.CaptureFixture[str]) -> None:
    assert fuzz.hunt(100, seed=int(os.environ.get("KSTRESS_FUZZ_SEED", "1"))) == [], capsys.readouterr().out


@pytest.mark.parametrize("name", fuzz.ERRNOS)
def test_every_errno_of_a_reader_is_one_line(
    name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "run-1.json").write_text("{}")
    number, real = getattr(errno, name), os.open

    def refused(path: object, *given: object, **more: object) -> int:
        if str(path).endswith("run-1.json"):
            raise OSError(number, os.strerror(number), path)
        return real(path, *given, **more)  # type: ignore[arg-type]

    monkeypatch.setattr(os, "open", refused)
    assert cli.call(["report", str(tmp_path)]) == 2
    printed = capsys.readouterr()
    assert printed.out == ""
    [line] = printed.err.splitlines()
    assert str(tmp_path / "run-1.json") in line
    assert f": {os.strerror(number)}; " in line


@pytest.mark.parametrize(
    "arguments",
    [
        ["run", "x" * 300 + ".py"], ["run", "--corpus", "x" * 300], ["run", "--json", "x" * 300 + "/y"],
        ["sweep", "x" * 300 + ".toml"], ["soak", "--resume", "x" * 300], ["report", "x" * 300],
        ["report", ".", "-o", "x" * 300 + "/y"], ["compare", "x" * 300, "."],
        ["compare", ".", ".", "--junit", "x" * 300],
        ["soak", "stop_machine", "--duration", "1s", "--results", "x" * 300],
        ["sweep", "stop_machine", "--duration", "1s", "--results", "loop"],
        ["corpus", "import", "x" * 300, "-o", "y"], ["corpus", "show", "x" * 300], ["corpus", "show", "loop"],
        ["run", "loop/x.py"], ["report", "loop"], ["report", "file/x"], ["run", "file/x.py"], ["run", "\udcff.py"],
    ],
)  # fmt: skip
def test_names_that_nothing_can_have_are_one_line(
    arguments: list[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "loop").symlink_to("loop")
    (tmp_path / "file").write_text("")
    assert cli.call(arguments) == 2
    printed = capsys.readouterr()
    assert len(printed.err.splitlines()) == 1, printed.err
    assert sorted(path.name for path in tmp_path.iterdir()) == ["file", "loop"]


@pytest.mark.parametrize(
    "arguments",
    [
        ["run", "\x1b[2J"], ["run", "--\x1b[2J"], ["\x1b[2J"], ["run", "--duration", "\x1b[2J"], ["report", "\x1b[2J"],
        ["run", "--json", "\x1b[2J/x"], ["run", "--engine", "\x9b2J"], ["sweep", "--resume", "a\nb\x07"],
        ["compare", "a\nb", "\x1b]0;x\x07"], ["run", "--seed", "a\nb"], ["run", "--a\nb"],
    ],
)  # fmt: skip
def test_nothing_in_an_argument_tells_the_terminal_what_to_do(
    arguments: list[str], capsys: pytest.CaptureFixture[str]
) -> None:
    assert cli.call(arguments) == 2
    printed = capsys.readouterr()
    [line] = printed.err.splitlines()
    assert not set(printed.out + line) & set("\x1b\x9b\x07")


def test_names_that_are_not_utf_8_are_printed_and_used(tmp_path: Path) -> None:
    if sys.getfilesystemencoding() != "utf-8":
        pytest.skip("every name is text here")
    (tmp_path / "map").write_text("ffffffff81000000 T _text\nffffffffc0000000 t f\t[m]\n")
    done = kstress("corpus", "import", "map", "-o", "\udcff\x1b.json", cwd=tmp_path, LC_ALL="C.UTF-8")
    assert done.returncode == 0, done.stderr
    assert "1 modules, 2 symbols" in done.stdout
    assert done.stdout.count("\x1b") == 0
    assert (tmp_path / "\udcff\x1b.json").exists()


ODD = "x\udcff"
"""A folder whose name is not UTF-8, as `os.fsdecode` has it."""


@pytest.mark.parametrize(
    ("arguments", "what"),
    [
        (["run", f"{ODD}/mine.py"], "SCENARIO"), (["run", f"{ODD}/mine.py", "--json", "o.json"], "SCENARIO"),
        (["explore", f"{ODD}/mine.py", "--results", "."], "SCENARIO"),
        (["soak", f"{ODD}/mine.py", "--duration", "1s"], "SCENARIO"),
        (["sweep", f"{ODD}/mine.py"], "SCENARIO"), (["run", f"{ODD}/loop.py"], "SCENARIO"),
        (["soak", "stop_machine", "--duration", "1s", "--results", ODD], "--results"),
        (["sweep", "stop_machine", "--results", f"{ODD}/more"], "--results"),
        (["run", "stop_machine", "--corpus", f"{ODD}/corpus.json"], "--corpus"),
        (["explore", "stop_machine", "--corpus", f"{ODD}/corpus.json"], "--corpus"),
    ],
)  # fmt: skip
def test_a_path_that_no_results_could_name_is_refused_before_anything_runs(
    arguments: list[str], what: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    if sys.getfilesystemencoding() != "utf-8":
        pytest.skip("every name is text here")
    monkeypatch.chdir(tmp_path)
    Path(ODD).mkdir()
    Path(ODD, "mine.py").write_bytes((CHECKOUT / "scenarios" / "modlist_spinlock.py").read_bytes())
    Path(ODD, "loop.py").symlink_to("mine.py")
    Path(ODD, "corpus.json").write_bytes(BUNDLED.read_bytes())
    assert cli.call(arguments) == 2
    printed = capsys.readouterr()
    [line] = printed.err.splitlines()
    assert re.search(rf"{what}: .*x\\udcff.*: its path has bytes that are not UTF-8, .*; rename", line)
    assert (printed.out, os.listdir(tmp_path)) == ("", [ODD])


def test_a_soak_in_a_folder_that_was_renamed_so_is_still_reported(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    folder = make_run(tmp_path)
    odd = folder.rename(tmp_path / ODD)
    assert cli.call(["report", str(odd), "--json", str(tmp_path / "all.json")]) == 0, capsys.readouterr().err
    assert cli.call(["report", str(tmp_path / "all.json"), "--csv", str(tmp_path / "table.csv")]) == 0


@pytest.mark.parametrize(
    ("arguments", "line"),
    [
        (["run", "modlist_spinlock", "--stop-on-violation"], "results: a\\nb/run-"),
        (["explore", "modlist_spinlock", "--schedules", "1"], "results: a\\nb/explore-"),
        (["soak", "modlist_spinlock", "--duration", "100ms"], "run directory: a\\nb/soak-"),
        (["sweep", "modlist_spinlock", "--duration", "100ms", "--repeat", "1"], "run directory: a\\nb/sweep-"),
    ],
)
def test_where_results_are_is_one_line_whatever_the_folder_is_called(
    arguments: list[str], line: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    done = called(*arguments, "--engine", "python", "--cpus", "3", "--results", "a\nb")
    assert done.returncode in (0, 3), done.stderr
    assert [one for one in (done.stdout + done.stderr).splitlines() if one.startswith(line)]


def test_a_limit_on_open_files_is_one_line_that_says_what_to_raise(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "run-1.json").write_text("{}")
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    handles: list[int] = []
    try:
        resource.setrlimit(resource.RLIMIT_NOFILE, (min(soft, 256), hard))
        with contextlib.suppress(OSError):
            while True:
                handles.append(os.dup(2))
        code = cli.call(["report", str(tmp_path / "run-1.json"), "--json", "-"])
    finally:
        for handle in handles:
            os.close(handle)
        resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))
    assert code == 2
    [line] = capsys.readouterr().err.splitlines()
    assert line.endswith("Too many open files; raise the limit on open files (ulimit -n)")


def test_a_command_whose_reader_has_gone_exits_with_0_and_no_word() -> None:
    reading, writing = os.pipe()
    os.close(reading)
    try:
        command = command_line(["list", "--markdown"])
        done = subprocess.run(
            command, stdout=writing, stderr=subprocess.PIPE, text=True, env=environment(), timeout=60, check=False
        )
    finally:
        os.close(writing)
    assert (done.returncode, done.stderr) == (0, "")


def test_a_broken_pipe_in_the_place_of_a_file_is_told(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def refused(*given: object) -> None:
        raise BrokenPipeError(errno.EPIPE, os.strerror(errno.EPIPE), str(tmp_path))

    monkeypatch.setattr("stress.scenario_files.os.listdir", refused)
    assert cli.call(["list"]) == 2
    assert "Broken pipe" in capsys.readouterr().err


def test_a_pipe_that_nobody_reads_is_told_and_one_with_a_reader_is_written_to(tmp_path: Path) -> None:
    pipe = tmp_path / "pipe"
    os.mkfifo(pipe)
    with pytest.raises(UserError, match=r"^--json: cannot write '.*pipe': nobody reads from this pipe; "):
        write_results(pipe, "text", "--json")
    reading = os.open(pipe, os.O_RDONLY | os.O_NONBLOCK)
    try:
        write_results(pipe, "text", "--json")
        assert os.read(reading, 100) == b"text"
    finally:
        os.close(reading)


def test_a_message_is_escaped_once_more_where_it_is_printed(capsys: pytest.CaptureFixture[str]) -> None:
    assert fail("one \x1b[2J\ntwo \udcff", 2) == 2
    assert capsys.readouterr().err == "kstress: one \\x1b[2J\ntwo \\udcff\n"


@pytest.mark.parametrize(("name", "code"), [(None, 0), ("some/pipe", 2)])
def test_a_broken_pipe_is_no_verdict(
    name: str | None, code: int, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def breaks(**_: object) -> None:
        raise BrokenPipeError(errno.EPIPE, os.strerror(errno.EPIPE), name)

    monkeypatch.setattr(cli.cli.commands["list"], "callback", breaks)
    assert cli.call(["list"]) == code
    assert [repr(name) in line for line in capsys.readouterr().err.splitlines()] == [True] * (code == 2)


def test_an_argument_cannot_break_a_message_in_two(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def refuses(**_: object) -> None:
        raise click.UsageError("there is no such thing as a\nb")

    monkeypatch.setattr(cli.cli.commands["list"], "callback", refuses)
    assert cli.call(["list"]) == 2
    assert len(capsys.readouterr().err.splitlines()) == 1
