"""Bad usage and bad input: one line with the value, where it came from and what to do; exit 2; no traceback."""

import os
import shlex
import subprocess
from pathlib import Path

import pytest

from stress.corpus.files import BUNDLED
from tests.frontdoor.command import CHECKOUT, called, command_line, environment, kstress


def assert_one_line(arguments: list[str], *parts: str, cwd: Path | None = None) -> None:
    """The command fails with exit 2 and one line that has all `parts`."""
    done = called(*arguments, cwd=cwd)
    assert done.returncode == 2, done.stderr
    assert done.stdout == ""
    lines = done.stderr.splitlines()
    assert len(lines) == 1, done.stderr
    for part in ("kstress: ", *parts):
        assert part in lines[0]


@pytest.mark.parametrize(
    ("arguments", "parts"),
    [
        (["run", "nosuch"], ["'nosuch'", "kstress list"]),
        (["run", "./nosuch.py"], ["'./nosuch.py'"]),
        (["run", "--duration", "5"], ["--duration", "'5'", "ms"]),
        (["run", "--duration", "0s"], ["--duration"]),
        (["run", "--cpus", "0"], ["--cpus", "0"]),
        (["run", "--cpus", "99999"], ["--cpus", "99999"]),
        (["run", "--cpus", "many"], ["--cpus", "'many'"]),
        (["run", "--engine", "gpu"], ["--engine", "'gpu'", "python"]),
        (["run", "--noise", "2"], ["--noise", "'2'"]),
        (["run", "--noise", "1e999999999"], ["--noise", "1e999999999"]),
        (["run", "--noise", "1/999999999999"], ["--noise", "1e-12"]),
        (["run", "--json", ""], ["--json", "''"]),
        (["run", "--seed", "-1"], ["--seed: must be from 0 to 9223372036854775807 (got -1)"]),
        (["run", "--seed", "9" * 23], ["--seed: must be from 0 to 9223372036854775807", "9" * 23]),
        (["run", "--seed", "9" * 5000], ["--seed: a number of 5000 digits is too long"]),
        (["run", "--seed", "--1"], ["--seed: '--1' is not a whole number"]),
        (["run", "--cpus", "-2"], ["--cpus: must be from 1 to 1024 (got -2)"]),
        (["run", "--noise", f"1/{'9' * 23}"], ["--noise: must be 0, or from 1e-09 to 1 (got 1e-23)"]),
        (["run", "--duration", f"{'9' * 23}s"], ["--duration", "longer than a year"]),
        (["sweep", "stop_machine", "--repeat", "-1"], ["--repeat: -1 is not from 1 to"]),
        (["sweep", "stop_machine", "--cpus", f"2,{'9' * 23}"], ["--cpus: must be from 1 to 1024"]),
        (["run", "--stall-after", "0s"], ["--stall-after"]),
        (["run", "--all", "stop_machine"], ["--all", "'stop_machine'"]),
        (["run", "--json", "nosuch/x.json"], ["--json", "'nosuch'"]),
        (["run", "--json", "."], ["--json", "'.'"]),
        (["run", "--results", "/dev/null/x"], ["--results", "/dev/null/x"]),
        (["run", "--corpus", "nosuch.json"], ["nosuch.json"]),
        (["run", "stop_machine", "stop_counts", "--gap", "1ms"], ["--gap", "stop_machine"]),
        (["run", "--frobnicate"], ["--frobnicate"]),
        (["frobnicate"], ["'frobnicate'"]),
        (["corpus", "show", "nosuch.json"], ["nosuch.json"]),
        (["corpus", "import", "nosuch.ko", "-o", "x.json"], ["nosuch.ko"]),
        (["corpus", "import", "-o", "x.json"], ["PATHS"]),
    ],
)
def test_bad_usage_is_one_line_and_exit_2(arguments: list[str], parts: list[str], tmp_path: Path) -> None:
    assert_one_line(arguments, *parts, cwd=tmp_path)
    assert list(tmp_path.iterdir()) == []


OWN = (
    "from stress import Outcome, Scenario\nown = [{}]\n"
    "SCENARIO = Scenario('x', 'c', 's', (), 'held', outcomes={{one.name: one for one in own}})"
)
"""A scenario file with outcomes of its own."""


@pytest.mark.parametrize(
    ("text", "part"),
    [
        ("", "SCENARIO"),
        ("SCENARIO = 1", "SCENARIO"),
        ("\n\ndef broken(:\n", "line 3: SyntaxError"),
        ("import sys\nsys.exit(0)", "line 2: SystemExit"),
        ("import nosuchmodule", "nosuchmodule"),
        ("1 / 0", "line 1"),
        (
            "from stress import Scenario\nSCENARIO = Scenario('x', 'c', 's', (), expect='maybe')",
            "line 2: ValueError: expect='maybe' is none of held",
        ),
        (
            "from stress import Scenario\nSCENARIO = Scenario('x', 'c', 's', (), 'held', fate='lost')",
            "fate='lost' is none of",
        ),
        ("from stress import Hardware\nHardware(gap=3)", "line 2: ValueError: gap=3 is not a share"),
        ("from stress import Hardware\nHardware(gap_s=-1.0)", "line 2"),
        (
            OWN.format("Outcome(10, 'mine', 'acceptable', 'm')"),
            ": outcome 'mine' has code 10, which is the code of",
        ),
        (
            OWN.format("Outcome(77, 'mine', 'acceptable', 'm')"),
            ": outcome 'mine' has code 77, which does not exist",
        ),
        (
            OWN.format("Outcome(20, 'found', 'acceptable', 'm')"),
            ": outcome 'found' has code 20, but this name has",
        ),
        (
            OWN.format("Outcome(20, 'a', 'acceptable', 'm'), Outcome(20, 'b', 'acceptable', 'm')"),
            ": outcome 'b' has code 20, and so has 'a'; give a code of 17 to 28, or let Outcome.table() allot one",
        ),
        (
            OWN.format("Outcome(20, 'mine', 'harmless', 'm')"),
            "line 2: ValueError: outcome 'mine' has the grade 'harmless'; give forbidden or acceptable",
        ),
    ],
)
def test_a_bad_scenario_file_is_one_line(text: str, part: str, tmp_path: Path) -> None:
    path = tmp_path / "mine.py"
    path.write_text(text)
    assert_one_line(["run", str(path)], str(path), part)


@pytest.mark.parametrize("content", [b"", b"{", b"[]", b'{"schema": 2}', b"\xff\xfe", b'{"schema": 1, "modules": 3}'])
def test_a_bad_corpus_file_is_one_line(content: bytes, tmp_path: Path) -> None:
    path = tmp_path / "corpus.json"
    path.write_bytes(content)
    assert_one_line(["run", "--engine", "python", "--corpus", str(path)], "corpus.json")
    assert path.read_bytes() == content


def test_a_corpus_without_modules_says_so(tmp_path: Path) -> None:
    symbols = tmp_path / "System.map"
    symbols.write_text("ffffffff81000000 T _text\nffffffff81000100 T start_kernel\n")
    done = called("corpus", "import", str(symbols), "-o", "kernel.json", cwd=tmp_path)
    assert done.returncode == 0, done.stderr
    assert_one_line(["run", "--engine", "python", "--corpus", "kernel.json"], "no module", cwd=tmp_path)


@pytest.mark.parametrize("command", ["run", "soak", "sweep", "explore"])
def test_a_corpus_of_which_nothing_is_taken_is_refused_before_anything_runs(command: str, tmp_path: Path) -> None:
    arguments = [command, "stop_machine", "scenarios/studies/stack.py:rcu", "--engine", "python", "--duration", "1s"]
    parts = ("--corpus: stack:rcu", "of its own", "leave it out")
    assert_one_line([*arguments, "--corpus", str(BUNDLED), "--results", str(tmp_path)], *parts, cwd=CHECKOUT)
    assert list(tmp_path.iterdir()) == []


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="needs /dev/full")
def test_a_full_disk_is_told_after_the_table_and_the_device_survives() -> None:
    done = kstress("run", "modlist_spinlock", "--engine", "python", "--duration", "300ms", "--json", "/dev/full")
    assert done.returncode == 2
    assert "VIOLATED" in done.stdout
    assert "No space left" in done.stderr.splitlines()[-1]
    assert not Path("/dev/full").is_file()


def test_native_without_llvmlite_names_the_extra(tmp_path: Path) -> None:
    (tmp_path / "sitecustomize.py").write_text(
        "import importlib.util as u\nfind = u.find_spec\n"
        "u.find_spec = lambda name, *rest: None if name == 'llvmlite' else find(name, *rest)\n"
    )
    path = os.pathsep.join([str(tmp_path), str(Path(__file__).parents[2])])
    done = kstress("run", "--engine", "native", PYTHONPATH=path)
    assert done.returncode == 2
    assert "--engine native needs llvmlite; install with: " in done.stderr
    assert "Traceback" not in done.stderr


@pytest.mark.parametrize("closing", [">&-", "2>&-", ">&- 2>&-"])
def test_closed_streams_are_no_fault(closing: str) -> None:
    until = ("--duration", "60s", "--stop-on-violation")
    command = shlex.join(command_line(["run", "modlist_spinlock", "--engine", "python", *until]))
    done = subprocess.run(
        ["sh", "-c", f"{command} {closing}"],
        env=environment(),
        capture_output=True,
        text=True,
        timeout=100,
        check=False,
    )
    assert done.returncode == 0
    assert "Traceback" not in done.stdout + done.stderr


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="needs /dev/full")
def test_a_terminal_that_takes_nothing_is_told_in_one_line_and_the_json_is_kept(tmp_path: Path) -> None:
    command = command_line(
        ["run", "modlist_spinlock", "--engine", "python", "--duration", "300ms", "--json", "kept.json"]
    )
    done = subprocess.run(
        ["sh", "-c", f"{shlex.join(command)} > /dev/full"],
        cwd=tmp_path, env=environment(), capture_output=True, text=True, timeout=100, check=False,
    )  # fmt: skip
    assert done.returncode == 2
    assert "Traceback" not in done.stderr
    assert "No space left" in done.stderr
    assert (tmp_path / "kept.json").is_file()


@pytest.mark.parametrize(
    ("line", "told"),
    [
        ("run --corpus nofile", "kstress: --corpus: nofile: cannot be read: No such file or directory"),
        ("soak stop_machine --duration 1s --corpus nofile", "kstress: --corpus: nofile: cannot be read: No such file"),
        ("sweep stop_machine --corpus nofile", "/nofile: cannot be read: No such file or directory; name another"),
        ("explore stop_machine --corpus nofile", "kstress: --corpus: nofile: cannot be read: No such file"),
        ("replay ks1~x --corpus nofile", "kstress: --corpus: nofile: cannot be read: No such file"),
        ("run linked_list --protocol rcuu", "kstress: --protocol: linked_list has no scenario 'rcuu'; it has"),
    ],
)
def test_a_value_that_cannot_be_used_is_told_with_its_option(line: str, told: str) -> None:
    assert_one_line(line.split(), told)
