"""Readers that leave, disks that are full, widths that are none: each command comes to its end and its exit code."""

import errno
import io
import os
import shlex
import subprocess
import sys
from pathlib import Path

import pytest

from stress.cli import unmet
from stress.host import streams
from stress.host.streams import Outlet
from stress.results.terminal.consoles import PLAIN_WIDTH, console
from tests.frontdoor.command import BOUND_SECONDS, CHECKOUT, command_line, environment, kstress
from tests.frontdoor.soaking import scenario_file
from tests.frontdoor.sweeping import QUICK, all_once, the_sweep, times_of_cells

REFERENCE = str(CHECKOUT / "results" / "reference")
BRIEF = ("--engine", "python", "--duration", "60s", "--stop-on-violation")
needs_full = pytest.mark.skipif(not Path("/dev/full").exists(), reason="needs /dev/full")


def in_shell(line: str, cwd: Path, **more: str) -> subprocess.CompletedProcess[str]:
    """Run a line of a shell, in which `kstress` is the command."""
    command = shlex.join(command_line([]))
    return subprocess.run(
        ["sh", "-c", f'kstress() {{ {command} "$@"; }}; {line}'],
        cwd=cwd, env=environment(**more), capture_output=True, text=True, timeout=BOUND_SECONDS, check=False,
    )  # fmt: skip


@pytest.mark.parametrize(
    ("arguments", "code", "unbuffered"),
    [
        (("--help",), 0, "1"),
        (("list", "--json"), 0, "1"),
        (("list", "--json"), 0, ""),
        (("corpus", "show"), 0, ""),
        (("report", REFERENCE, "--markdown", "-"), 0, "1"),
        (("run", "modlist_spinlock", *BRIEF), 0, "1"),
        (("run", "stop_machine", "--engine", "python", "--cpus", "1"), 3, ""),
    ],
)
def test_a_reader_that_leaves_changes_no_exit_code(
    arguments: tuple[str, ...], code: int, unbuffered: str, tmp_path: Path
) -> None:
    line = f"{{ sleep 0.2; kstress {shlex.join(arguments)}; echo $? > code; }} | true"
    done = in_shell(line, tmp_path, PYTHONUNBUFFERED=unbuffered)
    assert (tmp_path / "code").read_text() == f"{code}\n"
    assert "Traceback" not in done.stderr
    assert "ignored" not in done.stderr


def test_a_sweep_outlives_whoever_reads_it(tmp_path: Path) -> None:
    arguments = shlex.join(["sweep", "modlist_spinlock", *QUICK, "--cpus", "2", "--repeat", "3"])
    in_shell(f"{{ kstress {arguments}; echo $? > code; }} | head -n 1", tmp_path)
    assert (tmp_path / "code").read_text() in ("0\n", "3\n")
    assert times_of_cells(the_sweep(tmp_path / "results")) == all_once(1, 3)


def test_a_run_whose_reader_has_left_goes_on_to_the_exit_code_of_all(tmp_path: Path) -> None:
    other = scenario_file(tmp_path, "other", expect="held")
    arguments = shlex.join(["run", "modlist_spinlock", str(other), *BRIEF])
    for more in ("", "--json kept.json"):
        in_shell(f"{{ sleep 0.2; kstress {arguments} {more}; echo $? > code; }} | true", tmp_path, PYTHONUNBUFFERED="1")
        assert (tmp_path / "code").read_text() == "1\n"
    assert '"other"' in (tmp_path / "kept.json").read_text()


@needs_full
@pytest.mark.parametrize("arguments", ["--help", "list"])
def test_a_full_disk_is_one_line_and_exit_2(arguments: str, tmp_path: Path) -> None:
    done = in_shell(f"kstress {arguments} > /dev/full", tmp_path)
    assert done.returncode == 2
    [line] = done.stderr.splitlines()
    assert line.startswith("kstress: cannot print the results")
    assert "No space left on device" in line
    assert in_shell(f"kstress {arguments} > /dev/full 2>&1", tmp_path).returncode == 2


def test_a_folder_that_is_gone_is_not_the_fault_of_what_is_printed(tmp_path: Path) -> None:
    done = in_shell("mkdir gone && cd gone && rmdir ../gone && kstress report somewhere", tmp_path)
    assert (done.returncode, done.stdout) == (2, "")
    [line] = done.stderr.splitlines()
    assert line.startswith("kstress: the current folder is gone: ")


def test_a_refusal_that_names_no_file_is_told_as_what_it_is() -> None:
    error = OSError(errno.EMFILE, os.strerror(errno.EMFILE))
    assert str(unmet(error)) == "cannot go on: Too many open files; raise the limit on open files (ulimit -n)"


@needs_full
def test_what_standard_error_does_not_take_changes_nothing(tmp_path: Path) -> None:
    done = in_shell(f"kstress run modlist_spinlock {shlex.join(BRIEF)} 2> /dev/full", tmp_path)
    assert done.returncode == 0
    assert "VIOLATED as expected" in done.stdout
    assert in_shell("kstress run no_such_scenario 2> /dev/full", tmp_path).returncode == 2


@pytest.mark.parametrize("size", ["0", "1", "-5", "\u00b2", "99999999999", "wide", "", "70"])
def test_a_size_in_which_nothing_can_be_printed_is_not_taken(size: str, monkeypatch: pytest.MonkeyPatch) -> None:
    with monkeypatch.context() as patch:  # pytest itself goes by these when it reports
        patch.setattr(sys, "stdout", io.StringIO())  # no terminal, whoever runs this
        for name in ("COLUMNS", "LINES"):
            patch.setenv(name, size)
        width = console().width
    assert width == (70 if size == "70" else PLAIN_WIDTH)


def test_a_name_between_colons_is_no_picture() -> None:
    screen = console()
    with screen.capture() as printed:
        screen.print("mine.py:bug:", soft_wrap=True)
    assert printed.get() == "mine.py:bug:\n"


def test_a_command_without_a_width_prints_as_ever() -> None:
    plain, done = kstress("corpus", "show"), kstress("corpus", "show", COLUMNS="0", LINES="0", TERM="dumb")
    assert (done.returncode, done.stdout, done.stderr) == (0, plain.stdout, "")


STRICT = {"PYTHONWARNINGS": "error", "PYTHONSAFEPATH": "1", "PYTHONIOENCODING": "ascii", "LC_ALL": "C"}


def test_nothing_that_python_warns_of_is_told(tmp_path: Path) -> None:
    arguments = ("sweep", "modlist_spinlock", *QUICK, "--cpus", "2", "--repeat", "1")
    done = kstress(*arguments, cwd=tmp_path, **STRICT)
    assert done.returncode in (0, 3)
    assert done.stderr == ""


def test_where_only_ascii_can_be_written_a_soak_says_how_it_ended(tmp_path: Path) -> None:
    arguments = ("soak", "modlist_spinlock", "--engine", "python", "--cpus", "2", "--duration", "500ms")
    done = kstress(*arguments, cwd=tmp_path, LC_ALL="C", PYTHONUTF8="0", PYTHONCOERCECLOCALE="0")
    assert done.returncode in (0, 3)
    assert "Traceback" not in done.stderr
    assert "--- End of soak: " in done.stdout


def test_the_module_is_the_command_in_isolated_mode_too(tmp_path: Path) -> None:
    paths = [entry for entry in sys.path if entry]
    isolated = f"import sys; sys.path[:0] = {paths!r}; import runpy; runpy.run_module('stress', run_name='__main__')"
    for start in (["-m", "stress"], ["-I", "-c", isolated]):
        done = subprocess.run(
            [sys.executable, *start, "list"],
            cwd=tmp_path, env=environment(), capture_output=True, text=True, timeout=BOUND_SECONDS, check=False,
        )  # fmt: skip
        assert done.returncode == 0, done.stderr
        assert "stop_machine" in done.stdout


def test_a_terminal_that_has_hung_up_is_nobody_who_reads() -> None:
    ours, theirs = os.openpty()
    with open(theirs, "wb", buffering=0) as raw:
        outlet = Outlet(raw, lossy=False)
        assert outlet.isatty()
        assert (outlet.write(b"heard"), outlet.unread) == (5, False)
        os.close(ours)
        assert (outlet.write(b"lost"), outlet.unread) == (4, True)
        assert outlet.write(b"lost") == 4


@needs_full
def test_only_what_may_be_lost_is() -> None:
    with open("/dev/full", "wb", buffering=0) as raw:
        assert Outlet(raw, lossy=True).write(b"lost") == 4
        with pytest.raises(OSError, match="No space left"):
            Outlet(raw, lossy=False).write(b"lost")


def test_what_an_encoding_lacks_is_written_as_an_escape(monkeypatch: pytest.MonkeyPatch) -> None:
    bare = io.BytesIO()
    with monkeypatch.context() as patch:
        patch.setattr(sys, "stdout", io.TextIOWrapper(bare, "ascii"))
        patch.setattr(sys, "stderr", io.TextIOWrapper(io.BytesIO(), "ascii"))
        streams.open_streams()
        print("\u00e9", "\udcff")
        streams.close_streams()
        written = bare.getvalue()
    assert written == b"\\xe9 \\udcff\n"
