"""An operation that goes on and makes no access ends a controlled run with a message; nothing else does."""

import re
import subprocess
import sys
import textwrap
from pathlib import Path

import pytest

from tests.frontdoor.command import BOUND_SECONDS, environment
from tests.run.runs import PLANTED
from tests.support import each_engine

pytestmark = pytest.mark.threads

HANGING = PLANTED / "no_access.py"
LINE = HANGING.read_text().splitlines().index("        turns = turns + 1 & 3 | 1  # the loop") + 1
IMPATIENT = """
    from stress.cli import main
    from stress.runs.controlled import silence

    silence.SILENT_SECONDS = 0.5
    main()
"""
MANY = 120
"""Schedules that take several times as long in all as a CPU may be silent."""
WATCHFUL = IMPATIENT.replace("= 0.5", "= 0.2").replace("main()", "silence.LOOK_SECONDS = 0.01\n    main()")


def explored(script: str, *arguments: str, cwd: Path) -> "subprocess.CompletedProcess[str]":
    """`kstress explore` in a process in which a script has changed something."""
    file = cwd / "changed.py"
    file.write_text(textwrap.dedent(script))
    return subprocess.run(
        [sys.executable, str(file), "explore", *arguments],
        cwd=cwd, env=environment(), capture_output=True, text=True, timeout=BOUND_SECONDS, check=False,
    )  # fmt: skip


@each_engine
def test_it_ends_the_process_with_a_message_and_loses_no_result(tmp_path: Path, engine: str) -> None:
    names = ("linked_list:none", f"{HANGING}:none")
    done = explored(IMPATIENT, *names, "--schedules", "50", "--engine", engine, "--json", "all.json", cwd=tmp_path)
    assert done.returncode == 4, done.stderr
    [line] = [line for line in done.stderr.splitlines() if line.startswith("kstress: ")]
    assert re.search(
        r"no_access:none: cpu1 did not end its operation, nor access memory, after \d+\.\d s of CPU time;", line
    )
    assert "cpu1 runs read" in line
    where = "--engine python" if engine == "native" else f"in turn_round \\(.*no_access.py:({LINE - 1}|{LINE})\\)"
    assert re.search(where, line)
    assert '"linked_list:none"' in (tmp_path / "all.json").read_text()


def test_schedules_that_take_long_in_all_are_not_ended(tmp_path: Path) -> None:
    names = ("linked_list:rcu", "--schedules", str(MANY), "--engine", "python")
    done = explored(WATCHFUL, *names, cwd=tmp_path)
    assert done.returncode in (0, 3), done.stderr
    assert f"{MANY} schedules" in done.stdout
